"""Options and fixtures of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Rewrite tests/golden from what the patterns render now. Review the diff.",
    )
    parser.addoption(
        "--update-media",
        action="store_true",
        help="Rewrite the pictures of the pages in docs/media.",
    )

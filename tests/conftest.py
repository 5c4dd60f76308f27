"""Options and fixtures of the whole suite."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes is up to the machine, and to what else runs on it.
settings.register_profile("cfpy", deadline=None)
settings.load_profile("cfpy")


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

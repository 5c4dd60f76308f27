"""What the README of a pipeline tells receivers of webhooks to do, on a webhook of the Worker."""

from __future__ import annotations

import importlib
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1] / "golden" / "pipeline" / "defaults"


@pytest.fixture
def webhooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of the golden project."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(PROJECT / "src")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module("jobs.webhooks")
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def is_genuine() -> Callable[..., bool]:
    """The function in the README."""
    [code] = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.S)
    names: dict[str, Any] = {}
    exec(code, names)
    check: Callable[..., bool] = names["is_genuine"]
    return check


def test_the_check_in_the_readme_takes_what_the_worker_signs(
    webhooks: Any, is_genuine: Callable[..., bool]
) -> None:
    webhook = webhooks.Webhook("w", "j", "ada", "https://a.example.com/", "done", 0, 1)
    headers = webhooks.signed_headers("secret", webhook, int(time.time()))
    body, secret = webhook.body.encode(), webhooks.owners_secret("secret", "ada")
    assert is_genuine(headers, body, secret)
    assert not is_genuine(headers, body + b" ", secret)
    assert not is_genuine(headers, body, webhooks.owners_secret("secret", "bob"))
    assert not is_genuine({**headers, "webhook-id": "v"}, body, secret)
    old = webhooks.signed_headers("secret", webhook, int(time.time()) - 600)
    assert not is_genuine(old, body, secret)

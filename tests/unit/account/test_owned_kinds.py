"""The kinds that an account owns have a module each."""

from __future__ import annotations

from cfpy.account.owned.registry import RESOURCES
from cfpy.bindings.registry import OWNED


def test_each_kind_that_is_owned_is_read_created_and_deleted() -> None:
    assert set(RESOURCES) == set(OWNED)
    assert {name: kind.binding for name, kind in RESOURCES.items()} == OWNED

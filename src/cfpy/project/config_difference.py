"""Compares two configurations, whatever format they are written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# For editors: it names the schema and is not a setting.
_NO_SETTING = "$schema"


def first_difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """The first key, dotted, whose values differ or that only one of the two has; ``None`` if they
    are equivalent. The order of keys does not matter, that of list items does."""
    return _in_tables(_settings(one), _settings(other), "")


def _settings(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in document.items() if key != _NO_SETTING}


def _in_tables(one: Mapping[str, Any], other: Mapping[str, Any], above: str) -> str | None:
    for key in (*one, *(key for key in other if key not in one)):
        if key not in one or key not in other:
            return above + key
        if found := _in_values(one[key], other[key], above + key):
            return found
    return None


def _in_values(one: Any, other: Any, key: str) -> str | None:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _in_tables(one, other, f"{key}.")
    if _is_list(one) and _is_list(other):
        if len(one) != len(other):
            return key
        found = (
            _in_values(a, b, f"{key}[{number}]")
            for number, (a, b) in enumerate(zip(one, other, strict=True))
        )
        return next((item for item in found if item), None)
    # In Python, True is 1.
    same_kind = isinstance(one, bool) == isinstance(other, bool)
    return None if same_kind and one == other else key


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


# Values that cfpy writes into a configuration: ids, and the names of buckets that had none.
_WRITTEN = ("database_id", "id", "bucket_name")


def only_filled_in(before: Any, now: Any) -> bool:
    """Whether ``now`` equals ``before``, except for ids that were empty."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return all(
            (key in _WRITTEN and not before.get(key) and isinstance(now.get(key), str))
            or (key in before and key in now and only_filled_in(before[key], now[key]))
            for key in {*before, *now}
        )
    if _is_list(before) and _is_list(now):
        return len(before) == len(now) and all(map(only_filled_in, before, now))
    return _in_values(before, now, "") is None

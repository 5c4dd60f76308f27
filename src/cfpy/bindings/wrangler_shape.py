"""Checks the types of the values in the configuration that cfpy reads: strings, lists and tables.

wrangler validates the rest when it runs; cfpy reads the file before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from typing import Any, NoReturn

from cfpy.bindings.kind import BindingKind, Shape
from cfpy.bindings.registry import KINDS

#: Reports what is wrong with the value at these keys.
Fail = Callable[[str, tuple[str | int, ...]], NoReturn]
_At = tuple[str | int, ...]

_STRINGS = ("name", "main", "compatibility_date", "account_id")
# The classes of Durable Objects: no kind of binding.
_CLASSES = ("new_classes", "new_sqlite_classes", "deleted_classes")


def check_shape(config: Mapping[str, Any], fail: Fail) -> None:
    """Refuse a value that is not a string, list or table where wrangler requires one, and bindings
    without a name.

    Args:
        config: A parsed file.
        fail: Called with a sentence and the keys of the first value that is wrong.
    """
    environments = config.get("env", {})
    _is_table(environments, ("env",), fail)
    _check(config, (), fail)
    for name, scope in environments.items():
        _is_table(scope, ("env", name), fail)
        _check(scope, ("env", name), fail)


def _check(scope: Mapping[str, Any], at: _At, fail: Fail) -> None:
    _are_strings(scope, _STRINGS, at, fail)
    _are_lists(scope, ("compatibility_flags",), at, fail)
    migrations = scope.get("migrations", [])
    _is_array(migrations, (*at, "migrations"), fail)
    for number, item in enumerate(migrations):
        _are_strings(item, ("tag",), (*at, "migrations", number), fail)
        _are_lists(item, _CLASSES, (*at, "migrations", number), fail)
    for kind in KINDS:
        _check_kind(scope, kind, at, fail)


def _check_kind(scope: Mapping[str, Any], kind: BindingKind, at: _At, fail: Fail) -> None:
    outer, _, inner = kind.table.partition(".")
    where = (*at, outer)
    value = scope.get(outer)
    if value is None:
        return
    if inner:
        _is_table(value, where, fail)
        where = (*where, inner)
        value = value.get(inner, [])
    if kind.shape is Shape.ARRAY:
        _is_array(value, where, fail)
        for number, item in enumerate(value):
            _check_entry(item, kind, (*where, number), fail)
        return
    _is_table(value, where, fail)
    if kind.shape is Shape.VALUES:
        _check_values(value, where, fail)
    elif value:
        _check_entry(value, kind, where, fail)


def _check_entry(item: Mapping[str, Any], kind: BindingKind, at: _At, fail: Fail) -> None:
    for name in kind.required:
        if name not in item:
            header = f"[[{_dotted(at)}]]" if kind.shape is Shape.ARRAY else f"[{_dotted(at)}]"
            fail(f"a {header} table has no `{name}`", at)
    named = kind.binding_key if kind.binding_key not in kind.lists else ""
    _are_strings(item, (named, *kind.strings), at, fail)
    _are_lists(item, kind.lists, at, fail)


def _check_values(values: Mapping[str, Any], at: _At, fail: Fail) -> None:
    for name, value in values.items():
        # wrangler accepts a date only inside a table or a list.
        if isinstance(value, date | time):
            where = (*at, name)
            fail(f"`{_dotted(where)}` is a date: put it in quotes, as a string", where)


def _is_array(value: Any, at: _At, fail: Fail) -> None:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        fail(f"`{_dotted(at)}` is not a list of tables ([[{_dotted(at)}]])", at)


def _is_table(value: Any, at: _At, fail: Fail) -> None:
    if not isinstance(value, Mapping):
        fail(f"`{_dotted(at)}` is not a table ([{_dotted(at)}])", at)


def _are_strings(item: Mapping[str, Any], keys: Iterable[str], at: _At, fail: Fail) -> None:
    for key in keys:
        if not isinstance(item.get(key, ""), str):
            fail(f'`{_dotted((*at, key))}` is not a string ("...")', (*at, key))


def _are_lists(item: Mapping[str, Any], keys: Iterable[str], at: _At, fail: Fail) -> None:
    for key in keys:
        value = item.get(key, [])
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            fail(f'`{_dotted((*at, key))}` is not a list of strings (["..."])', (*at, key))


def _dotted(at: _At) -> str:
    return ".".join(key for key in at if isinstance(key, str))

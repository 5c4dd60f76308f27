"""Checks the types of the ``wrangler.toml`` values that cfpy reads: strings, lists and tables.

wrangler validates the rest when it runs; cfpy reads the file before that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any, NoReturn

#: Reports what is wrong with the value at these keys.
Fail = Callable[[str, tuple[str | int, ...]], NoReturn]

_TEXTS = ("name", "main", "compatibility_date", "account_id")
_TABLES = ("ai", "assets", "durable_objects", "queues", "secrets", "triggers", "vars")
_ARRAYS = (
    *("analytics_engine_datasets", "d1_databases", "hyperdrive", "kv_namespaces", "migrations"),
    *("r2_buckets", "ratelimits", "services", "vectorize", "workflows"),
)
# Inside these tables: arrays of tables, and lists of strings.
_INNER_ARRAYS = {"durable_objects": ("bindings",), "queues": ("producers", "consumers")}
_INNER_LISTS = {"secrets": ("required",), "triggers": ("crons",)}
_INNER_TEXTS = {"ai": ("binding",), "assets": ("binding", "directory")}
_CLASSES = ("new_classes", "new_sqlite_classes", "deleted_classes")
# Arrays whose tables require some keys, also in wrangler.
_REQUIRED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("analytics_engine_datasets", "d1_databases", "hyperdrive"), ("binding",)),
    **dict.fromkeys(("kv_namespaces", "r2_buckets", "services", "vectorize"), ("binding",)),
    **dict.fromkeys(("bindings", "ratelimits"), ("name",)),
    "consumers": ("queue",),
    "producers": ("binding", "queue"),
    "workflows": ("binding", "name"),
}
# In the tables of any array: keys with the name of something.
_NAMES = (
    *("binding", "bucket_name", "class_name", "database_id", "database_name", "dataset"),
    *("dead_letter_queue", "id", "index_name", "jurisdiction", "migrations_dir"),
    *("migrations_pattern", "migrations_table", "name"),
    *("queue", "service", "tag"),
)


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


def _check(scope: Mapping[str, Any], at: tuple[str, ...], fail: Fail) -> None:
    for key in _TEXTS:
        _is_text(scope.get(key, ""), (*at, key), fail)
    _is_list_of_texts(scope.get("compatibility_flags", []), (*at, "compatibility_flags"), fail)
    for key in _ARRAYS:
        _is_array(scope.get(key, []), (*at, key), fail)
    for key in _TABLES:
        table, where = scope.get(key, {}), (*at, key)
        _is_table(table, where, fail)
        for inner in _INNER_ARRAYS.get(key, ()):
            _is_array(table.get(inner, []), (*where, inner), fail)
        for inner in _INNER_LISTS.get(key, ()):
            _is_list_of_texts(table.get(inner, []), (*where, inner), fail)
        for inner in _INNER_TEXTS.get(key, ()):
            _is_text(table.get(inner, ""), (*where, inner), fail)
    for name, value in scope.get("vars", {}).items():
        # wrangler accepts a date only inside a table or a list.
        if isinstance(value, date | time):
            where = (*at, "vars", name)
            fail(f"`{_dotted(where)}` is a date: put it in quotes, as a string", where)


def _is_array(value: Any, at: tuple[str | int, ...], fail: Fail) -> None:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        fail(f"`{_dotted(at)}` is not a list of tables ([[{_dotted(at)}]])", at)
    for number, item in enumerate(value):
        for name in _REQUIRED.get(str(at[-1]), ()):
            if name not in item:
                fail(f"a [[{_dotted(at)}]] table has no `{name}`", (*at, number))
        for name in _NAMES:
            _is_text(item.get(name, ""), (*at, number, name), fail)
        for name in _CLASSES:
            _is_list_of_texts(item.get(name, []), (*at, number, name), fail)


def _is_table(value: Any, at: tuple[str | int, ...], fail: Fail) -> None:
    if not isinstance(value, Mapping):
        fail(f"`{_dotted(at)}` is not a table ([{_dotted(at)}])", at)


def _is_text(value: Any, at: tuple[str | int, ...], fail: Fail) -> None:
    if not isinstance(value, str):
        fail(f'`{_dotted(at)}` is not a string ("...")', at)


def _is_list_of_texts(value: Any, at: tuple[str | int, ...], fail: Fail) -> None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        fail(f'`{_dotted(at)}` is not a list of strings (["..."])', at)


def _dotted(at: tuple[str | int, ...]) -> str:
    return ".".join(key for key in at if isinstance(key, str))

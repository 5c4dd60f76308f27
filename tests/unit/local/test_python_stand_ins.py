"""Modules that npm's Pyodide does not have: what uses them as Django does works, and no more."""

from __future__ import annotations

import builtins
import datetime
import importlib.util
import sqlite3.dbapi2
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from cfpy.local.local_runtime import RUNTIME_FILES

PLACE = RUNTIME_FILES / "node" / "python"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("stand_in", PLACE / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def finders() -> Iterator[list[Any]]:
    before = sys.meta_path[:]
    yield sys.meta_path
    sys.meta_path[:] = before


def test_sqlite3_has_the_names_of_the_real_one() -> None:
    module = load("sqlite3/dbapi2.py")
    real = {
        name
        for name, value in vars(sqlite3.dbapi2).items()
        if not name.startswith(("_", "SQLITE_", "LEGACY"))
        and not isinstance(value, ModuleType)
        # Deprecated, and gone in Python 3.14.
        and name not in ("enable_shared_cache", "version", "version_info", "collections")
    }
    assert real <= set(vars(module))
    for name in real:
        mine, other = getattr(module, name), getattr(sqlite3.dbapi2, name)
        if isinstance(other, type) and issubclass(other, Exception):
            assert [base.__name__ for base in mine.__mro__] == [
                base.__name__ for base in other.__mro__
            ]


def test_sqlite3_registers_and_opens_nothing() -> None:
    module = load("sqlite3/dbapi2.py")
    module.register_adapter(datetime.date, str)
    module.register_converter("bool", b"1".__eq__)
    assert module.adapt(datetime.date(2026, 11, 26)) == "2026-11-26"
    with pytest.raises(module.ProgrammingError):
        module.adapt(object())
    with pytest.raises(module.NotSupportedError, match="or Python 3"):
        module.connect(":memory:")


def test_a_missing_module_says_why(finders: list[Any]) -> None:
    load("_cfpy_reasons.py")
    last = finders[-1]
    assert last.find_spec("anything") is None
    with pytest.raises(ModuleNotFoundError, match="or Python 3") as caught:
        last.find_spec("ssl")
    assert caught.value.name == "ssl"
    assert isinstance(caught.value, builtins.ImportError)


class Env:
    """Like the SDK's wrapper of the bindings."""

    def __init__(self, **bindings: object) -> None:
        self._env = bindings

    def __getattr__(self, name: str) -> object:
        if name.startswith("_") or name not in self._env:
            raise AttributeError(name)
        return self._env[name]


def test_a_missing_binding_is_told_with_those_that_are_there(
    finders: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    js = ModuleType("js")
    monkeypatch.setattr(js, "Object", type("Object", (), {"keys": list}), raising=False)
    monkeypatch.setitem(sys.modules, "js", js)
    sdk = ModuleType("workers.rpc")
    wrapper = type("Env", (Env,), dict(vars(Env)))
    monkeypatch.setattr(sdk, "_EnvWrapper", wrapper, raising=False)
    load("_cfpy_reasons.py").name_bindings(sdk)
    env = wrapper(KV=1, DB=2)
    assert env.KV == 1
    assert (hasattr(env, "NOPE"), getattr(env, "NOPE", 3)) == (False, 3)
    with pytest.raises(
        AttributeError, match=r"^env has no binding NOPE; it has: DB, KV$"
    ) as caught:
        _ = env.NOPE
    assert caught.value.name == "NOPE"
    with pytest.raises(AttributeError, match=r"it has: none$"):
        _ = wrapper().KV
    # What Python asks any object for.
    with pytest.raises(AttributeError, match=r"^__deepcopy__$"):
        _ = env.__deepcopy__


def test_an_sdk_with_another_wrapper_stays_as_it_is(finders: list[Any]) -> None:
    sdk = ModuleType("workers.rpc")
    before = dict(vars(sdk))
    load("_cfpy_reasons.py").name_bindings(sdk)
    assert vars(sdk) == before

"""Every kind of binding fulfils the same contract."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any, NoReturn

import pytest

import cfpy
from cfpy.bindings import kinds
from cfpy.bindings.add import Added, AddRequest, run
from cfpy.bindings.asked import Options
from cfpy.bindings.environments import derive, effective
from cfpy.bindings.kind import BindingKind, LocalStance, Shape
from cfpy.bindings.registry import BY_NAME, BY_TABLE, KINDS, OWNED, VALUES, bindings, bound_names
from cfpy.bindings.wrangler_shape import check_shape
from cfpy.cost.price_files import read_book

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs" / "reference" / "wrangler-keys.md").read_text("utf-8")
COMMANDS = (ROOT / "docs" / "reference" / "commands.md").read_text("utf-8")
STUB = Path(cfpy.__file__).parent / "templates" / "base" / "template" / "typings" / "bindings.pyi"
MAIN = 'name = "shop"\nmain = "src/entry.py"\ncompatibility_date = "2026-11-17"\n'
OPTIONS = Options(id="0123456789abcdef0123456789abcdef", consumer=True)
NAMED = [kind for kind in KINDS if kind.binding_key]
ADDED = list(BY_NAME.values())
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
each_named = pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.table)
each_added = pytest.mark.parametrize("kind", ADDED, ids=lambda kind: kind.name)


def scope_of(kind: BindingKind, item: Any) -> dict[str, Any]:
    """A scope of wrangler.toml with one table of a kind."""
    outer, _, inner = kind.table.partition(".")
    value = [item] if kind.shape is Shape.ARRAY else item
    return {"name": "shop", outer: {inner: value} if inner else value}


def least(kind: BindingKind, **more: Any) -> dict[str, Any]:
    """The smallest table of a kind; its binding is THING."""
    if kind.shape is Shape.VALUES:
        return {"THING": "1"}
    keys = dict.fromkeys((*kind.required, *kind.strings, kind.entry_key or "x"), "shop-it")
    keys |= {key: ["it"] for key in kind.lists}
    if kind.binding_key:
        keys[kind.binding_key] = ["THING"] if kind.binding_key in kind.lists else "THING"
    # Without it, a Durable Object and a Workflow are of this Worker.
    keys.pop("script_name", None)
    keys.pop("x", None)
    return keys | more


def complaint(scope: dict[str, Any]) -> str:
    def fail(message: str, _keys: tuple[str | int, ...]) -> NoReturn:
        raise AssertionError(message)

    try:
        check_shape(scope, fail)
    except AssertionError as error:
        return str(error)
    return ""


def added(root: Path, kind: BindingKind, environment: str = "") -> Added:
    name = "daily" if not kind.binds else "thing"
    return run(AddRequest(root, kind.name, name, environment, OPTIONS, dry_run=False))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "wrangler.toml").write_text(MAIN)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "entry.py").write_text("")
    return tmp_path


def test_no_two_have_one_name_or_table() -> None:
    assert len(BY_TABLE) == len(KINDS)
    assert len(BY_NAME) == len([kind for kind in KINDS if kind.name])
    assert len(OWNED) == len([kind for kind in KINDS if kind.owned])


def test_every_module_of_kinds_is_in_the_registry() -> None:
    folder = Path(str(kinds.__file__)).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    registry = (folder.parent / "registry.py").read_text("utf-8")
    assert {name for name in modules if f"kinds.{name} import" in registry} == modules


@each
def test_its_smallest_table_is_accepted(kind: BindingKind) -> None:
    assert complaint(scope_of(kind, least(kind))) == ""
    assert complaint({"name": "x", "env": {"a": scope_of(kind, least(kind))}}) == ""


@each
def test_another_shape_is_refused(kind: BindingKind) -> None:
    item = least(kind)
    outer, _, inner = kind.table.partition(".")
    other: Any = item if kind.shape is Shape.ARRAY else [item]
    assert f"`{kind.table}` is not a" in complaint({outer: {inner: other} if inner else other})
    assert f"`{kind.table}` is not a" in complaint({outer: {inner: "x"} if inner else "x"})


@each
def test_a_value_of_another_type_is_refused_by_its_key(kind: BindingKind) -> None:
    for key in {*kind.strings, *kind.lists, kind.binding_key} - {""}:
        assert f"`{kind.table}.{key}` is not a" in complaint(
            scope_of(kind, least(kind, **{key: 1}))
        )
    for key in kind.required:
        item = least(kind)
        del item[key]
        said = complaint(scope_of(kind, item or {"other": 1}))
        assert said.endswith(f"has no `{key}`"), said


@each
def test_what_it_says_of_its_keys_is_about_keys_that_wrangler_knows(kind: BindingKind) -> None:
    named = {*kind.required, *kind.strings, *kind.lists, *kind.name_keys, kind.id_key}
    if kind.keys:
        assert named | {kind.binding_key, kind.entry_key} <= {*kind.keys, ""}
    assert {kind.id_key, *kind.name_keys[:1]} <= {*kind.strings, ""}
    assert bool(kind.binding_key) is not bool(kind.entry_key) or kind.free


@each_named
def test_the_one_function_sees_what_it_binds(kind: BindingKind) -> None:
    scope = scope_of(kind, least(kind))
    assert list(bound_names(scope)) == [("THING", kind.table)]
    found = [(name, of.table) for name, of, _ in bindings(scope)]
    assert found == ([] if kind in VALUES else [("THING", kind.table)])


@each
def test_an_environment_has_it_too(kind: BindingKind) -> None:
    scope = scope_of(kind, least(kind))
    new = derive(scope, "staging")
    whole = {**scope, "env": {"staging": new.tables}}
    assert complaint(whole) == ""
    assert (kind.outer in new.tables) is not kind.inherited
    assert list(bound_names(effective(whole, "staging"))) == list(bound_names(scope))
    [item] = kind.entries(effective(whole, "staging"))
    shared = list(new.shared) == [kind.outer]
    # What is not shared names no resource of production.
    for key in kind.name_keys:
        assert shared or item.get(key) != least(kind).get(key), key
    assert not (kind.owned and shared)
    assert kind.id_key not in item or shared


@each
def test_a_local_run_has_an_answer(kind: BindingKind) -> None:
    if kind.local is None:
        assert not kind.binding_key or kind in VALUES
    else:
        fails = kind.local.stance is LocalStance.FAILS
        assert bool(kind.fails) is bool(kind.local.members) is fails
        assert kind.js_class or not fails


@each
def test_an_estimate_has_an_answer(kind: BindingKind) -> None:
    assert not (kind.free and kind.meter)
    assert not kind.meter or kind.meter in read_book().meters


@each
def test_what_an_account_owns_can_be_found_there(kind: BindingKind) -> None:
    if kind.owned:
        assert kind.permission.endswith(": Edit")
        assert kind.permission_of
        assert kind.api_type
        assert kind.subcommand
        assert kind.filled_in in kind.keys
    assert bool(kind.api_type) is bool(kind.api_keys)
    assert not kind.api_type or kind.id_key or kind.name_keys


@each
def test_the_reference_has_it(kind: BindingKind) -> None:
    for key, stance in kind.keys.items():
        assert f"| `{kind.table}` | `{key}` | {stance} |" in REFERENCE
    if kind.local:
        assert f"| `{kind.table}` | {kind.local.stance} | {kind.fails} |" in REFERENCE
    if kind.name:
        listed = COMMANDS.partition("What to add: ")[2].partition(".")[0]
        assert kind.name in listed.split(", ")


@each_added
def test_what_it_adds_is_a_binding_of_it(kind: BindingKind, project: Path) -> None:
    binding = added(project, kind).addition.binding
    written = tomllib.loads((project / "wrangler.toml").read_text())
    assert complaint(written) == ""
    assert len(kind.entries(written)) == 1
    if kind.binds:
        assert list(bound_names(written)) == [(binding, kind.table)]
    assert kind.outer not in tomllib.loads(MAIN)


@each_added
def test_its_example_adds_it(kind: BindingKind, project: Path) -> None:
    name, *more = kind.example.split()
    options = Options(id=OPTIONS.id if "--id" in more else "", consumer="--consumer" in more)
    run(AddRequest(project, kind.name, name, "", options, dry_run=False))
    assert kind.entries(tomllib.loads((project / "wrangler.toml").read_text()))


@each_added
def test_what_it_adds_can_be_added_to_an_environment(kind: BindingKind, project: Path) -> None:
    (project / "wrangler.toml").write_text(f'{MAIN}\n[env.staging.vars]\nA = "1"\n')
    added(project, kind, "staging")
    written = tomllib.loads((project / "wrangler.toml").read_text())
    assert len(kind.entries(written["env"]["staging"])) == 1
    assert kind.entries(written) == []


@each_added
def test_its_lines_are_code_that_uses_the_binding(kind: BindingKind) -> None:
    assert bool(kind.python) is bool(kind.javascript) is kind.binds
    python, script = kind.python.format(b="THING"), kind.javascript.format(b="THING")
    lines = "".join(f"    {line}\n" for line in python.splitlines())
    ast.parse(f"async def fetch(self):\n{lines}    return None\n")
    if kind.binds:
        assert "env.THING" in python
        assert "env.THING" in script
    assert script.count("{") == script.count("}")


@each_added
def test_its_type_is_in_the_stub(kind: BindingKind) -> None:
    assert bool(kind.python_type) is kind.binds
    if kind.binds:
        names = {node.name for node in ast.parse(STUB.read_text()).body if hasattr(node, "name")}
        assert kind.python_type in names

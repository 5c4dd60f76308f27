"""The map of the rooms is true: the page, the contracts and the code agree."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "cfpy"
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONTRACTS = {
    contract["name"].partition(" ")[0]: contract
    for contract in SETTINGS["tool"]["importlinter"]["contracts"]
}
# Each layer may have siblings that do not know each other; the first is the room.
ROOMS = [layer.split()[0] for layer in CONTRACTS["Rooms:"]["layers"]]
PURE = {name.removeprefix("cfpy.") for name in CONTRACTS["Pure"]["source_modules"]}
ROW = re.compile(r"^\| (?!part \||---)(.+) \| (.+) \|$", re.MULTILINE)
LONGEST_FILE, LONGEST_FUNCTION = 350, 60
CLOCKS = {"now", "today", "utcnow", "time", "monotonic", "perf_counter", "sleep"}


def sections() -> dict[str, str]:
    """The parts of the page by the room that they are about."""
    found = re.split(r"(?m)^## `(\w+)(?:/|\.py)`", PAGE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def listed(room: str, *, pure: bool = False) -> list[str]:
    """The modules in the table of a room, or those in its pure rows."""
    rows = ROW.findall(sections()[room])
    return [
        name
        for part, modules in rows
        if not pure or part.startswith("pure")
        for name in re.findall(r"`(\w+)`", modules)
    ]


def in_room(room: str) -> list[Path]:
    """The modules of a room, and its packages but the data that is Python."""
    paths = [path for path in (SOURCES / room).glob("*.py") if path.stem != "__init__"]
    return [*paths, *(path.parent for path in (SOURCES / room).glob("*/__init__.py"))]


def modules() -> dict[str, Path]:
    """Every module of cfpy by its name without ``cfpy.``, but the data that is Python."""
    files = [*SOURCES.glob("*.py"), *(path for r in ROOMS for path in (SOURCES / r).glob("*.py"))]
    files += [
        path
        for room in ROOMS
        for part in in_room(room)
        if part.is_dir()
        for path in part.glob("*.py")
    ]
    return {".".join(path.relative_to(SOURCES).with_suffix("").parts): path for path in files}


@functools.cache
def parsed(path: Path) -> ast.Module:
    """Not when this module is read: each process of a run reads it."""
    return ast.parse(path.read_text("utf-8"))


def code() -> list[Path]:
    """Every Python file of cfpy, but those of projects and patterns that it creates."""
    data = (SOURCES / "templates", SOURCES / "new_pattern")
    return [path for path in SOURCES.rglob("*.py") if not any(map(path.is_relative_to, data))]


MODULES = modules()
# A package in the contract is pure with all that is in it.
PURE_MODULES = {name for name in MODULES if PURE & {name, name.rpartition(".")[0]}}


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules of cfpy that one imports anywhere in it, by the same names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
        else:
            continue
        for name in names:
            if (found := name.removeprefix("cfpy.")) in MODULES:
                yield found


def test_the_page_has_the_rooms_in_the_order_of_the_contract() -> None:
    assert list(sections()) == ROOMS
    assert f"`{' -> '.join(ROOMS)}`" in PAGE
    assert CONTRACTS["Rooms:"]["name"] == f"Rooms: {' -> '.join(ROOMS)}"


@pytest.mark.parametrize("room", ROOMS[:-1])
def test_the_page_lists_each_module_of_a_room_once(room: str) -> None:
    assert sorted(listed(room)) == sorted(path.stem for path in in_room(room)), (
        f"docs/explanation/architecture.md, {room}/"
    )


@pytest.mark.parametrize("room", ROOMS[:-1])
def test_the_page_calls_pure_what_the_contract_does(room: str) -> None:
    in_contract = {name.partition(".")[2] for name in PURE if name.startswith(f"{room}.")}
    assert set(listed(room, pure=True)) == in_contract


def test_the_page_names_all_that_is_in_the_package() -> None:
    there = {path.name for path in SOURCES.iterdir() if path.name != "__pycache__"}
    rooms = {room for room in ROOMS if room != "errors"}
    named = {name.rstrip("/") for name in re.findall(r"`([\w.]+/?)`", PAGE)}
    assert there - {"__init__.py", "py.typed"} - rooms <= named
    assert rooms <= there


def test_a_unit_test_is_in_a_room_or_about_all_of_them() -> None:
    folders = {path.parent.name for path in (ROOT / "tests" / "unit").rglob("test_*.py")}
    assert folders <= {*ROOMS, "unit"}


@pytest.mark.parametrize("name", sorted(PURE_MODULES))
def test_a_pure_module_imports_pure_ones_and_reads_no_clock(name: str) -> None:
    assert set(imported(parsed(MODULES[name]))) <= PURE_MODULES | {"errors"}
    called = {
        node.func.attr
        for node in ast.walk(parsed(MODULES[name]))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert called.isdisjoint(CLOCKS)


def test_no_modules_import_each_other() -> None:
    graph = {name: set(imported(parsed(path))) - {name} for name, path in MODULES.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for name, path in MODULES.items():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_no_file_is_too_long_to_read_in_one_go() -> None:
    lengths = {
        path.relative_to(SOURCES).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in code()
    }
    assert len(lengths) > len(MODULES)
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_too_long_to_read_in_one_go() -> None:
    lengths = {
        f"{path.relative_to(SOURCES).as_posix()}:{node.name}": node.end_lineno - node.lineno + 1
        for path in code()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}

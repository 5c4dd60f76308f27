"""`cfpy add` of a class: what the main module has by its name, and what it can't have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cfpy.bindings.add import Added, AddRequest, run
from cfpy.bindings.asked import Options
from cfpy.errors import CfpyError, ProjectError, UsageError

KINDS = ("durable-object", "workflow")
PYTHON = """\
from workers import DurableObject, Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("hello")
"""
SCRIPT = "export default { fetch() { return new Response('hello'); } };\n"


def project(root: Path, main: str, source: str, **files: str) -> Path:
    config = {
        "name": "x",
        "main": f"src/{main}",
        "compatibility_date": "2026-11-17",
        **({"compatibility_flags": ["python_workers"]} if main.endswith(".py") else {}),
    }
    (root / "src").mkdir()
    (root / "wrangler.jsonc").write_text(json.dumps(config, indent=2))
    (root / "src" / main).write_text(source)
    for name, text in files.items():
        (root / "src" / name.replace("_dot_", ".")).write_text(text)
    return root


def add(root: Path, kind: str = "durable-object", name: str = "room") -> Added:
    return run(AddRequest(root, kind, name, "", Options(), dry_run=False))


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".wrangler" not in path.parts
    }


def refused(
    root: Path, error: type[CfpyError], kind: str = "durable-object", name: str = "room"
) -> str:
    """The message with which `cfpy add` changes nothing."""
    before = tree(root)
    with pytest.raises(error) as caught:
        add(root, kind, name)
    assert tree(root) == before
    return f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "source",
    [
        'addEventListener("fetch", (event) => event.respondWith(new Response("x")));\n',
        "module.exports = { fetch() { return new Response('x'); } };\n",
        "exports.default = { fetch() {} };\n",
        "export class Other {}\n",
        "export const fetch = () => new Response('x');\n",
        'export * from "./worker";\n',
        "// export default {}\n",
        "",
    ],
)
@pytest.mark.parametrize("main", ["e.js", "e.ts"])
def test_a_service_worker_gets_no_class(source: str, kind: str, main: str, tmp_path: Path) -> None:
    root = project(tmp_path, main, source)
    message = refused(root, ProjectError, kind)
    assert f"{main}: has no default export" in message
    assert "export default {" in message


@pytest.mark.parametrize(
    "source",
    [
        "const w = {};\nexport { w as default };\n",
        "const w = {};\nexport { w as 'default' };\n",
        'export { default } from "./worker";\n',
        'export * as default from "./worker";\n',
        "export default class extends WorkerEntrypoint {}\n",
        "export default async function f() {}\n",
    ],
)
def test_any_form_of_default_export_gets_the_class(source: str, tmp_path: Path) -> None:
    root = project(tmp_path, "e.ts", source)
    assert sorted(add(root).files) == ["src/e.ts", "src/room.ts", "wrangler.jsonc"]


def test_a_script_that_does_not_parse_is_named(tmp_path: Path) -> None:
    root = project(tmp_path, "e.js", "const = {};\nfunction (\n")
    assert "e.js:1" in refused(root, ProjectError)


BASE = 'import { DurableObject } from "cloudflare:workers";\n'
ROOM = f"{BASE}export class Room extends DurableObject {{}}\n"


@pytest.mark.parametrize(
    ("source", "files", "where"),
    [
        (f"{BASE}export class Room extends DurableObject {{}}\n", {}, "e.ts:2"),
        (f"{BASE}export class Room extends DurableObject<Env> {{}}\n", {}, "e.ts:2"),
        (f"{BASE}class Room extends DurableObject {{}}\nexport {{ Room }};\n", {}, "e.ts:2"),
        (f"{BASE}class X extends DurableObject {{}}\nexport {{ X as Room }};\n", {}, "e.ts:2"),
        (f"{BASE}export const Room = class extends DurableObject {{}};\n", {}, "e.ts:2"),
        (f"{BASE}class B extends DurableObject {{}}\nexport class Room extends B {{}}\n", {}, ":3"),
        (
            'import * as cf from "cloudflare:workers";\n'
            "export class Room extends cf.DurableObject {}\n",
            {},
            "e.ts:2",
        ),
        (
            'import { DurableObject as D } from "cloudflare:workers";\n'
            "export class Room extends D {}\n",
            {},
            "e.ts:2",
        ),
        (
            "export class Room {\n  constructor(state, env) {}\n  async fetch() {}\n}\n",
            {},
            "e.ts:1",
        ),
        ('export { Room } from "./a";\n', {"a_dot_ts": ROOM}, "a.ts:2"),
        ('export { Room } from "./a.js";\n', {"a_dot_ts": ROOM}, "a.ts:2"),
        ('export * from "./a";\n', {"a_dot_ts": ROOM}, "a.ts:2"),
        ('import { Room } from "./a";\nexport { Room };\n', {"a_dot_ts": ROOM}, "a.ts:2"),
        (
            'export { default as Room } from "./a";\n',
            {"a_dot_ts": f"{BASE}export default class extends DurableObject {{}}\n"},
            "a.ts:2",
        ),
        (
            'import Room from "./a";\nexport { Room };\n',
            {"a_dot_ts": f"{BASE}class R extends DurableObject {{}}\nexport default R;\n"},
            "a.ts",
        ),
    ],
)
def test_an_exported_class_is_bound_as_it_is(
    source: str, files: dict[str, str], where: str, tmp_path: Path
) -> None:
    root = project(tmp_path, "e.ts", source + SCRIPT, **files)
    added = add(root)
    assert list(added.files) == ["wrangler.jsonc"]
    assert "ROOM uses the class Room in src/" in added.note
    assert where in added.note
    # The example calls a method that this class may not have.
    assert added.snippet == ""
    written = json.loads((root / "wrangler.jsonc").read_text())
    assert written["durable_objects"]["bindings"] == [{"name": "ROOM", "class_name": "Room"}]
    assert written["migrations"] == [{"tag": "v1", "new_sqlite_classes": ["Room"]}]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("export class Room {}\n", 1),
        ("\nexport const Room = 5;\n", 2),
        ("export let a = 1, Room = 5;\n", 1),
        ("export const { Room } = rooms;\n", 1),
        ("export const { a: [Room] } = rooms;\n", 1),
        ("export function Room() {}\n", 1),
        ("export enum Room { A }\n", 1),
        ("export interface Room {}\n", 1),
        ("export type Room = string;\n", 1),
        ("export namespace Room {}\n", 1),
        ("class Room extends DurableObject {}\n", 1),
        ("\n\nconst Room = 5;\n", 3),
        ("var Room;\n", 1),
        ("interface Room {}\n", 1),
        ("import { Room } from './a';\n", 1),
        ("import Room from 'a';\n", 1),
        ("import * as Room from 'a';\n", 1),
        ("import { X as Room } from './a';\n", 1),
        ("export { Room } from 'a-package';\n", 1),
        ("export * as Room from './a';\n", 1),
        ("const X = 1;\nexport { X as Room };\n", 2),
        ("const X = 1;\nexport { X as 'Room' };\n", 2),
        ("export * from './a';\n", 1),
        ("export { Room } from './a';\n", 1),
        ("export class Room extends WorkflowEntrypoint {}\n", 1),
    ],
)
def test_anything_else_by_that_name_is_refused(source: str, line: int, tmp_path: Path) -> None:
    root = project(tmp_path, "e.ts", source + SCRIPT, a_dot_ts="export const Room = 5;\n")
    message = refused(root, UsageError)
    assert "Room" in message
    # The line of the declaration, or that of its export.
    assert f"src/e.ts:{line} " in message or "src/e.ts:1 already" in message


@pytest.mark.parametrize(
    "source",
    [
        "export class Rooms extends DurableObject {}\n",
        "function f() { const Room = 5; class Room2 {} }\n",
        "export { Room as Hall } from './a';\n",
        "export * from 'a-package';\n",
        "const rooms = { Room: 5 };\n",
        "// export class Room extends DurableObject {}\n",
    ],
)
def test_the_name_elsewhere_is_no_reason(source: str, tmp_path: Path) -> None:
    root = project(tmp_path, "e.ts", source + SCRIPT, a_dot_ts="export const Room = 5;\n")
    assert "src/room.ts" in add(root).files


ROOM_PY = "from workers import DurableObject\n\n\nclass Room(DurableObject):\n    pass\n"


@pytest.mark.parametrize(
    ("source", "files", "where"),
    [
        (f"{PYTHON}\n\nclass Room(DurableObject):\n    pass\n", {}, "entry.py:9"),
        (f"import workers\n{PYTHON}\n\nclass Room(workers.DurableObject):\n    pass\n", {}, ":10"),
        (f"from a import Room\n{PYTHON}", {"a_dot_py": ROOM_PY}, "a.py:4"),
        (f"from a import Room as Room\n{PYTHON}", {"a_dot_py": ROOM_PY}, "a.py:4"),
        (f"from a import *\n{PYTHON}", {"a_dot_py": ROOM_PY}, "a.py:4"),
        (
            f"from a import R as Room\n{PYTHON}",
            {"a_dot_py": ROOM_PY.replace("Room", "R")},
            "a.py:4",
        ),
        (
            f"from a import Base\n{PYTHON}\n\nclass Room(Base):\n    pass\n",
            {"a_dot_py": ROOM_PY.replace("Room", "Base")},
            "entry.py:10",
        ),
        (
            f"from workers import DurableObject as D\n{PYTHON}\n\nclass Room(D):\n    pass\n",
            {},
            "entry.py:10",
        ),
    ],
)
def test_a_class_of_python_is_bound_as_it_is(
    source: str, files: dict[str, str], where: str, tmp_path: Path
) -> None:
    root = project(tmp_path, "entry.py", source, **files)
    added = add(root)
    assert list(added.files) == ["wrangler.jsonc"]
    assert where in added.note
    assert "--runtime workerd" in added.note
    assert added.snippet == ""


@pytest.mark.parametrize(
    "tail",
    [
        "Room = 5",
        "Room: int = 5",
        "def Room(): ...",
        "class Room: ...",
        "class Room(WorkerEntrypoint): ...",
        "from a import Room",
        "from somewhere import Room",
        "import Room",
        "import a as Room",
        "if True:\n    class Room(DurableObject): ...",
        "try:\n    Room = 1\nexcept ValueError:\n    pass",
        "for Room in (): ...",
        "a, Room = 1, 2",
        "class Room(DurableObject): ...\nRoom = 5",
        "from a import *",
    ],
)
def test_anything_else_by_that_name_in_python_is_refused(tail: str, tmp_path: Path) -> None:
    source = f"{PYTHON}\n{tail}\n"
    root = project(tmp_path, "entry.py", source, a_dot_py="Room = 5\n")
    message = refused(root, UsageError)
    first = source[: source.index(tail)].count("\n") + 1
    assert f"src/entry.py:{first}" in message or f"src/entry.py:{first + 1}" in message


@pytest.mark.parametrize("kind", KINDS)
def test_the_entrypoint_is_no_such_class(kind: str, tmp_path: Path) -> None:
    root = project(tmp_path, "entry.py", PYTHON)
    assert "entrypoint" in refused(root, UsageError, kind, "default")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("None", "None is a word of Python"),
        ("true", "True is a word of Python"),
        ("FALSE", "False is a word of Python"),
        ("value-error", "ValueError is a word of Python"),
        ("exception", "Exception is a word of Python"),
        ("any", "Any"),
        ("class", "class is a word of Python"),
        ("async", "async is a word of Python"),
    ],
)
def test_a_word_of_the_language_is_no_name(name: str, word: str, kind: str, tmp_path: Path) -> None:
    root = project(tmp_path, "entry.py", PYTHON)
    message = refused(root, UsageError, kind, name)
    assert word in message
    assert "NAME" in message


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("durable-object", "durable-object"),
        ("durable-object", "number"),
        ("workflow", "promise"),
        ("workflow", "workflow-step"),
    ],
)
def test_a_script_s_class_hides_nothing_that_it_uses(kind: str, name: str, tmp_path: Path) -> None:
    assert "NAME" in refused(project(tmp_path, "e.ts", SCRIPT), UsageError, kind, name)


@pytest.mark.parametrize(
    ("kind", "name", "consumer"),
    [("cron", "0 3 * * *", False), ("queue", "jobs", True), ("durable-object", "room", False)],
)
@pytest.mark.parametrize("source", ["def f(:\n", "x = 1\0\n", "class Default:\nfetch\n", "(" * 500])
def test_an_entry_that_does_not_parse_changes_nothing(
    kind: str, name: str, consumer: bool, source: str, tmp_path: Path
) -> None:
    root = project(tmp_path, "entry.py", source)
    before = tree(root)
    with pytest.raises(ProjectError, match=r"entry\.py"):
        run(AddRequest(root, kind, name, "", Options(consumer=consumer), dry_run=False))
    assert tree(root) == before

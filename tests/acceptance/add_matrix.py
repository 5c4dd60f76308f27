"""`cfpy add` of every kind, in both formats, on the patterns and on other people's configurations:
the real wrangler's dry run has to accept each result.

The tests add one kind after the other to a project and ask wrangler once. As a script every kind is
added alone, and wrangler is asked each time: python tests/acceptance/add_matrix.py
"""

from __future__ import annotations

import json
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from cfpy.account.wrangler import Wrangler
from cfpy.bindings.add import AddRequest, run
from cfpy.bindings.asked import Options
from cfpy.bindings.registry import BY_NAME
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import CfpyError
from cfpy.patterns.config_format import ConfigFormat
from cfpy.patterns.new import NewRequest
from cfpy.patterns.new import run as run_new
from cfpy.patterns.pattern_store import PatternStore
from cfpy.project.config_file import choose
from cfpy.tools.context import build_context
from wrangler_shapes import ALL, values

PATTERNS = PatternStore().names()
OPTIONS = Options(id="0123456789abcdef0123456789abcdef", consumer=True)
# What wrangler refuses before anything was added: it is not cfpy's to mend.
REFUSED_ANYWAY = {"dotted keys"}
FOREIGN = [shape for shape in ALL if shape[1] not in REFUSED_ANYWAY]
FORMATS = (ConfigFormat.TOML, ConfigFormat.JSONC)
_PYTHON = """\
from workers import DurableObject, Response, WorkerEntrypoint


class Room(DurableObject):
    pass


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("hello")
"""
_SCRIPT = "export default { fetch() { return new Response('hello'); } };\n"


def foreign_project(shape: tuple[str, str], root: Path) -> Path:
    """A project with the configuration of `shape`, and what that needs to be deployed."""
    file, text = shape[0], ALL[shape]
    config = values(file, text)
    needed: dict[str, Any] = {"main": "src/index.js", "compatibility_date": "2026-11-01"}
    main = root / config.get("main", needed["main"])
    python = main.suffix == ".py"
    if python:
        needed["compatibility_flags"] = ["python_workers"]
    body = text.removeprefix("\ufeff")
    more = {key: value for key, value in needed.items() if key not in config}
    if file.endswith(".toml"):
        at, lines = 0, [f"{key} = {json.dumps(value)}\n" for key, value in more.items()]
    else:
        at, lines = body.index("{") + 1, [f"{json.dumps(k)}: {json.dumps(more[k])}," for k in more]
    head = "".join(lines).replace("\n", "\r\n" if "\r\n" in text else "\n")
    mark = text[: len(text) - len(body)]
    (root / file).write_bytes(f"{mark}{body[:at]}{head}{body[at:]}".encode())
    main.parent.mkdir(exist_ok=True)
    main.write_text(_PYTHON if python else _SCRIPT)
    for directory in (
        config.get("assets", {}).get("directory"),
        config.get("site", {}).get("bucket"),
    ):
        if directory:
            (root / directory).mkdir()
    return root


def pattern_project(pattern: str, root: Path, config: ConfigFormat) -> Path:
    options = {"interactive": False, "dry_run": False, "git": False}
    request = NewRequest(pattern, "myapp", root, {}, **options, config=config)
    return run_new(build_context(_silent), request).path


def add(root: Path, kind: str) -> bool:
    """Whether it was added; a project has some kinds once, and not both static assets and Workers
    Sites."""
    of = BY_NAME[kind]
    name = f"new-{kind}" if of.binds else "5 4 * * *"
    config = load_project(root).wrangler
    taken = of.once and any(of.bound(config))
    if taken or (kind == "assets" and "site" in config):
        return False
    run(AddRequest(root, kind, name, "", OPTIONS, dry_run=False))
    return True


def accepted(root: Path) -> str:
    """Why the real wrangler refuses the project; empty if it does not."""
    ctx = build_context(_silent)
    try:
        config = choose(root)
        done = Wrangler(ctx.runner, ctx.toolchain, root, config=config).deploy_dry_run()
    except CfpyError as error:
        return f"{error.message}: {getattr(error, 'output', '')}"
    said = done.stdout + done.stderr
    return said if "Unexpected fields" in said else ""


def _silent(_text: str) -> None:
    pass


def _one(project: tuple[str, str], kind: str) -> str:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        if project in ALL:
            foreign_project(project, root)
        else:
            root = pattern_project(project[1], root, ConfigFormat(project[0]))
        if not add(root, kind):
            return "there already"
        return accepted(root) or "accepted"


def main() -> int:
    patterns = [(config, pattern) for config in FORMATS for pattern in PATTERNS]
    cases = [(project, kind) for project in [*patterns, *FOREIGN] for kind in BY_NAME]
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(_one, *zip(*cases, strict=True)))
    for (project, kind), outcome in zip(cases, found, strict=True):
        if outcome not in ("accepted", "there already"):
            print(f"{', '.join(project)}, {kind}: {outcome}")
    counts = {outcome: found.count(outcome) for outcome in ("accepted", "there already")}
    print(f"{len(cases)} cases: {counts}, refused: {len(cases) - sum(counts.values())}")
    return 0 if sum(counts.values()) == len(cases) else 1


if __name__ == "__main__":
    sys.exit(main())

"""What `cfpy add` prints about the handler that a binding triggers."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.bindings.add import Added, AddRequest, run
from cfpy.bindings.asked import Options
from cfpy.errors import ProjectError, UsageError

CONFIG = 'name = "shop"\nmain = "{main}"\ncompatibility_date = "2026-11-17"\n'
FLAGS = 'compatibility_flags = ["python_workers"]\n'
PYTHON = """\
from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from workers import WorkerEntrypoint

if TYPE_CHECKING:
    from bindings import Queue


class Env(Protocol):
    OTHER: Queue


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        pass
"""
QUEUE = "\n    async def queue(self, batch, env=None, ctx=None):\n        await self.read(batch)\n"
SCRIPT = "export default {\n  async fetch() {},\n};\n"


def project(root: Path, main: str, source: str, more: str = "") -> Path:
    (root / "wrangler.toml").write_text(CONFIG.format(main=main) + FLAGS + more)
    (root / "src").mkdir()
    path = root / main
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(source.encode())
    return path


def add(root: Path, kind: str, name: str, environment: str = "") -> Added:
    return run(AddRequest(root, kind, name, environment, Options(consumer=True), dry_run=False))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(("main", "source"), [("src/entry.py", PYTHON), ("src/index.js", SCRIPT)])
@pytest.mark.parametrize(("kind", "name"), [("queue", "jobs"), ("cron", "hourly")])
def test_a_new_handler_is_named_and_not_shown(
    end: str, mark: str, main: str, source: str, kind: str, name: str, tmp_path: Path
) -> None:
    path = project(tmp_path, main, mark + source.replace("\n", end))
    added = add(tmp_path, kind, name)
    handler = {"queue": "queue", "cron": "scheduled"}[kind]
    where, _, said = added.note.partition(" ")
    assert said.startswith(f"has the new handler {handler}: ")
    text = path.read_bytes().decode()
    lines = text.split(end)
    assert f"{handler}(" in lines[int(where.rpartition(":")[2]) - 1]
    assert text.startswith(mark + source[:7])
    assert text.count("\n") == text.count(end)
    assert f"{handler}(" not in added.snippet
    assert bool(added.snippet) is (kind == "queue")


@pytest.mark.parametrize(
    ("main", "source"),
    [
        ("src/entry.py", PYTHON + QUEUE),
        ("src/index.js", SCRIPT.replace("fetch", "queue")),
        ("src/index.js", SCRIPT.replace("async fetch()", '"queue"()')),
    ],
)
def test_a_handler_that_is_there_needs_a_case(main: str, source: str, tmp_path: Path) -> None:
    path = project(tmp_path, main, source)
    added = add(tmp_path, "queue", "jobs")
    where, _, said = added.note.partition(" ")
    # The type of the binding moves it, and is no handler.
    assert "queue" in path.read_text().splitlines()[int(where.rpartition(":")[2]) - 1]
    assert said == (
        "already has the handler queue; it gets these events, too. "
        "batch.queue distinguishes them: add a case for shop-jobs there."
    )
    assert "queue(" not in added.snippet


def test_a_handler_of_crons_needs_a_case(tmp_path: Path) -> None:
    source = PYTHON + QUEUE.replace("queue", "scheduled")
    before = project(tmp_path, "src/entry.py", source).read_text()
    added = add(tmp_path, "cron", "*/5  *  * * *")
    assert "controller.cron distinguishes them: add a case for */5 * * * * there." in added.note
    assert (added.snippet, (tmp_path / "src" / "entry.py").read_text()) == ("", before)


@pytest.mark.parametrize(
    ("main", "source", "why", "shown"),
    [
        (
            "src/entry.py",
            PYTHON.replace("(Worker", "(Reads, Worker"),
            "src/entry.py: Default does not have WorkerEntrypoint as its only base (line 16)",
            "# In the class Default:\nasync def queue(self, batch, env=None, ctx=None):\n    for",
        ),
        (
            "src/entry.py",
            "from reads import *\n\n\nasync def on_fetch(request):\n    pass\n",
            "src/entry.py: `import *` in line 1 may bind anything",
            "# In the main module:\nasync def on_queue(batch, env, ctx):\n    for",
        ),
        (
            "src/index.ts",
            "export default wrapped({ fetch() {} });\n",
            "src/index.ts: its default export in line 1 is not a plain object or class",
            "// In the default export:\nasync queue(batch, env, ctx) {\n  for",
        ),
        (
            "src/../worker.py",
            PYTHON,
            "src/../worker.py: it is outside of the project",
            "# In the class Default:\n",
        ),
        (
            "dist/index.js",
            SCRIPT,
            "dist/index.js: builds write what is in dist",
            "// In the default export:",
        ),
    ],
)
def test_code_that_is_not_sure_is_shown(
    main: str, source: str, why: str, shown: str, tmp_path: Path
) -> None:
    old = "on_fetch" in source
    path = project(tmp_path, main, source)
    if old:
        config = tmp_path / "wrangler.toml"
        config.write_text(config.read_text().replace("2026-11-17", "2025-08-13"))
    added = add(tmp_path, "queue", "jobs")
    note = f"cfpy added no handler to {why}. If the Worker has none, add the one shown."
    assert added.note == note
    assert f"\n\n{shown}" in added.snippet
    assert "queue(" not in path.read_text()


@pytest.mark.parametrize(
    ("day", "flag", "called"),
    [
        ("2025-08-13", "", True),
        ("2025-08-13", "python_no_global_handlers", False),
        ("2025-08-14", "", False),
        ("2026-11-17", "disable_python_no_global_handlers", True),
    ],
)
def test_a_function_is_added_only_if_the_runtime_calls_it(
    day: str, flag: str, called: bool, tmp_path: Path
) -> None:
    path = project(tmp_path, "src/entry.py", "async def on_fetch(request):\n    pass\n")
    config = tmp_path / "wrangler.toml"
    config.write_text(
        config.read_text().replace("2026-11-17", day).replace('rkers"', f'rkers", "{flag}"')
    )
    added = add(tmp_path, "queue", "jobs")
    assert ("async def on_queue(batch, env, ctx):" in path.read_text()) is called
    assert ("has the new handler queue" in added.note) is called
    # What is shown has the form that the runtime calls.
    assert ("# In the class Default:" in added.snippet) is not called


def test_an_environment_has_a_main_module_of_its_own(tmp_path: Path) -> None:
    more = '\n[env.staging]\nmain = "src/staging.py"\n'
    path = project(tmp_path, "src/entry.py", PYTHON, more)
    before = path.read_text()
    staging = tmp_path / "src" / "staging.py"
    staging.write_text(PYTHON.replace("OTHER: Queue", "JOBS: Queue"))
    added = add(tmp_path, "cron", "daily", "staging")
    assert added.note.startswith("src/staging.py:19 has the new handler scheduled")
    assert path.read_text() == before


@pytest.mark.parametrize("schedule", ["61 * * * *", "0 0 * * 0", "@daily", "0 0 ? * 1"])
def test_a_schedule_that_cloudflare_refuses_changes_nothing(schedule: str, tmp_path: Path) -> None:
    path = project(tmp_path, "src/entry.py", PYTHON)
    before = (path.read_text(), (tmp_path / "wrangler.toml").read_text())
    with pytest.raises(UsageError, match="is not a cron schedule of Cloudflare: "):
        add(tmp_path, "cron", schedule)
    assert (path.read_text(), (tmp_path / "wrangler.toml").read_text()) == before


@pytest.mark.parametrize(
    ("main", "source", "said"),
    [
        ("src/index.js", "export default {\n  async fetch( {},\n};\n", "not valid JavaScript"),
        ("src/index.mjs", "export default {\n", "not valid JavaScript"),
        ("src/index.ts", "let a: = 1;\nexport default {};\n", "not valid TypeScript"),
        ("src/entry.py", "class Default(:\n", "invalid syntax"),
    ],
)
@pytest.mark.parametrize(("kind", "name"), [("queue", "jobs"), ("cron", "hourly")])
def test_a_main_module_that_does_not_parse_changes_nothing(
    main: str, source: str, said: str, kind: str, name: str, tmp_path: Path
) -> None:
    path = project(tmp_path, main, source)
    before = (tmp_path / "wrangler.toml").read_bytes()
    with pytest.raises(ProjectError, match=rf"{main}:\d.*: {said}") as caught:
        add(tmp_path, kind, name)
    assert (caught.value.exit_code, caught.value.hint) == (8, "Fix it first.")
    assert (tmp_path / "wrangler.toml").read_bytes() == before
    assert path.read_text() == source

"""The lines that `cfpy add` shows run as they are shown, on the bindings that it made."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import indent

import pytest

from cfpy.bindings.add import AddRequest, run
from cfpy.bindings.asked import Options
from cfpy.bindings.registry import BY_NAME
from dev_process import Dev

WRANGLER = """\
name = "shown"
main = "src/entry.py"
compatibility_date = "2026-11-17"
compatibility_flags = ["python_workers"]
"""
# Vectorize's lines use a vector that Workers AI's lines make.
SHOWN = (
    "kv",
    "d1",
    "r2",
    "queue",
    "ai",
    "vectorize",
    "analytics",
    "assets",
    "ratelimit",
    "version-metadata",
)
OTHERS = tuple(name for name, kind in BY_NAME.items() if kind.binds and name not in SHOWN)
# What needs a database or a Worker that does not run here. `cfpy dev` names these, too.
ALONE = ("hyperdrive", "service")
NOT_HERE = [name for name in OTHERS if BY_NAME[name].fails or name in ALONE]
ENTRY = """\
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
{body}
        names = ["value", "note", "text", "vector", "nearest"]
        found = {{name: str(locals_[name])[:80] for name in names}}
        return Response.json({{**found, "page": await page.text()}})

    async def queue(self, batch, env=None, ctx=None):
        for message in batch.messages:
            print("read", message.body["id"])
            message.ack()
"""


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory, run_dev: Callable[..., Dev]) -> Dev:
    root = tmp_path_factory.mktemp("shown")
    (root / "src").mkdir()
    (root / "wrangler.toml").write_text(WRANGLER)
    (root / "pyproject.toml").write_text('[project]\nname = "shown"\nversion = "1"\n')
    (root / "src" / "entry.py").write_text("")
    options = Options(id="0" * 32, consumer=True)
    snippets = [
        run(AddRequest(root, kind, f"my-{kind}", "", options, dry_run=False)).snippet
        for kind in SHOWN + OTHERS
    ]
    body = "".join(snippets[: len(SHOWN)]) + "locals_ = locals()\n"
    entry = root / "src" / "entry.py"
    # What `cfpy add` wrote there stays: it exports the classes.
    entry.write_text(entry.read_text() + ENTRY.format(body=indent(body, " " * 8)))
    return run_dev(root, "--runtime", "node", "--no-watch")


@pytest.mark.slow
def test_each_does_what_it_says(dev: Dev) -> None:
    answer = dev.request("GET", "/worker")
    assert answer.status == 200, answer.body
    found = answer.json()
    assert (found["value"], found["text"]) == ("hello", "hello")
    assert "1" in found["note"]
    assert found["page"] == "Hello!\n"
    assert "matches" in found["nearest"]
    dev.wait_for_log("read 1")


def test_what_can_not_run_here_is_named(dev: Dev) -> None:
    names = {f"MY_{kind.upper().replace('-', '_')}" for kind in NOT_HERE}
    assert set(dev.data["left_out"]) == names
    assert "--runtime workerd" in dev.data["left_out"]["MY_WORKFLOW"]

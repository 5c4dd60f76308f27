"""Why a `wrangler dev` ended, however much it printed after the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cfpy.local import workerd_runtime
from cfpy.local.env_files import EnvFiles
from cfpy.local.local_runtime import LocalSession
from cfpy.local.workerd_runtime import BundleUnavailableError, StartFailedError, WorkerdRuntime

NO_BUNDLE = "  workerd/server/server/bridge.rs:843: failed: Request for Pyodide bundle failed; url"
# As esbuild ends when wrangler does, if it is at work then.
DUMP = [
    "fatal error: all goroutines are asleep - deadlock!",
    "",
    *(f"goroutine {number} [chan receive]:\n\tmain.go:{number}" for number in range(60)),
]


class FakeChild:
    """A wrangler that prints and exits. ``starts`` are the lines of each start."""

    starts: list[list[str]]

    def __init__(self, *_: object, on_stderr: Callable[[str], None], **__: object) -> None:
        for line in "\n".join(self.starts.pop(0)).split("\n"):
            on_stderr(line)

    def lines(self) -> Iterator[str]:
        return iter(())

    def wait(self) -> int:
        return 1

    def stop(self) -> None:
        pass


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Starts wrangler with what it prints; gives the text of the events."""
    worker = tmp_path / "worker.json"
    worker.write_text(json.dumps({"name": "app"}))
    monkeypatch.setattr(workerd_runtime, "ChildProcess", FakeChild)
    session = LocalSession(
        project=tmp_path,
        config="wrangler.toml",
        entry=tmp_path / "entry.py",
        worker=worker,
        local_services=None,
        python_modules=tmp_path / "python_modules",
        kinds={},
        failing={},
        build=None,
        env_files=EnvFiles(None, (), ()),
        migrations=(),
        neurons={},
        host="127.0.0.1",
        state=tmp_path / "state",
        cache=tmp_path / "cache",
        watch=False,
        service_secrets={},
    )

    def run_(*starts: list[str]) -> list[str]:
        FakeChild.starts = list(starts)
        tools: Any = SimpleNamespace(environment=dict)
        wrangler: Any = SimpleNamespace(argv=lambda *arguments: ["node", *arguments])
        runtime = WorkerdRuntime(tools, wrangler, session)
        try:
            return [str(event.data.get("text")) for event in runtime.events()]
        finally:
            runtime.stop()

    return run_


@pytest.mark.parametrize("after", [DUMP, [f"line {number}" for number in range(60)]])
def test_a_bundle_that_was_not_there(run: Any, after: list[str]) -> None:
    with pytest.raises(BundleUnavailableError):
        run([NO_BUNDLE, *after])


def test_a_port_that_another_program_took(run: Any) -> None:
    taken = ["Error: listen EADDRINUSE", *(f"line {number}" for number in range(60))]
    with pytest.raises(BundleUnavailableError):
        run(taken, taken, [NO_BUNDLE])


def test_the_reason_is_shown_without_the_dump_of_esbuild(run: Any) -> None:
    with pytest.raises(StartFailedError) as caught:
        run(["✘ [ERROR] no such module: x", *DUMP])
    assert caught.value.message == (
        "the Worker can't start: wrangler dev exited with status 1:\nno such module: x"
    )

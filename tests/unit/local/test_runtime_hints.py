"""Where a runtime can't run a project, the hint leads to what can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cfpy.errors import LocalRuntimeError, ProjectError
from cfpy.local import choosing, dev
from cfpy.local.local_runtime import Event
from cfpy.local.preparation import DevRequest, Runtime
from cfpy.local.workerd_runtime import BundleUnavailableError
from cfpy.project.project import Project

BUNDLE = "workerd could not download the Pyodide bundle, which it needs to run Python"


class NoBundle:
    """A workerd that can't download what it runs Python with."""

    def events(self) -> Iterator[Event]:
        raise BundleUnavailableError(BUNDLE, hint="Use --runtime node, or check the network.")

    def stop(self) -> None:
        pass


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Starts `cfpy dev` with a workerd that has no bundle; gives its error's message and hint."""
    monkeypatch.setenv("CFPY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(dev, "_start", lambda *_: NoBundle())

    class Prepared:
        secrets_file = ""
        left_out: Mapping[str, str] = {}

        class session:  # noqa: N801
            state = tmp_path

    monkeypatch.setattr(dev, "prepare", lambda *_, **__: Prepared())
    project = tmp_path / "app"
    project.mkdir()
    (project / "entry.py").touch()

    def start_(runtime: str, date: str, *flags: str) -> tuple[str, str]:
        listed = ", ".join(f'"{flag}"' for flag in ("python_workers", *flags))
        (project / "wrangler.toml").write_text(
            f'name = "app"\nmain = "entry.py"\ncompatibility_date = "{date}"\n'
            f"compatibility_flags = [{listed}]\n"
        )
        request = DevRequest(project, "127.0.0.1", 0, Runtime(runtime), tmp_path, False, "")
        with pytest.raises((LocalRuntimeError, ProjectError)) as caught:
            dev.run(None, request, lambda _: None, lambda _: None)  # type: ignore[arg-type]
        return caught.value.message, caught.value.hint

    return start_


NEWER = "Set compatibility_date to 2025-09-29 or later."


def test_node_names_workerd_until_that_had_no_bundle(start: Any) -> None:
    message, hint = start("node", "2025-01-01")
    assert "requires Python 3.12; --runtime node has 3.13 and 3.14" in message
    assert hint == f"{NEWER} Or use --runtime workerd."
    # It was tried, and could not.
    message, hint = start("workerd", "2025-01-01")
    assert message.startswith(BUNDLE)
    assert "--runtime node only has Python 3.13 and 3.14" in message
    assert hint.startswith(f"{NEWER} Then use --runtime node")
    assert start("node", "2025-01-01")[1] == NEWER
    # Without a choice it is workerd, and the same is told.
    assert start("auto", "2025-01-01")[1].startswith(f"{NEWER} Then use --runtime node")


def test_a_flag_is_what_has_to_go(start: Any) -> None:
    hint = start("workerd", "2026-11-17", "no_python_workers_314", "no_python_workers_20250116")[1]
    assert hint.startswith(
        "Remove no_python_workers_20250116 from compatibility_flags. Then use --runtime"
    )
    assert "compatibility_date" not in hint


def test_node_is_named_where_it_can(start: Any) -> None:
    assert start("workerd", "2026-11-17") == (BUNDLE, "Use --runtime node, or check the network.")


def test_a_javascript_worker_says_that_node_is_not_used() -> None:
    project = Project(Path(), {"main": "src/index.js"}, (), (), ())
    assert not project.is_python
    always = "a JavaScript Worker, which always runs in workerd: --runtime node is not used"
    for wanted, note in ((Runtime.NODE, always), (Runtime.AUTO, "a JavaScript Worker")):
        assert choosing.choose_runtime(project, wanted) == (Runtime.WORKERD, note)


@pytest.mark.parametrize(("date", "python"), [("2026-09-08", "3.14"), ("2025-09-29", "3.13")])
def test_the_newer_date_is_one_that_both_run(date: str, python: str) -> None:
    wrangler = {"main": "entry.py", "compatibility_date": date}
    project = Project(Path(), wrangler, (), (), ())
    assert project.python_version == python
    assert choosing.choose_runtime(project, Runtime.NODE) == (Runtime.NODE, "as requested")

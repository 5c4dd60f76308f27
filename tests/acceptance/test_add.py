"""The real wrangler accepts what `cfpy add` makes of a project."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from add_matrix import FOREIGN, FORMATS, PATTERNS, accepted, add, foreign_project, pattern_project
from cfpy.bindings.registry import BY_NAME
from cfpy.patterns.config_format import ConfigFormat
from cfpy.project.script_handler import with_script_handler
from cfpy.tools.process import SubprocessRunner
from cfpy.tools.toolchain import Toolchain
from script_sources import EDITED, NEW
from wrangler_shapes import ids

# Runs each module in Node, which knows no JSX, and prints the handler of its default export.
_HANDLERS = """
import { stripTypeScriptTypes } from "node:module";
import vm from "node:vm";
const context = vm.createContext({ b: 1 });
class WorkerEntrypoint {}
const found = [];
for (const [suffix, source] of JSON.parse(process.argv[1])) {
  const code = suffix.includes("t") ? stripTypeScriptTypes(source) : source;
  const worker = new vm.SourceTextModule(code, { context });
  await worker.link(() => new vm.SyntheticModule(
    ["WorkerEntrypoint"],
    function () { this.setExport("WorkerEntrypoint", WorkerEntrypoint); },
    { context },
  ));
  await worker.evaluate();
  const exported = worker.namespace.default;
  found.push(String((exported.prototype ?? exported).queue));
}
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize(("pattern", "config"), [*zip(PATTERNS, itertools.cycle(FORMATS))])
def test_a_pattern_with_everything_added(
    pattern: str, config: ConfigFormat, tmp_path: Path, mypy_cache: Path
) -> None:
    root = pattern_project(pattern, tmp_path, config)
    added = [kind for kind in BY_NAME if add(root, kind)]
    assert len(added) >= len(BY_NAME) - 2
    assert accepted(root) == ""
    types = ["mypy", "--cache-dir", str(mypy_cache)]
    for tool in (types, ["ruff", "check"], ["ruff", "format", "--check"]):
        argv = [sys.executable, "-m", *tool]
        done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("shape", FOREIGN[::3], ids=ids)
def test_a_foreign_project_with_everything_added(shape: tuple[str, str], tmp_path: Path) -> None:
    root = foreign_project(shape, tmp_path)
    added = [kind for kind in BY_NAME if add(root, kind)]
    assert len(added) >= len(BY_NAME) - 1
    assert accepted(root) == ""


def test_scripts_with_a_new_handler_run_in_node() -> None:
    edited = [
        (suffix, with_script_handler(marked.replace("@", ""), NEW, suffix).source)
        for suffix, marked in EDITED
        if not suffix.endswith("x")
    ]
    node = Toolchain(SubprocessRunner(), print).node.binary
    argv = [node, "--experimental-vm-modules", "--input-type=module", "--eval", _HANDLERS]
    done = subprocess.run([*argv, json.dumps(edited)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == len(edited) > 20
    assert [item for item in found if not item.startswith("async queue(batch")] == []

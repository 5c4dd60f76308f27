"""What the patterns render, byte for byte, against the reviewed files in tests/golden."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from cfpy.patterns.pattern_store import PatternStore
from pattern_cases import CASES, GOLDEN, Case, tree

Files = Callable[[Path], dict[str, bytes]]


def test_the_rendered_project_is_the_golden_one(
    case: Case, rendered: Path, files: Files, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--update-golden"):
        case.update(rendered)
    found, golden = files(rendered), case.expected()
    assert sorted(found) == sorted(golden)
    for name, content in found.items():
        assert content == golden[name], f"{name} differs: see --update-golden"


def test_its_ci_trusts_no_name_that_anybody_could_register(rendered: Path) -> None:
    workflow = rendered / ".github" / "workflows" / "ci.yml"
    texts = [(rendered / "pyproject.toml").read_text("utf-8")]
    if workflow.is_file():
        texts.append(workflow.read_text("utf-8"))
        assert not re.search(r"pip install|uvx|uv tool", texts[-1])
    assert not any("cfpy-cli" in text for text in texts)


def test_rendering_twice_gives_the_same_bytes(
    case: Case, rendered: Path, files: Files, tmp_path: Path
) -> None:
    assert files(case.render(tmp_path)) == files(rendered)


def test_a_case_keeps_only_what_differs_from_the_defaults(case: Case) -> None:
    if case.name != "defaults":
        base = tree(GOLDEN / case.pattern / "defaults")
        assert not tree(case.golden).items() & base.items()


def test_the_files_are_tidy(case: Case, rendered: Path, files: Files) -> None:
    layers = PatternStore().get(case.pattern).layers
    sources = [path for layer in layers for path in (layer.root / "template").rglob("*.jinja")]
    substituted = {source.name.removesuffix(".jinja") for source in sources}
    for name, content in files(rendered).items():
        text = content.decode("utf-8")
        assert text.endswith("\n"), f"{name} has no newline at its end"
        assert not text.endswith("\n\n"), f"{name} has blank lines at its end"
        if Path(name).name in substituted:
            # An answer may look like a placeholder, and must come out as it went in.
            own = text.replace("${{", "").replace("{{ 7 * 7 }}", "")
            assert "{{" not in own, f"{name} has an unrendered placeholder"
        for number, line in enumerate(text.splitlines(), 1):
            assert line == line.rstrip(), f"{name}:{number} ends in spaces"


def test_the_files_parse(rendered: Path, files: Files) -> None:
    for name, content in files(rendered).items():
        if name.endswith(".toml"):
            tomllib.loads(content.decode())
        elif name.endswith(".json"):
            json.loads(content)
        elif name.endswith(".jsonl"):
            assert [json.loads(line) for line in content.splitlines()]
        elif name.endswith(".py"):
            compile(content, name, "exec")


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_finds_nothing_in_it(rendered: Path, arguments: list[str]) -> None:
    argv = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
    done = subprocess.run(argv, cwd=rendered, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_first_project_can_be_read_in_an_afternoon() -> None:
    sources = (GOLDEN / "rag" / "defaults" / "src").rglob("*.py")
    assert sum(len(path.read_text("utf-8").splitlines()) for path in sources) <= 3_040


def test_no_golden_tree_is_left_over() -> None:
    for pattern in PatternStore().names():
        known = {case.name for case in CASES if case.pattern == pattern}
        assert {path.name for path in (GOLDEN / pattern).iterdir()} == known

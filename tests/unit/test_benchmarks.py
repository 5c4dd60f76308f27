"""The benchmarks run by hand: what they import of cfpy has to be there, or nobody can run them."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[1] / "runtime"
BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


def imports(script: Path) -> Iterator[tuple[str, str]]:
    """The module and the name of each ``from cfpy... import name``."""
    for node in ast.walk(ast.parse(script.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cfpy"):
            yield from ((node.module or "", alias.name) for alias in node.names)


@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda script: script.stem)
def test_what_a_benchmark_imports_of_cfpy_is_there(script: Path) -> None:
    missing = [
        f"{module}.{name}"
        for module, name in imports(script)
        if not hasattr(importlib.import_module(module), name)
    ]

    assert missing == []


def test_a_benchmark_can_start_cfpy_dev() -> None:
    """Of the folders of tests, it has the one of ``dev_process`` on its path, and no other."""
    waiting, seen = {"dev_process"}, set[str]()
    while waiting:
        seen.add(name := waiting.pop())
        script = RUNTIME.joinpath(name).with_suffix(".py")
        for node in ast.walk(ast.parse(script.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                spec = importlib.util.find_spec(str(node.module).partition(".")[0])
                if spec and Path(str(spec.origin)).is_relative_to(RUNTIME.parent):
                    waiting |= {spec.name} - seen
    assert "forked" in seen


def test_some_benchmark_imports_cfpy() -> None:
    assert any(list(imports(script)) for script in BENCHMARKS)

"""The page that says what differs between the local runtimes and Cloudflare names real tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "local-runtimes.md"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    """The cells of each line of the table, without its head."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names_in(file: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_each_line_has_a_test_or_a_reason() -> None:
    assert rows()
    for what, *where, proof in rows():
        assert len(where) == 3, what
        assert all(where), what
        assert _TEST.search(proof) or re.match(r"why: \w+ .+", proof), what


def test_each_line_says_one_thing() -> None:
    subjects = [what for what, *_ in rows()]
    assert len(subjects) == len(set(subjects))


def test_each_test_that_it_names_exists() -> None:
    named = [match for row in rows() for match in _TEST.findall(row[-1])]
    # Nothing else looks like a test, such as one with a typo in its path.
    assert len(named) == sum(row[-1].count("::") for row in rows())
    for file, name in named:
        assert (ROOT / file).is_file(), file
        assert name in names_in(ROOT / file), f"{file}::{name}"

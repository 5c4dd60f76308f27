"""What makes a test fail for its surroundings is in no test, the rendered ones included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLOCKS = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "process_time"}
FOLDERS = (ROOT / "tests", ROOT / "src" / "cfpy" / "templates")


def sources() -> Iterator[tuple[str, str]]:
    """Each test module, but for goldens and inputs, which are rendered or given."""
    for path in (path for folder in FOLDERS for path in folder.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if "tests/" in name and "/golden/" not in name and "/inputs/" not in name:
            yield name, path.read_text("utf-8")


def asserted_durations(text: str) -> list[int]:
    """Lines that assert how long something took: a clock less an earlier time, compared with a
    number. Two durations may be compared, and a deadline is a wait that ends early."""
    tree = ast.parse(text)
    numbers = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def is_number(node: ast.expr) -> bool:
        return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in numbers)

    def is_duration(node: ast.expr) -> bool:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
            return False
        called = node.left.func if isinstance(node.left, ast.Call) else None
        return isinstance(called, ast.Attribute) and called.attr in CLOCKS

    durations = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and is_duration(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    compared = [
        node.test
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare)
    ]
    return [
        test.lineno
        for test in compared
        if any(
            is_duration(side) or (isinstance(side, ast.Name) and side.id in durations)
            for side in (test.left, *test.comparators)
        )
        and any(is_number(side) for side in (test.left, *test.comparators))
    ]


def test_no_test_asserts_how_long_something_takes() -> None:
    found = {name: lines for name, text in sources() if (lines := asserted_durations(text))}
    assert found == {}, "compare how the time grows with the input, or what limits it"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("assert time.monotonic() - start < 10\n", [1]),
        ("LONGEST = 9.0\nassert LONGEST > time.perf_counter() - start\n", [2]),
        ("took = time.time() - start\nassert took < 2\n", [2]),
        ("assert time.monotonic() < deadline\n", []),
        ("took = time.time() - start\nassert took < 32 * other\n", []),
    ],
)
def test_how_that_is_told(text: str, lines: list[int]) -> None:
    assert asserted_durations(text) == lines


def test_whoever_sends_an_interrupt_starts_what_hears_it() -> None:
    """A background job inherits SIGINT ignored, and so would what it starts."""
    senders = {name: text for name, text in sources() if "SIGINT" in text}
    deaf = {
        name
        for name, text in senders.items()
        if "interruptible()" not in text and "start_dev(" not in text
    }
    assert deaf == set()

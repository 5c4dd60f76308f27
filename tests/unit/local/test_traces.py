"""A failed reload is reported with a line that says where, and with paths of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.local.traces import in_project, reload_failed

MISSING = """\
Traceback (most recent call last):
  File "/lib/python314.zip/importlib/__init__.py", line 88, in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
  File "<frozen importlib._bootstrap>", line 1398, in _gcd_import
  File "/session/metadata/entry.py", line 1, in <module>
    import shop.cart
  File "/session/metadata/shop/cart.py", line 7, in <module>
    import nothere
ModuleNotFoundError: No module named 'nothere'
"""
SYNTAX = """\
Traceback (most recent call last):
  File "<exec>", line 149, in import_vendored
  File "/session/metadata/entry.py", line 1
    x = = 1
        ^
SyntaxError: invalid syntax
"""
VENDORED = """\
Traceback (most recent call last):
  File "/session/metadata/entry.py", line 3, in <module>
    settings = Settings(port="x")
  File "/session/python_modules/pydantic/main.py", line 253, in __init__
    raise error
pydantic_core.ValidationError: 1 validation error for Settings
port
  Input should be a valid integer
"""


@pytest.mark.parametrize(
    ("trace", "summary"),
    [
        (MISSING, "src/shop/cart.py:7: ModuleNotFoundError: No module named 'nothere'"),
        (SYNTAX, "src/entry.py:1: SyntaxError: invalid syntax"),
        (
            VENDORED,
            "src/entry.py:3: pydantic_core.ValidationError: 1 validation error for Settings",
        ),
        (f"log line\nPythonError: {MISSING}    at new_error (x.js)", "src/shop/cart.py:7: Module"),
        ("the build failed with 1: make\nno rule", "the build failed with 1: make"),
        ("", "unknown error"),
    ],
)
def test_the_first_line_says_what_and_where(trace: str, summary: str) -> None:
    text = in_project(trace, Path("/home/me/shop"), Path("/home/me/shop/src/entry.py"))
    first, *rest = reload_failed(text).splitlines()
    assert first.startswith(f"reload failed: {summary}")
    assert "/session" not in text
    assert not any("frozen importlib" in line or "<exec>" in line for line in rest)


def test_nothing_of_the_project_s_own_part_is_lost() -> None:
    text = in_project(VENDORED, Path("/p"), Path("/p/entry.py"))
    whole = reload_failed(text)
    assert whole.splitlines()[0].startswith("reload failed: entry.py:3: pydantic_core")
    for line in VENDORED.splitlines()[2:]:
        assert in_project(line, Path("/p"), Path("/p/entry.py")) in whole

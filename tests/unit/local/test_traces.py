"""A failed reload is reported with a line that says where, and with paths of the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cfpy.local.traces import (
    advise,
    in_project,
    is_advice_of_pyodide,
    not_loaded,
    readable,
)

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
    first, *rest = not_loaded(text, "reload failed").splitlines()
    assert first.startswith(f"reload failed: {summary}")
    assert "/session" not in text
    assert not any("frozen importlib" in line or "<exec>" in line for line in rest)


def test_nothing_of_the_project_s_own_part_is_lost() -> None:
    text = in_project(VENDORED, Path("/p"), Path("/p/entry.py"))
    whole = not_loaded(text, "reload failed")
    assert whole.splitlines()[0].startswith("reload failed: entry.py:3: pydantic_core")
    for line in VENDORED.splitlines()[2:]:
        assert in_project(line, Path("/p"), Path("/p/entry.py")) in whole


# What Pyodide adds, observed with 314.0.7 and the same in 0.28.
ADVICE = """
The module '{0}' is included in the Pyodide distribution, but it is not installed.
You can install it by calling:
  await micropip.install("{0}") in Python, or
  await pyodide.loadPackage("{0}") in JavaScript
See https://pyodide.org/en/stable/usage/loading-packages.html for more details.
"""
TO_DO = "to `dependencies` in pyproject.toml"


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize(
    ("module", "package", "what"),
    [("pandas", "pandas", "it"), ("yaml", "pyyaml", "'pyyaml'"), ("PIL", "pillow", "'pillow'")],
)
def test_a_module_of_pyodide_is_a_dependency(
    module: str, package: str, what: str, escaped: bool
) -> None:
    missing = f"ModuleNotFoundError: No module named '{module}'"
    text = missing + ADVICE.format(package)
    told = advise(json.dumps({"error": text})) if escaped else advise(text)
    if escaped:
        told = json.loads(told)["error"]
    assert told == f"{missing}: add {what} {TO_DO}\n"
    # In workerd it comes line by line.
    lines = [advise(line) for line in text.splitlines() if not is_advice_of_pyodide(line)]
    assert lines == [f"{missing}: if it is a package, add it {TO_DO}"]


def test_another_module_may_be_a_package() -> None:
    assert advise(MISSING).rstrip().endswith(f"'nothere': if it is a package, add it {TO_DO}")
    own = "ModuleNotFoundError: No module named 'shop.nothere'"
    assert advise(own) == own
    assert advise("No module named 'x' in the catalogue") == "No module named 'x' in the catalogue"


def test_a_project_without_pyproject_toml_hears_that_it_needs_one(tmp_path: Path) -> None:
    entry = tmp_path / "src" / "entry.py"
    told = in_project("ModuleNotFoundError: No module named 'flask'", tmp_path, entry)
    assert told.endswith(f"add it {TO_DO}, which this project does not have yet")
    (tmp_path / "pyproject.toml").write_text("")
    told = in_project("ModuleNotFoundError: No module named 'flask'", tmp_path, entry)
    assert told.endswith(f"add it {TO_DO}")


def test_an_answer_that_is_no_response_comes_with_what_to_do() -> None:
    words = "TypeError: Incorrect type for Promise: the Promise did not resolve to 'Response'."
    told = advise(f"{words}\n    at fetch (x.js:1:1)")
    assert told.startswith(f"{words} fetch() has to return a Response, such as ")
    # The node runtime knows what it was.
    assert advise(f"{words} fetch() returned None") == f"{words} fetch() returned None"


UNCAUGHT = """\
PythonError: Traceback (most recent call last):
  File "<exec>", line 142, in call
  File "src/entry.py", line 41, in fetch
    json.loads("{")
    ~~~~~~~~~~^^^^^
  File "/lib/python314.zip/json/decoder.py", line 361, in raw_decode
    obj, end = self.scan_once(s, idx)
ValueError: no

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "python_modules/starlette/routing.py", line 1, in app
    await a
  File "python_modules/starlette/middleware.py", line 2, in app
    await b
  File "python_modules/fastapi/app.py", line 3, in app
    await c
  File "python_modules/anyio/x.py", line 4, in run
    await d
    ^^^^^^^
  File "src/shop/cart.py", line 5, in pay
    raise Broke("a") from error
shop.Broke: two
lines
    at new_error (pyodide.asm.js:10:9984)
    at wasm://wasm/0214:1:2
"""
SHOWN = """\
Traceback (most recent call last):
  File "src/entry.py", line 41, in fetch
    json.loads("{")
    ~~~~~~~~~~^^^^^
ValueError: no

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  (3 frames in starlette, fastapi)
  File "python_modules/anyio/x.py", line 4, in run
    await d
    ^^^^^^^
  File "src/shop/cart.py", line 5, in pay
    raise Broke("a") from error
shop.Broke: two
lines"""
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "<exec>", line 9, in call
  |     await it
  |   File "src/entry.py", line 4, in fetch
  |     async with group:
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "src/entry.py", line 2, in boom
    |     raise ValueError("no")
    | ValueError: no
    +------------------------------------"""


def test_a_traceback_is_readable() -> None:
    assert readable(UNCAUGHT) == SHOWN
    without = GROUP.splitlines()
    del without[1:3]
    assert readable(GROUP) == "\n".join(without)


@pytest.mark.parametrize(
    "text",
    [
        "a log line",
        "",
        'Traceback (most recent call last):\n  File "<exec>", line 3, in call\nValueError: no',
        "Traceback (most recent call last):",
    ],
)
def test_nothing_else_is_changed(text: str) -> None:
    assert readable(text) == text


def test_a_syntax_error_keeps_its_place() -> None:
    text = in_project(SYNTAX, Path("/p"), Path("/p/src/entry.py"))
    assert readable(text).splitlines()[1:] == [
        '  File "src/entry.py", line 1',
        "    x = = 1",
        "        ^",
        "SyntaxError: invalid syntax",
    ]

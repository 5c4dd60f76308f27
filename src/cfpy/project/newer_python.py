"""Whether a package that a Worker's Python can't use has a wheel for a newer Python of Workers."""

from __future__ import annotations

import re
from collections.abc import Callable

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from cfpy.project.project import PYTHON_313_SINCE, PYTHON_314_SINCE
from cfpy.project.python_target import TARGETS, PythonTarget

#: Asks PyPI, or whatever pip is set to, for the versions of a package for a Python.
Ask = Callable[[str, PythonTarget], list[str]]

_SINCE = {"3.13": PYTHON_313_SINCE, "3.14": PYTHON_314_SINCE}


def nothing(_name: str, _target: PythonTarget) -> list[str]:
    """Knows no versions."""
    return []


def newer_python(name: str, wanted: str, target: PythonTarget, ask: Ask) -> str:
    """A sentence about the first newer Python for which PyPI has a package; empty if there is none.

    Args:
        name: The package.
        wanted: Which versions fit, such as ``==2.1``, as pip writes it; empty for all.
        target: The Python of the Worker.
        ask: Asks for versions.
    """
    try:
        fitting = SpecifierSet(wanted.partition("(from")[0].strip())
    except InvalidSpecifier:
        return ""
    newer = [python for python in TARGETS if _numbers(python) > _numbers(target.python)]
    for python in sorted(newer, key=_numbers):
        if any(fitting.contains(version) for version in ask(name, TARGETS[python])):
            since = _SINCE[python]
            return f"PyPI has it for Python {python}: set compatibility_date to {since} or later."
    return ""


def _numbers(python: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", python)]

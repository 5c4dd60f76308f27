from __future__ import annotations

from typing import Any

import pytest

from cfpy.project.python_target import TARGETS, best_wheel, holds


def wheel(name: str) -> dict[str, Any]:
    return {"url": f"https://files.test/{name}"}


LINUX = "x-1-cp314-cp314-manylinux_2_17_x86_64.whl"


@pytest.mark.parametrize(
    ("python", "names", "best"),
    [
        ("3.14", ["x-1-py3-none-any.whl", "x-1-cp314-cp314-pyemscripten_2026_0_wasm32.whl"], 1),
        ("3.14", [LINUX, "x-1-cp312-abi3-pyemscripten_2026_0_wasm32.whl"], 1),
        ("3.14", ["x-1-cp313-cp313-pyodide_2025_0_wasm32.whl", "x-1-py2.py3-none-any.whl"], 1),
        ("3.13", ["x-1-cp313-cp313-pyodide_2025_0_wasm32.whl", LINUX], 0),
        ("3.13", ["x-1-cp313-cp313-pyemscripten_2025_0_wasm32.whl"], 0),
        ("3.12", ["x-1-cp312-cp312-pyodide_2024_0_wasm32.whl"], 0),
        ("3.12", ["x-1-cp313-cp313-pyodide_2025_0_wasm32.whl"], None),
        ("3.14", [LINUX], None),
        ("3.14", ["x-1-py3-none-pyemscripten_2026_0_wasm32.whl"], 0),
    ],
)
def test_the_wheel_that_a_worker_loads_best(
    python: str, names: list[str], best: int | None
) -> None:
    wheels = [wheel(name) for name in names]
    assert best_wheel(wheels, TARGETS[python]) == ({} if best is None else wheels[best])


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        (None, True),
        ("sys_platform == 'emscripten'", True),
        ("sys_platform == 'linux' or os_name == 'nt'", False),
        ("python_version >= '3.14'", True),
        ("python_full_version < '3.14.2'", False),
        ("platform_machine == 'wasm32' and platform_system == 'Emscripten'", True),
        ("implementation_name == 'pypy'", False),
        ("extra == 'dev'", False),
    ],
)
def test_markers_are_those_of_the_worker(marker: str | None, expected: bool) -> None:
    assert holds(marker, TARGETS["3.14"]) is expected


def test_a_marker_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="marker"):
        holds("sys_platform ==", TARGETS["3.14"])

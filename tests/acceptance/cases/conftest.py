"""One folder of ``inputs/`` is one case: a small project or set of files that cfpy once failed on.

A test names its cases, and its id shows them::

    @pytest.mark.case("d1-two-bindings")
    def test_two_bindings_of_one_database(case: Path, cfpy: Cfpy) -> None: ...

``case`` is a copy of the folder that the test may change.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

INPUTS = Path(__file__).parent / "inputs"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "case(*names): folders of tests/acceptance/cases/inputs")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        [marker] = metafunc.definition.iter_markers("case")
        metafunc.parametrize("case", marker.args, indirect=True)


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the case's folder."""
    source = INPUTS / request.param
    assert source.is_dir(), f"no case is named {request.param}"
    return Path(shutil.copytree(source, tmp_path / request.param, symlinks=True))

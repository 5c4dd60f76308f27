"""What is told about packages that can't be installed: pip and the indexes are stand-ins."""

from __future__ import annotations

import pytest

from cfpy.project.package_failures import Search, resolve_failure
from cfpy.project.package_indexes import PyodideIndex
from cfpy.project.pip_log import PipLog
from cfpy.project.python_target import TARGETS

ADDRESS = "https://index.test/0.28.3"
ANSWERS = PyodideIndex(ADDRESS)
SILENT = PyodideIndex(ADDRESS, "timed out")
OFF = PyodideIndex("", "CFPY_PYODIDE_INDEX is off")
MISSING = "ERROR: No matching distribution found for Num.Py>=3\n"


def said(
    stderr: str,
    index: PyodideIndex,
    *,
    here: dict[str, list[str]],
    worker: dict[str, list[str]],
    failed: dict[str, str],
) -> str:
    def versions(name: str, *, here: bool, index: PyodideIndex | None) -> list[str]:
        assert (index is None) == here
        return (everywhere if here else worker).get(name, [])

    everywhere = {"pip": ["26"], **here}
    search = Search(TARGETS["3.13"], index, PipLog({}, failed), versions)
    error = resolve_failure(stderr, search)
    return f"{error.message}\n{error.hint}"


CLAIMS = ("neither", "has no wheel")


@pytest.mark.parametrize("here", [{}, {"Num.Py": ["3.0", "2.0"]}])
@pytest.mark.parametrize(
    ("index", "failed", "why"),
    [
        (SILENT, {}, f"{ADDRESS} could not be asked (timed out)"),
        (OFF, {}, "was not asked (CFPY_PYODIDE_INDEX is off)"),
        (ANSWERS, {f"{ADDRESS}/num-py/": "503 Server"}, f"{ADDRESS} could not be asked (503"),
    ],
)
def test_nothing_is_claimed_about_an_index_that_was_silent(
    here: dict[str, list[str]], index: PyodideIndex, failed: dict[str, str], why: str
) -> None:
    text = said(MISSING, index, here=here, worker={}, failed=failed)
    assert why in text
    assert "run the command again" in text
    assert not any(claim in text for claim in CLAIMS)


def test_the_failure_of_another_page_is_none_of_this_package() -> None:
    failed = {f"{ADDRESS}/other/": "503 Server"}
    text = said(MISSING, ANSWERS, here={"Num.Py": ["3.0"]}, worker={}, failed=failed)
    assert "Num.Py has no wheel that runs in a Worker (Pyodide, Python 3.13): neither" in text
    assert "PyPI has 3.0, but only for other platforms." in text


def test_a_page_of_pypi_that_was_silent_is_named() -> None:
    failed = {"https://simple.test/num-py/": "502 Bad Gateway"}
    text = said(MISSING, ANSWERS, here={}, worker={}, failed=failed)
    assert "https://simple.test/num-py/ could not be read (502 Bad Gateway)" in text
    assert not any(claim in text for claim in (*CLAIMS, "there is no package"))


def test_versions_that_would_do_are_named() -> None:
    text = said(MISSING, ANSWERS, here={}, worker={"Num.Py": ["2.4", "2.3"]}, failed={})
    assert "no wheel of Num.Py>=3 that runs in a Worker (Pyodide, Python 3.13) was found" in text
    assert "Use one of these versions: 2.4, 2.3." in text


def test_versions_in_conflict_may_be_for_want_of_the_index() -> None:
    stderr = "ERROR: Cannot install a because these have conflicting dependencies.\n"
    text = said(stderr, SILENT, here={}, worker={}, failed={})
    assert f"{ADDRESS} could not be asked (timed out)" in text
    assert "ERROR: Cannot install a" in text
    assert "could not be asked" not in said(stderr, ANSWERS, here={}, worker={}, failed={})

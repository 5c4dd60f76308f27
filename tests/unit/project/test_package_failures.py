"""What is told about packages that can't be installed: pip and the indexes are stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.project.package_failures import Search, install_failure, resolve_failure
from cfpy.project.package_indexes import PyodideIndex
from cfpy.project.pip_log import PipLog, read_log
from cfpy.project.pylock import Pin
from cfpy.project.python_target import TARGETS, PythonTarget

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
    assert "PyPI has 3.0, but no wheel for a Worker." in text


LOG = """\
2026 Skipping link: No sources permitted for num.py: https://f/num.py-3.tar.gz (from https://i/num-py/)
2026 Skipping link: {why}: https://f/x (from https://i/num-py/) (requires-python:>=3)
2026 Skipping link: none of the wheel's tags (x) are compatible (run y): https://f/z (from https://i/z/)
"""


@pytest.mark.parametrize(
    ("why", "kinds", "builds"),
    [
        ("unsupported archive format: .egg", "only as sources.", True),
        (
            "none of the wheel's tags (cp314-win) are compatible (run pip debug)",
            "only as sources and for other platforms.",
            False,
        ),
        (
            "3.0 Requires-Python >=3.99",
            "only as sources and for other versions of Python.",
            False,
        ),
    ],
)
def test_what_there_is_instead_of_a_wheel_is_told_as_it_is(
    why: str, kinds: str, builds: bool, tmp_path: Path
) -> None:
    (tmp_path / "pip.log").write_text(LOG.format(why=why))
    log = read_log(tmp_path / "pip.log")
    assert log.unusable["z"] == ("for other platforms",)

    def versions(name: str, *, here: bool, index: PyodideIndex | None) -> list[str]:
        return ["3.0", "2.0"] if here else []

    error = resolve_failure(MISSING, Search(TARGETS["3.13"], ANSWERS, log, versions))
    assert f"PyPI has 3.0, 2.0, but {kinds}" in error.hint
    assert ("allow-build = true" in error.hint) == builds


def test_a_page_of_pypi_that_was_silent_is_named() -> None:
    failed = {"https://simple.test/num-py/": "502 Bad Gateway"}
    text = said(MISSING, ANSWERS, here={}, worker={}, failed=failed)
    assert "https://simple.test/num-py/ could not be read (502 Bad Gateway)" in text
    assert not any(claim in text for claim in (*CLAIMS, "there is no package"))


def test_versions_that_would_do_are_named() -> None:
    text = said(MISSING, ANSWERS, here={}, worker={"Num.Py": ["2.4", "2.3"]}, failed={})
    assert "no wheel of Num.Py>=3 that runs in a Worker (Pyodide, Python 3.13) was found" in text
    assert "Use one of these versions: 2.4, 2.3." in text


PINNED = "ERROR: No matching distribution found for pydantic-core==2.50.5 (from pydantic)\n"
NEWER = "PyPI has it for Python 3.14: set compatibility_date to 2026-09-08 or later."


def of_another(
    stderr: str,
    *,
    index: PyodideIndex = ANSWERS,
    usable: list[str] | None = None,
    newer: dict[str, list[str]] | None = None,
    python: str = "3.13",
    log: PipLog | None = None,
) -> str:
    """The hint where only another package needs pydantic-core, which PyPI has for this machine."""

    def versions(name: str, *, here: bool, index: PyodideIndex | None) -> list[str]:
        return ["2.50.5"] if here else (usable or [])

    def for_python(name: str, target: PythonTarget) -> list[str]:
        assert name == "pydantic-core"
        assert target.python > python
        return (newer or {}).get(target.python, [])

    named = frozenset({"fastapi", "workers-runtime-sdk"})
    log = log or PipLog({}, {})
    search = Search(TARGETS[python], index, log, versions, for_python, named)
    return resolve_failure(stderr, search).hint


@pytest.mark.parametrize("usable", [[], ["0.0.1"]])
@pytest.mark.parametrize("index", [SILENT, OFF, ANSWERS])
def test_no_version_of_what_another_package_needs_is_advised(
    index: PyodideIndex, usable: list[str]
) -> None:
    for newer, shown in (
        ({"3.14": ["2.50.5", "2.50.4"]}, True),
        ({"3.14": ["2.50.4", "0.0.1"]}, False),
        ({}, False),
    ):
        hint = of_another(PINNED, index=index, usable=usable, newer=newer)
        assert (NEWER in hint) is shown
        assert "0.0.1" not in hint
        assert "Use one of these versions" not in hint
        assert hint
        assert ("run the command again" in hint) is (index is not ANSWERS)


def test_the_first_python_that_has_it_is_advised() -> None:
    newer = {"3.13": ["2.50.5"], "3.14": ["2.50.5"]}
    hint = of_another(PINNED, newer=newer, python="3.12")
    assert "for Python 3.13: set compatibility_date to 2025-09-29 or later" in hint
    assert NEWER in of_another(PINNED, newer={"3.14": ["2.50.5"]}, python="3.12")
    assert "compatibility_date" not in of_another(PINNED, newer=newer, python="3.14")


@pytest.mark.parametrize("fits", [True, False])
def test_the_same_where_pip_reports_a_conflict(*, fits: bool) -> None:
    causes = ("fastapi 1 depends on pydantic", "pydantic 2 depends on Pydantic.Core==2.50.5")
    log = PipLog({}, {}, causes, ("pydantic-core",))
    stderr = "ERROR: Cannot install a because these have conflicting dependencies.\n"
    newer = {"3.14": ["2.50.5" if fits else "3.0"]}
    hint = of_another(stderr, usable=["0.0.1"], newer=newer, log=log)
    assert (NEWER in hint) is fits
    assert "0.0.1" not in hint


@pytest.mark.parametrize(
    ("requested", "excluded"),
    [
        (("idna==3.6", "idna==3.7"), "no version fits idna==3.6 and idna==3.7"),
        (("six", "SIX==3.7", "six<2"), "no version fits six and SIX==3.7 and six<2"),
        (("idna==3.7", "idna>3"), ""),
        (("idna==3.6", "six==3.7"), ""),
    ],
)
def test_requirements_that_exclude_each_other_are_named(
    requested: tuple[str, ...], excluded: str
) -> None:
    def versions(name: str, *, here: bool, index: PyodideIndex | None) -> list[str]:
        return ["3.7", "3.6"]

    causes = tuple(f"The user requested {each}" for each in requested)
    search = Search(TARGETS["3.13"], ANSWERS, PipLog({}, {}, causes, ("idna",)), versions)
    message = resolve_failure("ERROR: conflicting dependencies", search).message
    assert (message == excluded) is bool(excluded)


def test_versions_of_a_package_that_the_project_names_are_advised() -> None:
    def versions(name: str, *, here: bool, index: PyodideIndex | None) -> list[str]:
        return ["2.0"]

    search = Search(
        TARGETS["3.13"],
        ANSWERS,
        PipLog({}, {}),
        versions,
        lambda _name, _target: ["3.1"],
        frozenset({"num-py"}),
    )
    hint = resolve_failure(MISSING, search).hint
    assert hint == f"Use one of these versions: 2.0. {NEWER}"


def test_versions_in_conflict_may_be_for_want_of_the_index() -> None:
    stderr = "ERROR: Cannot install a because these have conflicting dependencies.\n"
    text = said(stderr, SILENT, here={}, worker={}, failed={})
    assert f"{ADDRESS} could not be asked (timed out)" in text
    assert "ERROR: Cannot install a" in text
    assert "could not be asked" not in said(stderr, ANSWERS, here={}, worker={}, failed={})


def test_a_folder_of_a_lock_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    pins = [
        Pin("a", "", "", "", directory="there"),
        Pin("b", "", "", "", directory="../gone"),
        Pin("c", "1", "https://x/c.git", "", commit="c0ffee"),
    ]
    error = install_failure("ERROR: pip's words", pins, tmp_path)
    assert error.message.startswith("pylock.toml names files that do not exist: b (")
    assert "pip's words" in install_failure("ERROR: pip's words", pins[::2], tmp_path).message


def test_dozens_of_versions_of_one_package_are_one_line() -> None:
    """As pip tried jinja2, while Pyodide's index could not be reached."""
    causes = [f"jinja2 3.{minor} depends on num-py>=2" for minor in range(40, 0, -1)]
    causes += [f"other{number} 1.0 depends on num-py" for number in range(7)]
    log = PipLog({}, {}, tuple(causes), ("Num.Py",))
    search = Search(TARGETS["3.14"], SILENT, log, lambda name, **_: ["26"] if name == "pip" else [])
    stderr = "ERROR: Cannot install " + ", ".join(f"jinja2==3.{minor}" for minor in range(900))
    error = resolve_failure(stderr, search)
    first, *rest = error.message.splitlines()
    assert "could not be asked (timed out)" in first
    assert rest == [
        "jinja2 3.40 depends on num-py>=2; so do 39 other versions",
        *(f"other{number} 1.0 depends on num-py" for number in range(4)),
        "and 3 more like these",
    ]


@pytest.mark.parametrize("lines", [1, 40])
def test_what_pip_wrote_is_short(lines: int) -> None:
    stderr = f"ERROR: {'x' * 5000}\n" * lines
    search = Search(TARGETS["3.14"], ANSWERS, PipLog({}, {}), lambda *_, **__: [])
    message = resolve_failure(stderr, search).message
    assert len(message.splitlines()) == 1 + min(lines, 5)
    assert max(map(len, message.splitlines())) < 320


CLONE = """\
2026-11-26T15:32:53,951   Running command git version
2026-11-26T15:32:53,982   git version 2.39.5
2026-11-26T15:32:53,982   Running command git clone --quiet https://git.test/y.git /tmp/x
2026-11-26T15:32:54,078   {said}
2026-11-26T15:32:54,078   {more}
2026-11-26T15:32:54,187   ERROR: git clone --quiet https://git.test/y.git /tmp/x exited with 128
2026-11-26T15:32:54,445 pip._internal.exceptions.build.InstallationSubprocessError: git clone
"""
GIT_STDERR = """\
  error: subprocess-exited-with-error

  x git clone --quiet https://git.test/y.git /tmp/x did not run successfully.
  │ exit code: 128
  ╰─> {output}

ERROR: Failed to build 'pk' when git clone --quiet https://git.test/y.git /tmp/x
"""


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ("fatal: unable to access 'https://me:pw@git.test/y.git/': Could not resolve host", ""),
        ("remote: Repository not found.", "fatal: repository 'https://git.test/y.git/' not found"),
        ("ssh: connect to host git.test port 22: Connection refused", "fatal: Could not read"),
        ("error: pathspec 'deadbeef' did not match any file(s) known to git", ""),
    ],
)
@pytest.mark.parametrize("logged", [True, False])
def test_the_reason_of_git_is_shown(said: str, more: str, logged: bool, tmp_path: Path) -> None:
    """It is in the log of pip if there is one, otherwise in what pip prints."""
    reason = "\n".join(filter(None, (said.replace("me:pw@", ""), more)))
    if logged:
        (tmp_path / "pip.log").write_text(CLONE.format(said=said, more=more))
        log = read_log(tmp_path / "pip.log")
        search = Search(TARGETS["3.13"], ANSWERS, log, lambda *_, **__: [])
        error = resolve_failure(GIT_STDERR.format(output="No available output."), search)
    else:
        output = f"[2 lines of output]\n      {said}\n      {more}\n      [end of output]"
        error = install_failure(GIT_STDERR.format(output=output), [], tmp_path)
    assert error.message == f"git can't get the package pk:\n{reason}"
    assert "branch or commit" in error.hint


def test_the_output_of_a_build_that_failed_is_shown(tmp_path: Path) -> None:
    (tmp_path / "pip.log").write_text(
        "2026   Running command git version\n2026   git version 2\n"
        "2026   Running command Getting requirements to build wheel\n"
        "2026   Traceback (most recent call last):\n2026   KeyError: 'VERSION'\n"
        "2026   ERROR: Getting requirements to build wheel exited with 1\n"
    )
    search = Search(TARGETS["3.13"], ANSWERS, read_log(tmp_path / "pip.log"), lambda *_, **__: [])
    stderr = "ERROR: Failed to build 'pk' when getting requirements to build wheel\n"
    error = resolve_failure(stderr, search)
    assert "when getting requirements to build wheel\n" in error.message
    assert error.message.endswith("\nKeyError: 'VERSION'")
    assert "git version" not in error.message


def test_what_pip_warns_about_its_choice_is_kept(tmp_path: Path) -> None:
    link = "https://f.test/c-2-py3-none-any.whl (from https://i.test/c/) (requires-python:>=3.5)"
    yanked = (
        "2026 WARNING: The candidate selected for download or install is a yanked version: "
        f"'{{}}' candidate (version 2 at {link})\n2026 Reason for being yanked: {{}}\n"
    )
    (tmp_path / "pip.log").write_text(
        "2026 WARNING: fastapi 0.115.0 does not provide the extra 'nope'\n" * 2
        + yanked.format("c", "It deletes files.")
        + yanked.format("d", "<none given>")
        + "2026 WARNING: Location 'file:///x' is ignored\n"
    )
    assert read_log(tmp_path / "pip.log").warnings == (
        "fastapi 0.115.0 has no extra 'nope': it adds no package. Correct it in pyproject.toml.",
        "c 2 was withdrawn by its authors (yanked): It deletes files.",
        "d 2 was withdrawn by its authors (yanked)",
    )

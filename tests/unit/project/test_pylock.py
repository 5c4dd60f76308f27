"""The lock file, and pip's report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cfpy.project.pip_log import read_log, with_index
from cfpy.project.pylock import Lock, Pin, pins_of_report, read_lock, write_lock
from cfpy.project.python_target import TARGETS


def item(name: str, **origin: Any) -> dict[str, Any]:
    archive = {"archive_info": {"hashes": {"sha256": "ab"}}}
    info = {"url": "https://u:p@files.test/x.whl", **archive, **origin}
    return {"metadata": {"name": name, "version": "1"}, "download_info": info}


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("zope.interface", "zope-interface"),
        ("A_b.-C", "a-b-c"),
        ("ruamel.yaml.clib", "ruamel-yaml-clib"),
    ],
)
def test_names_are_canonical(name: str, canonical: str) -> None:
    [pin] = pins_of_report({"install": [item(name)]})
    assert pin == Pin(canonical, "1", "https://files.test/x.whl", "ab")


@pytest.mark.parametrize(
    ("hashes", "expected"),
    [
        ({"sha256": "a", "sha512": "b"}, "sha256:a"),
        ({"sha512": "b", "md5": "c"}, "sha512:b"),
        ({"sha384": "d"}, "sha384:d"),
        ({"md5": "c"}, ""),
    ],
)
def test_the_hash_is_one_that_pip_checks(hashes: dict[str, str], expected: str) -> None:
    [pin] = pins_of_report({"install": [item("x", archive_info={"hashes": hashes})]})
    assert pin.hash == expected


def test_what_is_written_is_read(tmp_path: Path) -> None:
    wheel = "https://f.test/a-1-cp313-cp313-pyodide_2025_0_wasm32.whl"
    pins = (
        Pin("a", "1", wheel, "ab" * 32, index="https://index.test/0.28.3"),
        Pin("b", "", "", "", directory="../b"),
        Pin("c", "1", "https://git.test/c", "", commit="f" * 40, subdirectory="python"),
        Pin("d", "1", "https://f.test/d.tar.gz", "cd" * 32, direct=True, subdirectory="p"),
        Pin("e", "1", "https://f.test/e-1-py3-none-any.whl", "", other_hash=f"sha512:{'ef' * 64}"),
    )
    write_lock(tmp_path, Lock(pins, ("a", "b @ ../b"), "3.13"))
    read = read_lock(tmp_path, TARGETS["3.13"])
    assert read is not None
    assert (read.requirements, read.python, read.unfit) == (("a", "b @ ../b"), "3.13", ())
    # A direct reference and a commit decide; their version is only told.
    assert read.pins == pins


@pytest.mark.parametrize(
    ("pyproject", "source"), [(True, "from pyproject.toml"), (False, "for the Workers SDK")]
)
def test_the_first_line_names_what_it_is_from(
    *, pyproject: bool, source: str, tmp_path: Path
) -> None:
    if pyproject:
        (tmp_path / "pyproject.toml").write_text("")
    write_lock(
        tmp_path,
        Lock((Pin("a", "1", "https://f.test/a-1-py3-none-any.whl", "ab" * 32),), ("a",), "3.14"),
    )
    first = (tmp_path / "pylock.toml").read_text().splitlines()[0]
    assert first == f"# Created by cfpy {source}: commit it, don't edit it."


def test_the_log_tells_pages_and_failures_apart(tmp_path: Path) -> None:
    log = tmp_path / "pip.log"
    log.write_text(
        "2026-11-26T00:00:00,000   Found link https://f.test/x-1-py3-none-any.whl#sha256=ab "
        "(from https://index.test/314/x/) (requires-python:>=3.8), version: 1\n"
        "2026-11-26T00:00:00,000 Could not fetch URL https://index.test/314/y/: 503 Server Error: "
        "no for url: https://index.test/314/y/ - skipping\n"
        "2026-11-26T00:00:00,000 Could not fetch URL https://index.test/314/z/: 404 Client Error: "
        "no - skipping\n"
    )
    found = read_log(log)
    assert list(found.failures_of("https://someone:secret@index.test/314")) == ["y"]
    assert found.failures_of("https://index.test/31") == {}
    pins = (Pin("x", "1", "https://f.test/x-1-py3-none-any.whl", "ab"), Pin("q", "1", "u", "ab"))
    marked = with_index(pins, found, "https://someone:secret@index.test/314/")
    assert [pin.index for pin in marked] == ["https://index.test/314", ""]
    assert read_log(tmp_path / "none").pages == {}


def test_the_log_tells_what_is_absent_and_who_asks_for_it(tmp_path: Path) -> None:
    time = "2026-11-26T00:00:00,000"
    lines = [
        "The conflict is caused by:",
        "    flask 3.1.3 depends on markupsafe>=2.1.1",
        "    flask 3.1.2 depends on markupsafe>=2",
        "",
        "Additionally, some packages in these conflicts have no matching distributions available "
        "for your environment:",
        "    markupsafe",
        "",
        "To fix this you could try to:",
    ]
    log = tmp_path / "pip.log"
    log.write_text("".join(f"{time} {line}\n" for line in lines))
    found = read_log(log)
    assert found.causes == (
        "flask 3.1.3 depends on markupsafe>=2.1.1",
        "flask 3.1.2 depends on markupsafe>=2",
    )
    assert found.absent == ("markupsafe",)

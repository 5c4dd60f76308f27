from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.project.pylock import Pin
from cfpy.project.wheels import Wheels, are_wheels, downloaded, unpack
from wheel_files import file_name, sha256, wheel


def write(folder: Path, name: str, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / file_name(name, "1.0")
    path.write_bytes(wheel(name, "1.0", files))
    return path


def pin(path: Path) -> Pin:
    return Pin("a", "1.0", f"https://index.test/{path.name}", sha256(path.read_bytes()))


def test_each_part_of_a_wheel_goes_where_pip_puts_it_with_target(tmp_path: Path) -> None:
    entry = "[console_scripts]\na = a:main\n"
    files = {
        "a/__init__.py": "x = 1\n",
        "a/data.txt": "data",
        "a-1.0.data/scripts/tool": "#!python\nprint()\n",
        "a-1.0.data/data/share/a.txt": "shared",
        "a-1.0.data/purelib/b.py": "",
        "a-1.0.data/platlib/c.py": "",
        "a-1.0.data/headers/a.h": "",
        "a-1.0.dist-info/entry_points.txt": entry,
    }
    assert unpack([write(tmp_path / "wheels", "a", files)], tmp_path / "modules")
    made = tmp_path / "modules"
    names = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    assert names == {
        *("a/__init__.py", "a/data.txt", "bin/a", "bin/tool", "share/a.txt", "b.py", "c.py"),
        "include/a.h",
        *(
            f"a-1.0.dist-info/{name}"
            for name in ("METADATA", "WHEEL", "RECORD", "INSTALLER", "entry_points.txt")
        ),
    }
    assert (made / "a" / "__init__.py").read_text() == "x = 1\n"


def test_bytecode_in_a_wheel_is_not_installed(tmp_path: Path) -> None:
    files = {"a/__init__.py": "", "a/__pycache__/__init__.cpython-314.pyc": "no"}
    assert unpack([write(tmp_path / "wheels", "a", files)], tmp_path / "modules")
    assert not list((tmp_path / "modules").rglob("*.pyc"))


def test_of_two_wheels_with_the_same_file_the_last_one_wins(tmp_path: Path) -> None:
    wheels = [
        write(tmp_path / "wheels", name, {"tests/__init__.py": f"# {name}\n"}) for name in "ab"
    ]
    assert unpack(wheels, tmp_path / "modules")
    assert (tmp_path / "modules" / "tests" / "__init__.py").read_text() == "# b\n"


@pytest.mark.parametrize(
    "path", ["../outside.py", "a/../../outside.py", "/outside.py", "a-1.0.data/unknown/x.py"]
)
def test_a_wheel_that_breaks_the_rules_is_not_installed(tmp_path: Path, path: str) -> None:
    assert not unpack([write(tmp_path / "wheels", "a", {path: "bad"})], tmp_path / "modules")
    assert not list(tmp_path.rglob("outside.py"))
    assert not Path("/outside.py").exists()


@pytest.mark.parametrize(
    "scripts",
    [
        "[console_scripts]\na=evil:m\na=evil:m\n",
        "[console_scripts\nbroken\n",
        "[console_scripts]\na=%(b)s\nb = notvalid!!\n",
    ],
)
def test_a_wheel_with_broken_scripts_is_left_to_pip(tmp_path: Path, scripts: str) -> None:
    odd = {"a-1.0.dist-info/entry_points.txt": scripts}
    assert not unpack([write(tmp_path / "wheels", "a", odd)], tmp_path / "modules")


def test_a_file_and_a_folder_of_one_name_are_left_to_pip(tmp_path: Path) -> None:
    both = {"evil": "", "evil/a.py": ""}
    assert not unpack([write(tmp_path / "wheels", "a", both)], tmp_path / "modules")


@pytest.mark.parametrize("content", [b"", b"not a zip", wheel("a", "1.0")[:100]])
def test_a_damaged_wheel_is_not_installed(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / file_name("a", "1.0")
    broken.write_bytes(content)
    assert not unpack([broken], tmp_path / "modules")


def test_a_file_that_is_not_named_as_a_wheel_is_not_installed(tmp_path: Path) -> None:
    odd = tmp_path / "a.whl"
    odd.write_bytes(wheel("a", "1.0"))
    assert not unpack([odd], tmp_path / "modules")


def test_kept_wheels_are_found_by_their_hash(tmp_path: Path) -> None:
    wheels, path = Wheels(tmp_path / "kept"), write(tmp_path / "new", "a", {"a.py": ""})
    assert wheels.found([pin(path)]) == {}
    wheels.keep(downloaded(tmp_path / "new"))
    [kept] = wheels.found([pin(path)]).values()
    assert kept.read_bytes() == path.read_bytes()
    assert [file.name for file in kept.parent.iterdir()] == [path.name]


def test_a_cache_that_can_not_be_written_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file in its place")
    path = write(tmp_path / "new", "a", {"a.py": ""})
    wheels = Wheels(tmp_path / "kept")
    wheels.keep(downloaded(tmp_path / "new"))
    assert wheels.found([pin(path)]) == {}
    assert path.is_file()


@pytest.mark.parametrize(
    ("url", "digest", "wanted"),
    [
        ("https://index.test/a-1.0-py3-none-any.whl", "ab", True),
        ("https://index.test/a-1.0-py3-none-any.whl#part", "ab", True),
        ("https://index.test/a-1.0-py3-none-any.whl", "", False),
        ("https://index.test/a-1.0.tar.gz", "ab", False),
        ("", "ab", False),
    ],
)
def test_only_wheels_with_a_hash_are_installed_from_the_cache(
    url: str, digest: str, wanted: bool
) -> None:
    assert are_wheels([Pin("a", "1.0", url, digest)]) is wanted

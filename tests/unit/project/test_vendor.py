from __future__ import annotations

import json
import os
import re
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cfpy.errors import ProjectError, ToolNotFoundError
from cfpy.project.pip_lines import arguments_next_to
from cfpy.project.project import Project
from cfpy.project.pylock import Pin, read_lock
from cfpy.project.vendor import vendor
from cfpy.tools.process import Completed
from wheel_files import file_name, sha256, wheel

INDEX = "https://someone:secret@index.test/packages"


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFPY_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_NO_CACHE_DIR", raising=False)


class Pip:
    """A pip with an index of its own: what each package's newest version is, by name."""

    def __init__(self, stderr: str = "", **newest: str) -> None:
        self.stderr = stderr
        self.newest = {"workers-runtime-sdk": "1.9.5"} | newest
        self.calls: list[list[str]] = []
        self.installed = ""

    def run(self, argv: list[str], **_: object) -> Completed:
        self.calls.append(argv)
        if "versions" in argv:
            pyodide = "--platform" in argv
            known = "anything" not in self.stderr and argv[-1] != "unheard-of" and not pyodide
            shown = "Available versions: 2.0, 1.0\n" if known else ""
            return Completed(tuple(argv), 0, shown, "")
        if self.stderr:
            return Completed(tuple(argv), 1, "", self.stderr)
        if "--report" in argv:
            kept = Path(argv[argv.index("-c") + 1]).read_text() if "-c" in argv else ""
            pinned = dict(line.split("==") for line in kept.split())
            chosen = {name: pinned.get(name, newest) for name, newest in self.newest.items()}
            report = {"install": [self._item(*item) for item in chosen.items()]}
            Path(argv[argv.index("--report") + 1]).write_text(json.dumps(report))
            self.installed = "".join(f"{name}=={version}\n" for name, version in chosen.items())
        else:
            self.installed = Path(argv[argv.index("-r") + 1]).read_text()
        if "--dry-run" in argv:
            return Completed(tuple(argv), 0, "", "")
        if "download" in argv:
            self._download(Path(argv[argv.index("--dest") + 1]))
            return Completed(tuple(argv), 0, "", "")
        target = Path(argv[argv.index("--target") + 1])
        target.mkdir()
        (target / "workers.py").touch()
        return Completed(tuple(argv), 0, "", "")

    def _download(self, folder: Path) -> None:
        folder.mkdir()
        for line in self.installed.splitlines():
            if " @ " in line:
                url = line.split(" @ ")[1].split(" ")[0]
                name, version = url.rpartition("/")[2].split("-")[:2]
                name = name.replace("_", "-")
            else:
                name, version = line.partition(" ")[0].split("==")
            (folder / file_name(name, version)).write_bytes(_wheel(name, version))

    @staticmethod
    def _item(name: str, version: str) -> dict[str, object]:
        archive = {"hashes": {"sha256": sha256(_wheel(name, version))}}
        url = f"{INDEX}/{file_name(name, version)}"
        return {
            "metadata": {"name": name, "version": version},
            "download_info": {"url": url, "archive_info": archive},
        }


def _wheel(name: str, version: str) -> bytes:
    return wheel(name, version, {f"{name.replace('-', '_')}.py": f"version = {version!r}\n"})


def project(root: Path, dependencies: str = "[]") -> Project:
    text = f'[project]\nname = "a"\nversion = "0"\ndependencies = {dependencies}\n'
    (root / "pyproject.toml").write_text(text)
    return Project(root, {}, ())


def test_packages_are_locked_and_installed_once_for_pyodides_platform(tmp_path: Path) -> None:
    pip = Pip(fastapi="0.165.0")
    modules = vendor(project(tmp_path, '["fastapi"]'), pip, print)
    vendor(project(tmp_path, '["fastapi"]'), pip, print)
    assert (modules / "workers.py").is_file()
    [call] = pip.calls
    assert "fastapi" in call
    assert "pyemscripten_2026_0_wasm32" in call
    lock = read_lock(tmp_path)
    assert lock is not None
    assert [(pin.name, pin.version) for pin in lock.pins] == [
        ("fastapi", "0.165.0"),
        ("workers-runtime-sdk", "1.9.5"),
    ]


def test_what_pip_warns_about_is_told_once(tmp_path: Path) -> None:
    class Warning(Pip):
        def run(self, argv: list[str], **options: object) -> Completed:
            if "--log" in argv:
                said = "2026 WARNING: fastapi 0.165.0 does not provide the extra 'nope'\n"
                Path(argv[argv.index("--log") + 1]).write_text(said)
            return super().run(argv, **options)

    told: list[str] = []
    for _ in range(2):
        pip = Warning(fastapi="0.165.0")
        vendor(project(tmp_path, '["fastapi[nope]"]'), pip, print, told.append)
    [text] = told
    assert text.startswith("fastapi 0.165.0 has no extra 'nope'")


def test_the_lock_holds_no_password(tmp_path: Path) -> None:
    vendor(project(tmp_path), Pip(), print)
    text = (tmp_path / "pylock.toml").read_text()
    assert "https://index.test/packages/workers_runtime_sdk-1.9.5" in text
    assert "secret" not in text


def test_another_machine_installs_what_is_locked(tmp_path: Path) -> None:
    vendor(project(tmp_path), Pip(), print)
    shutil.rmtree(tmp_path / "python_modules")
    pip = Pip(**{"workers-runtime-sdk": "1.9.9"})
    vendor(project(tmp_path), pip, print)
    [call] = pip.calls
    assert "pyemscripten_2026_0_wasm32" in call
    assert "--require-hashes" in call
    assert "workers-runtime-sdk==1.9.5 --hash=sha256:" in pip.installed
    assert (tmp_path / "python_modules" / "workers_runtime_sdk.py").is_file()


def test_what_was_downloaded_once_is_installed_without_pip(tmp_path: Path) -> None:
    modules = vendor(project(tmp_path, '["fastapi"]'), Pip(fastapi="0.165.0"), print)
    for pip in (first := Pip(), again := Pip("ERROR: there is no network\n")):
        shutil.rmtree(modules)
        vendor(project(tmp_path, '["fastapi"]'), pip, print)
        assert (modules / "fastapi.py").is_file()
    assert len(first.calls) == 1
    assert again.calls == []


def test_only_what_is_not_here_yet_is_downloaded(tmp_path: Path) -> None:
    modules = vendor(project(tmp_path, '["fastapi"]'), Pip(fastapi="0.165.0"), print)
    shutil.rmtree(modules)
    vendor(project(tmp_path, '["fastapi"]'), Pip(), print)
    cache = Path(os.environ["CFPY_CACHE_DIR"])
    [gone] = cache.rglob("fastapi*.whl")
    gone.unlink()
    shutil.rmtree(modules)
    pip = Pip()
    vendor(project(tmp_path, '["fastapi"]'), pip, print)
    assert [line.partition(" ")[0] for line in pip.installed.splitlines()] == ["fastapi==0.165.0"]


def test_a_wheel_that_was_changed_in_the_cache_is_downloaded_again(tmp_path: Path) -> None:
    modules = vendor(project(tmp_path), Pip(), print)
    shutil.rmtree(modules)
    vendor(project(tmp_path), Pip(), print)
    [kept] = Path(os.environ["CFPY_CACHE_DIR"]).rglob("*.whl")
    kept.write_bytes(wheel("workers-runtime-sdk", "1.9.5", {"workers_runtime_sdk.py": "bad"}))
    shutil.rmtree(modules)
    pip = Pip()
    vendor(project(tmp_path), pip, print)
    assert len(pip.calls) == 1
    assert "bad" not in (modules / "workers_runtime_sdk.py").read_text()


def test_without_a_cache_of_pip_nothing_is_kept_and_pip_installs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    shutil.rmtree(vendor(project(tmp_path), Pip(), print))
    pip = Pip()
    modules = vendor(project(tmp_path), pip, print)
    assert "--target" in pip.calls[0]
    assert (modules / "workers.py").is_file()
    assert list(Path(os.environ["CFPY_CACHE_DIR"]).rglob("*.whl")) == []


def test_a_lock_without_hashes_is_installed_by_pip(tmp_path: Path) -> None:
    shutil.rmtree(vendor(project(tmp_path), Pip(), print))
    lock = tmp_path / "pylock.toml"
    lock.write_text(re.sub(r"sha256 = \"\w+\"", 'md5 = "x"', lock.read_text()))
    pip = Pip()
    vendor(project(tmp_path), pip, print)
    assert "--target" in pip.calls[0]


def test_changed_dependencies_are_installed_afresh_and_others_keep_their_version(
    tmp_path: Path,
) -> None:
    modules = vendor(project(tmp_path), Pip(), print)
    (modules / "old.py").touch()
    pip = Pip(**{"workers-runtime-sdk": "1.9.9"}, fastapi="0.165.0")
    vendor(project(tmp_path, '["fastapi"]'), pip, print)
    assert "workers-runtime-sdk==1.9.5" in pip.installed
    assert "fastapi==0.165.0" in pip.installed
    assert not (modules / "old.py").exists()


def test_the_lock_of_pywrangler_is_kept_as_it_is(tmp_path: Path) -> None:
    made = project(tmp_path)
    text = '[[packages]]\nname = "workers-runtime-sdk"\nversion = "1.9.4"\n'
    (tmp_path / "pylock.toml").write_text(text)
    pip = Pip("ERROR: stop here")
    with pytest.raises(ToolNotFoundError):
        vendor(made, pip, print)
    [call] = pip.calls
    assert "--dry-run" in call
    assert (tmp_path / "pylock.toml").read_text() == text


def foreign(root: Path, *packages: tuple[str, str, str]) -> None:
    """A lock of another tool: name, version and the rest of each package."""
    entries = (f'[[packages]]\nname = "{n}"\nversion = "{v}"\n{more}' for n, v, more in packages)
    (root / "pylock.toml").write_text("\n".join(entries))


def wheels(name: str, version: str) -> str:
    url = f"https://index.test/{file_name(name, version)}"
    digest = sha256(_wheel(name, version))
    return f'wheels = [{{ url = "{url}", hashes = {{ sha256 = "{digest}" }} }}]\n'


@pytest.mark.parametrize(
    ("locked", "said"),
    [
        # What the lock has: the SDK and a package; one of them; only a version; too old.
        ({"a": "1.0"}, "does not have workers-runtime-sdk: "),
        ({"a": "1.0", "workers-runtime-sdk": "1.9.6"}, ""),
        ({"workers-runtime-sdk": "1.9.6"}, "does not have a: "),
        ({"a": "0.5", "workers-runtime-sdk": "1.9.6"}, "does not have a: "),
        ({"workers-runtime-sdk": "1.0"}, "does not have workers-runtime-sdk, a: "),
        ({"b": "1.0", "workers-runtime-sdk": "1.9.6"}, "does not have a: "),
    ],
)
def test_a_foreign_lock_is_checked_by_its_hashes_and_completed(
    locked: dict[str, str], said: str, tmp_path: Path
) -> None:
    pip, lines = Pip(a="1.5", c="3.0"), list[str]()
    foreign(tmp_path, *((name, version, wheels(name, version)) for name, version in locked.items()))
    vendor(project(tmp_path, '["a>=1"]'), pip, lines.append)
    fits = {n: v for n, v in locked.items() if not (v == "0.5" or (n[0] == "w" and v == "1.0"))}
    expected = {"workers-runtime-sdk": "1.9.5", "a": "1.5", "c": "3.0"} if said else {}
    wanted = {**expected, **fits}
    found = [line.split(" --hash=sha256:") for line in pip.installed.splitlines()]
    names = {re.split(" @ |==", line)[0]: digest for line, digest in found}
    assert names == {name: sha256(_wheel(name, version)) for name, version in wanted.items()}
    assert any(said in line for line in lines)
    number = {0: "No package is", 1: "One package is"}.get(len(fits), f"{len(fits)} packages are")
    checked = f"{number} checked by the hashes in pylock.toml"
    assert any(checked in line for line in lines) == bool(said)


def test_a_package_with_only_a_version_keeps_it(tmp_path: Path) -> None:
    foreign(tmp_path, ("a", "1.0", ""), ("workers-runtime-sdk", "1.9.6", "wheels = []\n"))
    pip = Pip(a="1.5")
    vendor(project(tmp_path, '["a"]'), pip, print)
    assert sha256(_wheel("a", "1.0")) in pip.installed
    assert sha256(_wheel("workers-runtime-sdk", "1.9.6")) in pip.installed


def test_what_is_built_is_resolved_exactly_as_it_is_locked(tmp_path: Path) -> None:
    kept = [
        Pin("a", "1", "https://x/a-1.tar.gz", "0" * 64),
        Pin("b", "1", "https://x/b.git", "", commit="c0ffee", subdirectory="d"),
        Pin("c", "1", "https://x/c-1-py3-none-any.whl", "1" * 64),
        Pin("d", "1", "https://x/d.zip", "", direct=True, subdirectory="e", other_hash="sha512:2"),
        Pin("e", "", "", "", directory="../e"),
    ]
    asked = ["a[x,y]>=1", "b @ git+https://x/b.git", "c>=1", "z"]
    assert arguments_next_to(kept, asked, tmp_path / "p") == [
        "c>=1",
        "z",
        f"a[x,y] @ https://x/a-1.tar.gz#sha256={'0' * 64}",
        "b @ git+https://x/b.git@c0ffee#subdirectory=d",
        "d @ https://x/d.zip#subdirectory=e&sha512=2",
        f"e @ {(tmp_path / 'e').as_uri()}",
    ]


def test_a_lock_that_limits_the_versions_is_named(tmp_path: Path) -> None:
    foreign(tmp_path, ("workers-runtime-sdk", "1.9.6", wheels("workers-runtime-sdk", "1.9.6")))
    with pytest.raises(ToolNotFoundError, match="stop here") as caught:
        vendor(project(tmp_path, '["a"]'), Pip("ERROR: stop here"), print)
    assert "pylock.toml sets the versions of what it has" in caught.value.hint


def test_a_failure_keeps_what_was_there_and_quotes_pip(tmp_path: Path) -> None:
    modules = vendor(project(tmp_path), Pip(), print)
    before = (tmp_path / "pylock.toml").read_bytes()
    with pytest.raises(ToolNotFoundError) as caught:
        vendor(project(tmp_path, '["x"]'), Pip("WARNING: x\nERROR: no network\n"), print)
    assert "ERROR: no network" in caught.value.message
    assert "WARNING" not in caught.value.message
    assert (modules / "workers.py").is_file()
    assert (tmp_path / "pylock.toml").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".python_modules")] == []


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (
            "numpy",
            "no wheel of numpy that runs in a Worker (Pyodide, Python 3.14) was found",
            "PyPI has 2.0, 1.0, but no wheel for a Worker.",
        ),
        ("unheard-of", "there is no package 'unheard-of'", "Check its name"),
        ("anything", "pip could not reach a package index", "Check the network"),
    ],
)
def test_a_package_without_a_wheel_is_named_with_the_versions_there_are(
    tmp_path: Path, name: str, message: str, hint: str
) -> None:
    pip = Pip(f"ERROR: No matching distribution found for {name}>=2\n")
    with pytest.raises(ToolNotFoundError) as caught:
        vendor(project(tmp_path, f'["{name}>=2"]'), pip, print)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_package_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    vendor(project(tmp_path), Pip(), print)
    shutil.rmtree(tmp_path / "python_modules")
    with pytest.raises(ToolNotFoundError, match=r"does not match its hash in pylock\.toml"):
        vendor(project(tmp_path), Pip("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n"), print)


BAD = '[[packages]]\nname = "x"\nversion = "1"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", ":1:1: the file ends too early"),
        ("packages = 1", "another type than the standard says"),
        ("packages = [1]", "another type than the standard says"),
        ("[[packages]]\nname = 'x'", "a package has no `version`"),
        ("[[packages]]\nversion = '1'", "a package has no `name`"),
        (f"{BAD}marker = 'x'\n", "is not a valid lock file: "),
        (
            f"{BAD}wheels = [{{ url = 'http://x/x-1-py3-none-any.whl', hashes = "
            "{ sha256 = 'zz' } }]",
            ":4: the sha256 of x is not a hash, which has 64 hexadecimal digits",
        ),
        (
            f"{BAD}archive = {{ url = 'http://x', hashes = {{ sha512 = '{'a' * 64}' }} }}",
            ":4: the sha512 of x is not a hash, which has 128 hexadecimal digits",
        ),
        (f"{BAD}wheels = [{{ url = 'http://x', hashes = {{ sha256 = 5 }} }}]", "is not a hash"),
    ],
)
def test_a_broken_lock_is_named(text: str, said: str, tmp_path: Path) -> None:
    made = project(tmp_path)
    (tmp_path / "pylock.toml").write_text(text)
    with pytest.raises(ProjectError, match=r"pylock\.toml") as caught:
        vendor(made, Pip(), print)
    assert said in caught.value.message
    assert "Restore pylock.toml from git" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('wheels = [{{ path = "wheels/x-1-py3-none-any.whl", hashes = {hashes} }}]', "wheels/x-1-"),
        ('archive = {{ path = "../x.tar.gz", hashes = {hashes} }}', "x.tar.gz"),
    ],
)
def test_a_file_of_a_lock_that_does_not_exist_is_named(
    source: str, place: str, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    hashes = f'{{ sha256 = "{"0" * 64}" }}'
    sdk = ("workers-runtime-sdk", "1.9.6", wheels("workers-runtime-sdk", "1.9.6"))
    foreign(root, sdk, ("x", "1", source.format(hashes=hashes)))
    with pytest.raises(ToolNotFoundError, match="names files that do not exist: x") as caught:
        vendor(project(root), Pip("ERROR: [Errno 2] No such file"), print)
    assert place in caught.value.message
    assert "Restore them" in caught.value.hint


def test_what_pywrangler_synced_is_left_alone_until_its_inputs_change(tmp_path: Path) -> None:
    made = project(tmp_path)
    token = tmp_path / "python_modules" / ".synced"
    token.parent.mkdir()
    token.touch()
    pip = Pip()
    vendor(made, pip, print)
    assert pip.calls == []
    later = token.stat().st_mtime + 10
    os.utime(tmp_path / "pyproject.toml", (later, later))
    vendor(made, pip, print)
    assert len(pip.calls) == 1


def test_a_broken_pyproject_is_named(tmp_path: Path) -> None:
    made = project(tmp_path, "[")
    with pytest.raises(ProjectError, match=r"pyproject\.toml"):
        vendor(made, Pip(), print)


def test_two_runs_at_once_install_once(tmp_path: Path) -> None:
    worker = project(tmp_path)
    at_once = threading.Barrier(2)

    def one() -> list[list[str]]:
        pip = Pip()
        at_once.wait(60)
        vendor(worker, pip, print)
        return pip.calls

    with ThreadPoolExecutor(2) as pool:
        calls = [run.result() for run in (pool.submit(one), pool.submit(one))]
    assert sorted(map(bool, calls)) == [False, True]
    assert (tmp_path / "python_modules" / "workers.py").is_file()

"""Where ``[tool.uv]`` says that packages come from, and locks of pywrangler: by real pip, from
indexes on loopback."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from package_index import LINUX, PYTHON_313, PYTHON_314, SDK, Index, Indexes
from packaged_worker import Worker

from cfpy.errors import ProjectError

PURE = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "{name}"
version = "{version}"
dependencies = [{dependencies}]
"""
# A build backend without dependencies: the indexes of these tests have none.
BACKEND = """\
import base64, hashlib, os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, version, tag = {name!r}, {version!r}, {tag!r}
    stem = f"{{name}}-{{version}}"
    metadata = f"Metadata-Version: 2.1\\nName: {{name}}\\nVersion: {{version}}\\n"
    metadata += "".join(f"Requires-Dist: {{item}}\\n" for item in {requires!r})
    members = {{
        f"{{name}}.py": open(f"{{name}}.py").read(),
        f"{{stem}}.dist-info/METADATA": metadata,
        f"{{stem}}.dist-info/WHEEL": f"Wheel-Version: 1.0\\nTag: {{tag}}\\n",
    }}
    record = "".join(
        "{{}},sha256={{}},{{}}\\n".format(
            path,
            base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode(),
            len(text.encode()),
        )
        for path, text in members.items()
    )
    members[f"{{stem}}.dist-info/RECORD"] = record
    with zipfile.ZipFile(os.path.join(folder, f"{{stem}}-{{tag}}.whl"), "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return f"{{stem}}-{{tag}}.whl"
"""


def package(
    folder: Path,
    name: str,
    *,
    requires: tuple[str, ...] = (),
    tag: str = "py3-none-any",
    more: str = "",
) -> Path:
    """A package in a folder, with one module and a build backend of its own."""
    folder.mkdir(parents=True)
    quoted = ", ".join(f'"{item}"' for item in requires)
    text = PURE.format(name=name, version="1.0", dependencies=quoted) + more
    (folder / "pyproject.toml").write_text(text)
    values = {"name": name, "version": "1.0", "tag": tag, "requires": requires}
    (folder / "backend.py").write_text(BACKEND.format(**values))
    (folder / f"{name}.py").write_text("WHAT = 'first'\n")
    return folder


def test_a_folder_and_what_it_needs_and_each_change_of_it(worker: Worker, pypi: Index) -> None:
    base = worker.root.parent
    more = '[tool.uv.sources]\nlibb = { path = "../libb" }\n'
    liba = package(base / "liba", "liba", requires=("libb", "six"), more=more)
    package(base / "libb", "libb")
    pypi.add("six", "1.17.0")
    worker.needs(
        "liba>=1", more='[tool.uv.sources]\nliba = { path = "../liba", editable = true }\n'
    )
    modules = worker.install()
    assert {path.name for path in modules.glob("*.py")} == {"liba.py", "libb.py"}
    locked = worker.locked()
    assert locked["liba"]["directory"] == {"path": "../liba"}
    assert locked["libb"]["directory"] == {"path": "../libb"}
    assert str(base) not in (worker.root / "pylock.toml").read_text()
    # The lock stays, the folder is built again.
    lock = (worker.root / "pylock.toml").read_bytes()
    (liba / "liba.py").write_text("WHAT = 'second'\n")
    worker.install()
    assert "second" in (modules / "liba.py").read_text()
    assert (worker.root / "pylock.toml").read_bytes() == lock


def test_a_member_of_the_workspace(worker: Worker) -> None:
    base = worker.root.parent
    (base / "pyproject.toml").write_text(
        '[tool.uv.workspace]\nmembers = ["w", "packages/*"]\n'
        "[tool.uv.sources]\nShared_Things = { workspace = true }\n"
    )
    package(base / "packages" / "one", "shared_things")
    worker.needs("shared-things")
    worker.install()
    assert worker.locked()["shared-things"]["directory"] == {"path": "../packages/one"}


def test_a_folder_with_parts_in_c_is_refused(worker: Worker) -> None:
    package(worker.root.parent / "fast", "fast", tag=LINUX)
    worker.needs("fast", more='[tool.uv.sources]\nfast = { path = "../fast" }\n')
    said = worker.fails()
    assert "fast 1.0 was built from ../fast for this machine" in said


def test_files_by_path_and_url_and_a_commit(
    worker: Worker, there: Indexes, pypi: Index, pyodide: Index
) -> None:
    base = worker.root.parent
    near = pyodide.add("near", "1.0", PYTHON_314)
    far = pyodide.add("far", "1.0", PYTHON_314)
    (base / near).write_bytes(pyodide.files[near])
    repository = package(base / "repository" / "python", "stored").parent
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(repository)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True)
    url = f"{there.address('pyodide')}/314.0.7/files/{far}"
    worker.needs(
        "near",
        "far",
        "stored",
        more=f'[tool.uv.sources]\nnear = {{ path = "../{near}" }}\nfar = {{ url = "{url}" }}\n'
        f'stored = {{ git = "{repository.as_uri()}", tag = "v1", subdirectory = "python" }}\n',
    )
    worker.install().rename(worker.root / "old")
    locked = worker.locked()
    assert locked["near"]["archive"]["path"] == f"../{near}"
    assert locked["far"]["archive"]["url"] == url
    digest = hashlib.sha256(pyodide.files[far]).hexdigest()
    assert locked["far"]["archive"]["hashes"] == {"sha256": digest}
    assert locked["stored"]["vcs"]["subdirectory"] == "python"
    assert len(locked["stored"]["vcs"]["commit-id"]) == 40
    text = (worker.root / "pylock.toml").read_text().replace(repository.as_uri(), "")
    assert str(base) not in text
    modules = worker.install()
    assert (modules / "stored.py").is_file()
    assert (worker.version("near"), worker.version("far")) == ("1.0", "1.0")


def test_indexes_and_folders_of_files(worker: Worker, there: Indexes, pypi: Index) -> None:
    corp = there.indexes["corp"]
    corp.add("inside", "1.0")
    (worker.root / "wheels").mkdir()
    file = Index().add("found", "2.0")
    source = Index()
    source.add("found", "2.0")
    (worker.root / "wheels" / file).write_bytes(source.files[file])
    settings = (
        '[tool.uv]\nfind-links = ["wheels"]\nconstraint-dependencies = ["limited<2"]\n'
        f'[[tool.uv.index]]\nname = "corp"\nurl = "{there.address("corp")}"\nexplicit = true\n'
        '[tool.uv.sources]\ninside = { index = "corp" }\n'
    )
    pypi.add("limited", "1.5")
    pypi.add("limited", "2.0")
    worker.needs("inside", "found", "limited", more=settings)
    worker.install()
    assert worker.version("limited") == "1.5"
    assert worker.version("inside") == "1.0"
    [wheel] = worker.locked()["found"]["wheels"]
    assert wheel["path"] == f"wheels/{file}"
    # Somebody uploads the same name to PyPI.
    pypi.add("inside", "9.0")
    (worker.root / "pylock.toml").unlink()
    assert "inside 9.0 was found at" in worker.fails()


def sources_only(index: Index, folder: Path) -> None:
    """An index that has a package as a source distribution only."""
    package(folder / "plain-1.0", "plain")
    (folder / "plain-1.0" / "PKG-INFO").write_text(
        "Metadata-Version: 2.1\nName: plain\nVersion: 1\n"
    )
    archive = folder / "plain-1.0.tar.gz"
    subprocess.run(["tar", "czf", str(archive), "-C", str(folder), "plain-1.0"], check=True)
    index.files[archive.name] = archive.read_bytes()


def test_a_package_without_a_wheel_is_built_if_pyproject_allows_it(
    worker: Worker, pypi: Index, tmp_path: Path
) -> None:
    sources_only(pypi, tmp_path / "sources")
    worker.needs("plain")
    assert "no wheel" in worker.fails()
    worker.needs("plain", more="[tool.pywrangler]\nallow-build = true\n")
    modules = worker.install()
    assert (modules / "plain.py").is_file()
    modules.rename(worker.root / "old")
    assert (worker.install() / "plain.py").is_file()


def pywranglers_lock(root: Path, there: Indexes, *packages: str) -> str:
    sdk = there.indexes["pypi"].files["workers_runtime_sdk-1.9.5-py3-none-any.whl"]
    text = '# This file was autogenerated by uv\nlock-version = "1.0"\ncreated-by = "uv"\n'
    text += (
        f'requires-python = ">=3.14"\n\n[[packages]]\nname = "{SDK}"\nversion = "1.9.5"\nwheels = '
    )
    url = f"{there.address('pypi')}/files/workers_runtime_sdk-1.9.5-py3-none-any.whl"
    digest = hashlib.sha256(sdk).hexdigest()
    text += f'[{{ url = "{url}", size = 1, hashes = {{ sha256 = "{digest}" }} }}]\n'
    text += "".join(f"\n[[packages]]\n{package}" for package in packages)
    (root / "pylock.toml").write_text(text)
    return text


def test_pywranglers_lock_is_used_as_it_is(
    worker: Worker, there: Indexes, pypi: Index, pyodide: Index
) -> None:
    files = {tag: pyodide.add("numpy", "2.4.1", tag) for tag in (LINUX, PYTHON_313, PYTHON_314)}
    pypi.add("numpy", "9.9")
    wheels = ", ".join(
        f'{{ url = "{there.address("pyodide")}/314.0.7/files/{file}", hashes = {{ sha256 = '
        f'"{hashlib.sha256(pyodide.files[file]).hexdigest()}" }} }}'
        for file in files.values()
    )
    folder = package(worker.root.parent / "liba", "liba")
    entries = (
        f'name = "numpy"\nversion = "2.4.1"\nindex = "x"\nwheels = [{wheels}]\n',
        'name = "other"\nversion = "1"\nmarker = "sys_platform == \'linux\'"\n',
        'name = "liba"\ndirectory = { path = "../liba" }\n',
    )
    text = pywranglers_lock(worker.root, there, *entries)
    source = '[tool.uv.sources]\nliba = { path = "../liba" }\n'
    worker.needs("numpy>=2", "other; sys_platform == 'linux'", "liba", more=source)
    pyodide.status = 503
    modules = worker.install()
    assert worker.version("numpy") == "2.4.1"
    assert (modules / "liba.py").read_text() == (folder / "liba.py").read_text()
    assert not (modules / "other").exists()
    [info] = modules.glob("numpy-*.dist-info")
    assert PYTHON_314 in (info / "WHEEL").read_text()
    assert (worker.root / "pylock.toml").read_text() == text
    # A changed file is not installed.
    modules.rename(worker.root / "old")
    pyodide.files[files[PYTHON_314]] += b"changed"
    assert "does not match its hash in pylock.toml" in worker.fails()


def test_pywranglers_lock_for_another_python_is_named(
    worker: Worker, there: Indexes, pyodide: Index
) -> None:
    file = pyodide.add("numpy", "2.2.5", PYTHON_313)
    digest = hashlib.sha256(pyodide.files[file]).hexdigest()
    wheel = f'{{ url = "http://x/{file}", hashes = {{ sha256 = "{digest}" }} }}'
    pywranglers_lock(worker.root, there, f'name = "numpy"\nversion = "2.2.5"\nwheels = [{wheel}]\n')
    worker.needs("numpy")
    with pytest.raises(ProjectError, match=r"no wheel of numpy for a Worker with Python 3\.14"):
        worker.install()


def test_pywranglers_lock_that_does_not_have_all_is_checked_by_its_hashes(
    worker: Worker, there: Indexes, pypi: Index
) -> None:
    file = pypi.add("plain", "1.0")
    digest = hashlib.sha256(pypi.files[file]).hexdigest()
    url = f"{there.address('pypi')}/files/{file}"
    wheel = f'{{ url = "{url}", hashes = {{ sha256 = "{digest}" }} }}'
    entry = f'name = "plain"\nversion = "1.0"\nwheels = [{wheel}]\n'
    text = pywranglers_lock(worker.root, there, entry)
    pypi.add("six", "1.17.0")
    worker.needs("plain", "six")
    modules = worker.install()
    assert (worker.version("six"), worker.version("plain")) == ("1.17.0", "1.0")
    assert (worker.root / "pylock.toml").read_text() == text
    [said] = [line for line in worker.said if "does not have six" in line]
    assert "2 packages are checked by the hashes in pylock.toml" in said
    # The next installation resolves it again, and checks what is locked.
    modules.rename(worker.root / "old")
    pypi.files[file] += b"changed"
    assert "does not match its hash in pylock.toml" in worker.fails()
    assert not modules.exists()

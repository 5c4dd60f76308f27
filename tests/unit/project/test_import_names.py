"""Which modules next to the main module an import finds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cfpy.bindings.add import AddRequest, run
from cfpy.bindings.asked import Options
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import UsageError
from cfpy.local.import_warnings import ImportWarnings
from cfpy.local.local_runtime import Event
from cfpy.project.import_names import shadowed_modules, standard_library
from cfpy.project.project import Project

TEMPLATES = Path(__file__).parents[3] / "src" / "cfpy" / "templates"
CONFIG = """\
name = "shop"
main = "src/entry.py"
compatibility_date = "{date}"
compatibility_flags = ["python_workers"]
"""
# workerd runs 3.14, 3.13 and 3.12 for these.
DATES = {"3.14": "2026-11-17", "3.13": "2025-10-01", "3.12": "2024-10-01"}


def project_of(root: Path, *files: str, date: str = DATES["3.14"]) -> Project:
    for name in ("src/entry.py", *files):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("class Default: ...\n" if name == "src/entry.py" else "")
    (root / "wrangler.toml").write_text(CONFIG.format(date=date))
    return load_project(root)


def found(project: Project) -> dict[str, str]:
    return {module.path: module.by for module in shadowed_modules(project)}


@pytest.mark.parametrize(
    ("python", "there", "not_there"),
    [
        ("3.14", {"annotationlib", "compression", "secrets"}, {"cgi", "imp", "tkinter", "pwd"}),
        ("3.13", {"calendar", "ssl"}, {"annotationlib", "cgi", "distutils", "curses"}),
        ("3.12", {"cgi", "telnetlib", "math", "builtins"}, {"asyncore", "venv", "compression"}),
    ],
)
def test_the_standard_library_of_a_worker(
    python: str, there: set[str], not_there: set[str]
) -> None:
    names = standard_library(python)
    assert there <= names
    assert not names & not_there
    assert {name for name in names if "." in name} == set()
    # That of this Python may be another version's.
    assert len(names & sys.stdlib_module_names) > 150


def test_modules_that_an_import_does_not_find(tmp_path: Path) -> None:
    project = project_of(
        tmp_path,
        *("src/secrets.py", "src/email/__init__.py", "src/email/parser.py", "src/fine.py"),
        # A folder without __init__.py, and names that no import has.
        *("src/json/data.txt", "src/my-json.py", "src/queue.txt", "src/shop/secrets.py"),
        *("src/yaml.py", "python_modules/yaml/__init__.py"),
        *("src/fast/__init__.py", "python_modules/fast.cpython-314-wasm32-emscripten.so"),
        *("src/six.py", "python_modules/six.py", "src/asgi.py", "src/js.py"),
        *("src/docs.py", "python_modules/docs/a.txt"),
    )
    assert found(project) == {
        "src/asgi.py": "the module asgi of the Workers runtime",
        "src/email/": "the module email of the standard library",
        "src/fast/": "python_modules/fast.cpython-314-wasm32-emscripten.so",
        "src/js.py": "the module js of the Workers runtime",
        "src/secrets.py": "the module secrets of the standard library",
        "src/six.py": "python_modules/six.py",
        "src/yaml.py": "python_modules/yaml/__init__.py",
    }


@pytest.mark.parametrize("python", DATES)
def test_it_depends_on_the_python_of_the_worker(tmp_path: Path, python: str) -> None:
    project = project_of(tmp_path, "src/cgi.py", "src/annotationlib.py", date=DATES[python])
    assert project.python_version == python
    expected = {"3.14": {"src/annotationlib.py"}, "3.13": set(), "3.12": {"src/cgi.py"}}
    assert set(found(project)) == expected[python]


def test_without_a_date_it_is_the_newest(tmp_path: Path) -> None:
    project_of(tmp_path, "src/annotationlib.py", "src/cgi.py")
    config = tmp_path / "wrangler.toml"
    lines = config.read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if "compatibility_date" not in line))
    assert set(found(load_project(tmp_path))) == {"src/annotationlib.py"}


def test_a_javascript_worker_or_one_that_a_build_creates(tmp_path: Path) -> None:
    project = project_of(tmp_path, "src/secrets.py")
    config = tmp_path / "wrangler.toml"
    for main in ("src/entry.js", "built/entry.py"):
        config.write_text(CONFIG.format(date=DATES["3.14"]).replace("src/entry.py", main))
        assert found(load_project(tmp_path)) == {}, project


def test_no_module_of_a_pattern_is_shadowed(tmp_path: Path) -> None:
    for place in [*TEMPLATES.iterdir(), TEMPLATES.parent / "new_pattern"]:
        sources = place / "template" / "src"
        names = [p.name.removesuffix(".jinja") for p in sources.glob("*") if p.is_file()]
        packages = [f"{p.name}/__init__.py" for p in sources.glob("*") if p.is_dir()]
        files = [f"src/{name}" for name in [*names, *packages]]
        assert found(project_of(tmp_path / place.name, *files)) == {}


@pytest.mark.parametrize("kind", ["durable-object", "workflow"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("calendar", "the module calendar of the standard library"),
        ("async io", ""),
        ("ASYNCIO", "the module asyncio of the standard library"),
        ("annotationlib", "the module annotationlib of the standard library"),
        ("class", "class is a word of Python's own"),
        ("workers", "the module workers of the Workers runtime"),
        ("shop", "src/shop/"),
        ("yaml", "python_modules/yaml/__init__.py"),
        ("markdown-it-py", "the package that pyproject.toml requires"),
        ("cgi", ""),
    ],
)
def test_add_creates_no_module_that_is_never_imported(
    tmp_path: Path, kind: str, name: str, why: str
) -> None:
    project_of(tmp_path, "src/shop/__init__.py", "python_modules/yaml/__init__.py")
    dependencies = 'dependencies = ["markdown-it-py>=3", "not valid at all"]\n'
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "shop"\n{dependencies}')
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    request = AddRequest(tmp_path, kind, name, "", Options(), dry_run=False)
    if not why:
        run(request)
        return
    with pytest.raises(UsageError, match=r"could not be imported") as caught:
        run(request)
    assert why in caught.value.message
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path for path in after if "cfpy" not in path.parts} >= set(before)
    assert all(after[path] == text for path, text in before.items())


def test_a_running_project_warns_once_for_each_module(tmp_path: Path) -> None:
    project, seen = project_of(tmp_path, "src/secrets.py"), list[Event]()
    warnings = ImportWarnings(project, seen.append)
    warnings(Event("request", {}))
    warnings(Event("ready", {"url": "x"}))
    warnings(Event("reloaded", {"ms": 1}))
    (tmp_path / "src" / "queue.py").write_text("")
    warnings(Event("reload_failed", {"text": "x"}))
    assert [event.kind for event in seen] == [
        *("request", "ready", "log", "reloaded", "reload_failed", "log")
    ]
    first, second = (str(event.data["text"]) for event in seen if event.kind == "log")
    assert first == (
        "src/secrets.py is never imported: `import secrets` finds the module secrets of the "
        "standard library. Rename the file, and change its imports."
    )
    assert second.startswith("src/queue.py is never imported")

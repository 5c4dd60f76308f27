"""A Python Worker without a class that answers requests is named before the first one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.bindings.wrangler_config import load_project
from cfpy.project.entry_class import no_entry_class


def said(root: Path, source: str, name: str = "entry.py", more: str = "") -> str:
    (root / "src").mkdir()
    (root / "src" / name).write_text(source)
    (root / "wrangler.toml").write_text(f'name = "a"\nmain = "src/{name}"\n{more}')
    return no_entry_class(load_project(root))


@pytest.mark.parametrize(
    "source",
    [
        "from workers import WorkerEntrypoint\nclass Default(WorkerEntrypoint): ...\n",
        "from app import Default\n",
        "from app import Worker as Default\n",
        "from app import *\n",
        "Default = make()\n",
        "A, Default = make()\n",
        "Default: type = make()\n",
        "if True:\n    class Default: ...\n",
        "try:\n    from a import Default\nexcept ImportError:\n    class Default: ...\n",
        "import workers\nclass Room(workers.DurableObject): ...\n",
        "from workers import WorkflowEntrypoint\nclass Steps(WorkflowEntrypoint): ...\n",
        "class Default(:\n",
    ],
)
def test_it_has_one_or_that_is_not_known(tmp_path: Path, source: str) -> None:
    assert said(tmp_path, source) == ""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "so the Worker answers no request"),
        ("from fastapi import FastAPI\napp = FastAPI()\n", "so the Worker answers no request"),
        ("class default: ...\n", "so the Worker answers no request"),
        ("async def on_fetch(request, env): ...\n", "the functions on_fetch are not called"),
        (
            "from workers import handler\n@handler\ndef on_scheduled(e): ...\n"
            "async def on_fetch(request): ...\n",
            "the functions on_fetch, on_scheduled are not called",
        ),
    ],
)
def test_it_has_none(tmp_path: Path, source: str, words: str) -> None:
    found = said(tmp_path, source)
    assert found.startswith("src/entry.py has no class Default")
    assert found.endswith(words)


@pytest.mark.parametrize(
    ("more", "fine"),
    [
        ('compatibility_date = "2025-08-13"\n', True),
        ('compatibility_date = "2025-08-14"\n', False),
        ('compatibility_flags = ["disable_python_no_global_handlers"]\n', True),
        (
            'compatibility_date = "2025-08-13"\n'
            'compatibility_flags = ["python_no_global_handlers"]\n',
            False,
        ),
    ],
)
def test_the_old_form_works_with_old_dates(tmp_path: Path, more: str, *, fine: bool) -> None:
    assert (said(tmp_path, "def on_fetch(request): ...\n", more=more) == "") is fine


def test_a_module_in_javascript_needs_none(tmp_path: Path) -> None:
    assert said(tmp_path, "export default {};\n", "index.js") == ""

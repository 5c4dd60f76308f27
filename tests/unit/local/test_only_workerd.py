"""What of a Worker's code needs its Python to run in workerd."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.errors import ProjectError, UsageError
from cfpy.local.beside import load_beside
from cfpy.local.only_workerd import NEEDS_WORKERD, used_classes
from cfpy.project.project import Project


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("from js import WebSocketPair", ["WebSocketPair"]),
        ("from js import HTMLRewriter as Rewriter, Object", ["HTMLRewriter"]),
        ("import js\n\nasync def f():\n    return js.HTMLRewriter.new()", ["HTMLRewriter"]),
        ("def f():\n    from js import WebSocketPair, caches", ["WebSocketPair"]),
        ("import js\njs.WebSocket.new('wss://x')", []),
        ("from mine import HTMLRewriter, caches\n# js.HTMLRewriter", []),
        ("def (", []),
        ("", []),
    ],
)
def test_names(tmp_path: Path, code: str, names: list[str]) -> None:
    module = tmp_path / "src" / "app" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text(code)
    vendored = tmp_path / "src" / "python_modules" / "package.py"
    vendored.parent.mkdir()
    vendored.write_text("from js import WebSocketPair")
    found = used_classes(tmp_path / "src" / "entry.py")
    assert sorted(found) == sorted(names)
    assert all(NEEDS_WORKERD in why for why in found.values())


def _folder(root: Path, text: str) -> Path:
    root.mkdir()
    (root / "wrangler.toml").write_text(text)
    return root


def test_workers_beside_need_names_of_their_own(tmp_path: Path) -> None:
    main = Project(tmp_path / "main", {"name": "main"}, ())
    other = _folder(tmp_path / "other", 'name = "other"\nmain = "a.js"\n')
    same = _folder(tmp_path / "same", 'name = "main"\nmain = "a.js"\n')
    nameless = _folder(tmp_path / "nameless", 'main = "a.js"\n')
    assert [each.root for each in load_beside(main, [other])] == [other]
    with pytest.raises(UsageError, match="the Worker main is also in"):
        load_beside(main, [same])
    with pytest.raises(UsageError, match="the Worker other is also in"):
        load_beside(main, [other, other])
    with pytest.raises(ProjectError, match="`name` is missing"):
        load_beside(main, [nameless])
    with pytest.raises(UsageError, match="there is no configuration of a Worker in this folder"):
        load_beside(main, [tmp_path])

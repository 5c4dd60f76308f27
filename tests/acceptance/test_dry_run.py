"""The real wrangler accepts what the patterns render."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cfpy.account.wrangler import Wrangler
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import WranglerError
from cfpy.patterns.pattern_store import PatternStore
from cfpy.tools.context import build_context
from upload_budgets import BUDGETS

# Of a package's files, what only installers, editors and people read.
NEVER_IMPORTED = re.compile(
    r"\.py[ci]$|/py\.typed$|/\.|/bin/|\.dist-info/(?!METADATA$|entry_points\.txt$|top_level\.txt$)"
)


@pytest.fixture(params=PatternStore().names())
def project(
    request: pytest.FixtureRequest, ready_in: Callable[[str, Path], Path], tmp_path: Path
) -> Path:
    return ready_in(request.param, tmp_path)


def test_wrangler_accepts_the_project_and_uploads_all_of_it(
    project: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ctx = build_context(print)
    config = project / "wrangler.toml"
    wrangler = Wrangler(ctx.runner, ctx.toolchain, project, config=config)
    done = wrangler.deploy_dry_run(out_dir=tmp_path / "out")
    said = done.stdout + done.stderr
    assert "--dry-run: exiting now." in said
    # wrangler only warns of keys that it does not know.
    assert "Unexpected fields" not in said
    assert "WARNING" not in said
    sources = {path.relative_to(project / "src") for path in (project / "src").rglob("*.py")}
    uploaded = {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.py")}
    assert sources <= uploaded
    assert Path("python_modules/workers/__init__.py") in uploaded
    modules = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    pattern = request.node.callspec.params["project"]
    if pattern == "fullstack":
        names = {str(path.relative_to(tmp_path / "out")) for path in modules}
        assert not [name for name in names if NEVER_IMPORTED.search(name)]
        assert len([name for name in names if name.endswith(".dist-info/METADATA")]) > 5
    most_bytes, most_modules = BUDGETS[pattern]
    assert sum(path.stat().st_size for path in modules) <= most_bytes
    assert len(modules) <= most_modules


@pytest.fixture(scope="module")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def test_its_types_are_strict_and_right(project: Path, mypy_cache: Path) -> None:
    argv = [sys.executable, "-m", "mypy", "--cache-dir", str(mypy_cache)]
    done = subprocess.run(argv, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    entry = load_project(project).entry
    entry.write_text(entry.read_text() + "\n\ndef wrong(env: Env) -> int:\n    return env.DB.x\n")
    wrong = subprocess.run(argv, cwd=project, capture_output=True, text=True, check=False)
    assert '"D1Database" has no attribute "x"' in wrong.stdout


def test_wrangler_refuses_a_broken_project(project: Path) -> None:
    ctx = build_context(print)
    config = project / "wrangler.toml"
    config.write_text(
        config.read_text().replace('compatibility_date = "2026', 'compatibility_date = "20x6')
    )
    shutil.rmtree(project / "src")
    with pytest.raises(WranglerError) as caught:
        Wrangler(ctx.runner, ctx.toolchain, project, config=config).deploy_dry_run()
    assert caught.value.exit_code == 6
    assert caught.value.returncode == 1

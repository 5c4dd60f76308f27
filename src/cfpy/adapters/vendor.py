"""Puts a project's Python packages where a Worker finds them: ``python_modules/``.

pywrangler does the same for a deployment, with an interpreter that it downloads from outside the
package registries. This needs pip and PyPI alone, and leaves pywrangler's own result alone where
it is fresh.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

from cfpy.adapters.process import Runner
from cfpy.domain.project import Project
from cfpy.errors import ProjectError, ToolNotFoundError

#: The Workers SDK is not built into workerd at a current compatibility date; pywrangler adds it
#: to every project by itself (workers-py's MANAGED_SDK_PACKAGE).
SDK = "workers-runtime-sdk>=1.9.5,<2"

# Wheels that Python 3.14 in workerd can load (Pyodide 314's platform tag).
_TARGET = (
    *("--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14"),
    *("--implementation", "cp", "--abi", "cp314", "--abi", "abi3", "--abi", "none"),
    "--only-binary=:all:",
)
_INSTALL_SECONDS = 600.0


def vendor(project: Project, runner: Runner, progress: Callable[[str], None]) -> Path:
    """Make ``python_modules/`` hold what ``pyproject.toml`` asks for; return its path.

    Does nothing where the requirements have not changed since the last time.

    Raises:
        ProjectError: ``pyproject.toml`` does not parse.
        ToolNotFoundError: pip could not install a package for Workers.
    """
    target = project.root / "python_modules"
    requirements = [SDK, *_dependencies(project.root / "pyproject.toml")]
    stamp = project.root / ".wrangler" / "cfpy" / "python_modules.json"
    wanted = json.dumps({"requirements": requirements, "target": _TARGET})
    digest = hashlib.sha256(wanted.encode()).hexdigest()
    if _synced_by_pywrangler(project.root, target):
        return target
    if target.is_dir() and stamp.is_file() and stamp.read_text("utf-8") == digest:
        return target
    progress("Installing the Worker's Python packages into python_modules/")
    _install(requirements, target, runner)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest, "utf-8")
    return target


def _install(requirements: list[str], target: Path, runner: Runner) -> None:
    with tempfile.TemporaryDirectory(prefix=".python_modules-", dir=target.parent) as scratch:
        fresh = Path(scratch) / "modules"
        argv = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--no-compile"]
        argv += ["--disable-pip-version-check", "--target", str(fresh), *_TARGET, *requirements]
        done = runner.run(argv, timeout=_INSTALL_SECONDS)
        if done.returncode != 0:
            raise ToolNotFoundError(
                f"pip could not install the Worker's packages:\n{_errors(done.stderr)}",
                hint="Packages with compiled parts need a wheel for Pyodide on PyPI. Check the "
                "network and the dependencies in pyproject.toml.",
            )
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)


def _errors(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR")]
    return "\n".join(lines or stderr.splitlines()[-5:])


def _dependencies(path: Path) -> list[str]:
    """``[project].dependencies``, the only list that pywrangler reads too."""
    if not path.is_file():
        return []
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(str(error), path=path) from error
    dependencies = data.get("project", {}).get("dependencies", [])
    if not isinstance(dependencies, list) or not all(isinstance(d, str) for d in dependencies):
        raise ProjectError("`project.dependencies` is not a list of texts", path=path)
    return dependencies


def _synced_by_pywrangler(root: Path, target: Path) -> bool:
    """Whether ``pywrangler sync`` filled the folder after the last change of its inputs."""
    token = target / ".synced"
    if not token.is_file():
        return False
    inputs = [path for path in (root / "pyproject.toml", root / "pylock.toml") if path.is_file()]
    return all(path.stat().st_mtime <= token.stat().st_mtime for path in inputs)

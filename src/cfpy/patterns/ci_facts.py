"""Reads what a project's CI depends on: its tools, environments, secrets and databases."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cfpy.bindings.environments import effective
from cfpy.errors import ProjectError, UsageError
from cfpy.patterns.answers_file import ANSWERS_FILE
from cfpy.project.migrations import migrations_of
from cfpy.project.project import Project
from cfpy.tools.invocation import command

# What goes into commands and into files with a meaning for `$`, quotes and line ends.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


# By the lock file: what installs exactly that, and how to run no scripts of packages. corepack,
# which Node 24 has, runs the version that `packageManager` in package.json names.
_INSTALLS = {
    "package-lock.json": ("npm ci", "--ignore-scripts"),
    "npm-shrinkwrap.json": ("npm ci", "--ignore-scripts"),
    "pnpm-lock.yaml": ("corepack pnpm install --frozen-lockfile", "--ignore-scripts"),
    "yarn.lock": ("corepack yarn install --immutable", "--mode=skip-build"),
    "bun.lock": ("npx --yes bun@1 install --frozen-lockfile", "--ignore-scripts"),
    "bun.lockb": ("npx --yes bun@1 install --frozen-lockfile", "--ignore-scripts"),
}
_YARN_1 = ("corepack yarn install --frozen-lockfile", "--ignore-scripts")


@dataclass(frozen=True)
class CiFacts:
    """What is known about a project.

    Attributes:
        rendered: Whether a pattern rendered it: then ruff has formatted its code.
        healthy: Whether it is one of these and answers at ``/health``.
        python: Whether the Worker is in Python.
        builds: Whether a command of its own builds it.
        packaged: Whether it has a ``pyproject.toml`` that uv accepts as a project.
        tools: The names of the packages in its group ``dev``.
        npm: How its npm packages are installed; empty if it has none.
        npm_test: Whether ``npm test`` is one of its scripts.
        has_wrangler: Whether its npm packages include wrangler.
        tested: Whether it has tests for pytest.
        production: The environment for the default branch; empty for the top level.
        staging: The environment that is deployed before; ``None`` for none.
        secrets: The names of the secrets that a preview needs.
        databases: For each environment, the bindings of D1 databases with migrations.
    """

    rendered: bool = False
    healthy: bool = False
    python: bool = True
    builds: bool = False
    packaged: bool = True
    tools: frozenset[str] = frozenset()
    npm: str = ""
    npm_test: bool = False
    has_wrangler: bool = False
    tested: bool = False
    production: str = ""
    staging: str | None = None
    secrets: tuple[str, ...] = ()
    databases: tuple[tuple[str, tuple[str, ...]], ...] = ()


def read_facts(project: Project, production: str | None, staging: str | None) -> CiFacts:
    """Read a project.

    Args:
        project: Its files.
        production: The environment for the default branch; ``None`` for ``production`` if there is
            one, otherwise the top level.
        staging: The same, for the environment that is deployed before; ``None`` for ``staging`` if
            there is one. Empty for none.

    Raises:
        UsageError: There is no such environment, or a name can't be in a command.
    """
    environments = project.wrangler.get("env") or {}
    main = _environment(environments, production, "production", "--production")
    before = _environment(environments, staging, "staging", "--staging") or None
    if before is not None and before == main:
        raise UsageError(
            f"--staging and --production are both {main}", hint="Name two environments."
        )
    package = _package(project.root)
    scripts = package.get("scripts")
    npm = scripts if isinstance(scripts, dict) else {}
    dependencies = {**_table(package, "dependencies"), **_table(package, "devDependencies")}
    metadata = _pyproject(project.root)
    python = project.is_python
    builds = bool(_table(effective(project.wrangler, main), "build").get("command"))
    rendered = (project.root / ANSWERS_FILE).is_file()
    used = [name for name in (before, main) if name is not None]
    return CiFacts(
        rendered=rendered,
        healthy=rendered and _answers_health(project.root),
        python=python,
        builds=builds,
        packaged=isinstance(metadata.get("project"), dict),
        tools=frozenset(_dev(metadata)),
        npm=_install(project.root, scripts=builds or not python) if dependencies else "",
        npm_test=isinstance(npm.get("test"), str) and "no test specified" not in npm["test"],
        has_wrangler="wrangler" in dependencies,
        tested=any(project.root.glob("tests/**/test_*.py")),
        production=main,
        staging=before,
        secrets=tuple(_secrets(project, main)),
        databases=tuple((name, tuple(_databases(project, name))) for name in used),
    )


def _environment(known: Mapping[str, Any], given: str | None, usual: str, option: str) -> str:
    name = given if given is not None else usual if usual in known else ""
    if name and name not in known:
        create = f" Create it: {command('env', 'add', name)}" if _NAME.fullmatch(name) else ""
        raise UsageError(
            f"{option} {name}: the configuration has no such environment",
            hint=f"It has {', '.join(known) or 'none'}.{create}",
        )
    if name and not _NAME.fullmatch(name):
        raise UsageError(
            f"the environment {name!r} can't be in a command of CI",
            hint="Use letters, digits, dots, hyphens and underscores.",
        )
    return name


def _package(root: Path) -> Mapping[str, Any]:
    try:
        data = json.loads((root / "package.json").read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ProjectError(f"is not valid: {error}", path=root / "package.json") from None
    return data if isinstance(data, dict) else {}


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _install(root: Path, *, scripts: bool) -> str:
    """The command that installs what the lock file has, of the project or of its workspace."""
    for folder in (root, *root.parents):
        for name, (words, no_scripts) in _INSTALLS.items():
            if not (folder / name).is_file():
                continue
            if name == "yarn.lock" and b"yarn lockfile v1" in (folder / name).read_bytes():
                words, no_scripts = _YARN_1
            # A Python Worker only needs wrangler, which has no scripts to run.
            return words if scripts else f"{words} {no_scripts}"
        if (folder / ".git").exists():
            break
    return "npm install" if scripts else "npm install --ignore-scripts"


def _pyproject(root: Path) -> Mapping[str, Any]:
    path = root / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ProjectError(f"is not valid: {error}", path=path) from None


def _dev(metadata: Mapping[str, Any]) -> Iterator[str]:
    """The packages that `uv run` installs by itself: those of the project and its group dev."""
    group = _table(metadata, "dependency-groups").get("dev")
    own = _table(metadata, "project").get("dependencies")
    old = _table(_table(metadata, "tool"), "uv").get("dev-dependencies")
    for value in (group, own, old):
        for item in value if isinstance(value, list) else ():
            try:
                yield canonicalize_name(Requirement(str(item)).name)
            except InvalidRequirement:
                continue


def _secrets(project: Project, environment: str) -> Iterator[str]:
    for secret in project.secrets:
        if not secret.is_for(environment):
            continue
        if not _VARIABLE.fullmatch(secret.name) or secret.name.upper().startswith("GITHUB_"):
            raise UsageError(
                f"the secret {secret.name!r} can't be a variable of CI",
                hint="Rename it: letters, digits and underscores, not beginning with GITHUB_.",
            )
        yield secret.name


def _databases(project: Project, environment: str) -> Iterator[str]:
    for table in effective(project.wrangler, environment).get("d1_databases") or ():
        binding = str(table.get("binding", ""))
        try:
            files = migrations_of(table).names(project.root)
        except ValueError:
            continue
        if files and _NAME.fullmatch(binding):
            yield binding


def _answers_health(root: Path) -> bool:
    return any(
        '"/health"' in path.read_text("utf-8", "replace") for path in root.glob("src/**/*.py")
    )

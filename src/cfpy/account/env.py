"""``cfpy env``: the environments of a project."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.account.desired import DesiredState
from cfpy.account.record_store import RecordStore
from cfpy.account.removed import removed_environments
from cfpy.account.resources import desired_state
from cfpy.bindings.environment_edits import (
    additions,
    removals,
    secret_removals,
    settings_additions,
    settings_removals,
)
from cfpy.bindings.environments import NewEnvironment, derive, held_ids, left_over, only_in
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import PlanConflictError, ProjectError, UsageError
from cfpy.project.changes import NewContent, apply
from cfpy.project.config_text import edited
from cfpy.project.edits import Edit
from cfpy.project.lock import alone
from cfpy.project.project import Project
from cfpy.project.toml_position import read_toml
from cfpy.tools.invocation import command

# Files of an environment, whose names end with its name: their values exist nowhere else.
_OWN_FILES = (".dev.vars", ".env")
_SETTINGS = "cfpy.toml"


@dataclass(frozen=True)
class AddedEnvironment:
    """The new environment. ``before`` and ``after`` are the texts of the files that change, by
    name."""

    environment: NewEnvironment
    before: dict[str, str]
    after: dict[str, str]

    @property
    def texts(self) -> dict[str, str]:
        """The added lines by file."""
        return {
            name: "".join(
                line[2:]
                for line in difflib.ndiff(self.before[name].splitlines(True), text.splitlines(True))
                if line.startswith("+ ")
            )
            for name, text in self.after.items()
        }


@dataclass(frozen=True)
class RemovedEnvironment:
    """What is removed. ``tables`` are the environment's in the configuration, empty if an earlier
    run has removed them and only settings are left. ``before`` and ``after`` are the texts of the
    files that change, by name; ``kept_files`` stay in the project, ``kept_resources`` (keys as in
    the record) in the account.
    """

    name: str
    worker: str
    tables: Mapping[str, Any]
    before: dict[str, str]
    after: dict[str, str]
    kept_files: tuple[str, ...]
    kept_resources: tuple[str, ...]


def add(root: Path, name: str, *, dry_run: bool, config: Path | None = None) -> AddedEnvironment:
    """Write a full environment with its own resources into the project's files.

    Raises:
        UsageError: The environment already exists, or the name is not valid.
        ProjectError: The files are missing or not valid, or can't be edited.
        FilesystemError: A file can't be written. It was not changed.
    """
    with alone(root, config, dry_run=dry_run):
        project = load_project(root, config)
        if not project.wrangler.get("name"):
            raise ProjectError("`name` is missing", path=project.config_path)
        new = derive(project.wrangler, name)
        settings = settings_additions(_settings(project), new)
        before, after = _edited(project, additions(new), settings)
        if not dry_run:
            _write(project, after)
        return AddedEnvironment(new, before, after)


def remove(
    root: Path,
    name: str,
    confirm: Callable[[RemovedEnvironment], bool],
    *,
    keep_resources: bool,
    dry_run: bool,
    config: Path | None = None,
) -> RemovedEnvironment | None:
    """Remove an environment from the project's files, whether :func:`add` or a person wrote it.

    Args:
        root: The project's directory.
        name: The environment.
        confirm: Called with what would be removed; if it returns false, nothing is.
        keep_resources: Whether to continue although the account still has resources of it.
        dry_run: Whether to change nothing.
        config: The configuration file, if not the one that wrangler uses.

    Returns:
        What was removed, or ``None`` if it was not confirmed.

    Raises:
        UsageError: There is no such environment, or a file was edited in the meantime.
        PlanConflictError: By the record or an id, the account has resources of it.
        ProjectError: The files are missing or not valid, or it can't be removed without changing
            something else.
        FilesystemError: A file can't be written. It was not changed.
    """
    with alone(root, config, dry_run=dry_run):
        project = load_project(root, config)
        found = _removal(project, name)
        if found.kept_resources and not keep_resources:
            raise PlanConflictError(
                f"the account still has resources of {name}: {', '.join(found.kept_resources)}",
                hint=f"Delete them: {command('destroy', '--env', name, '--delete-data')}. Or pass "
                "--keep-resources to remove the environment and keep them. Nothing was changed.",
            )
        if dry_run:
            return found
        if not confirm(found):
            return None
        if _removal(load_project(root, config), name) != found:
            raise UsageError(
                "the project's files were edited in the meantime", hint="Run it again."
            )
        _write(project, found.after)
        return found


def _removal(project: Project, name: str) -> RemovedEnvironment:
    environments = project.wrangler.get("env") or {}
    written = _settings(project)
    exists = name in environments
    gone = only_in(project.wrangler, name) if exists else left_over(project.wrangler, name)
    settings = (*settings_removals(written, gone), *secret_removals(written, name))
    if not exists and not settings:
        raise UsageError(
            f"{project.config_name} has no environment {name!r}",
            hint=f"Its environments: {', '.join(environments) or 'none'}.",
        )
    before, after = _edited(project, removals(name) if exists else (), settings)
    record = RecordStore(project.root, project.config_name).read()
    tables = environments.get(name) or {}
    held = dict.fromkeys((*record.created(name), *held_ids(tables)))
    files = tuple(
        f"{own}.{name}" for own in _OWN_FILES if (project.root / f"{own}.{name}").exists()
    )
    worker = str(tables.get("name") or f"{project.wrangler.get('name')}-{name}")
    return RemovedEnvironment(name, worker, tables, before, after, files, tuple(held))


def _settings(project: Project) -> dict[str, Any]:
    path = project.root / _SETTINGS
    return read_toml(path) if path.exists() else {}


def _edited(
    project: Project, config: Sequence[Edit], settings: Sequence[Edit]
) -> tuple[dict[str, str], dict[str, str]]:
    """The texts of the files that change, by name, before and after."""
    before, after = {}, {}
    for name, edits in ((project.config_name, config), (_SETTINGS, settings)):
        if edits:
            path = project.root / name
            before[name] = path.read_bytes().decode()
            after[name] = edited(path, before[name], edits)
    return before, after


def _write(project: Project, after: dict[str, str]) -> None:
    # The configuration comes last: if this run is killed in between, the environment is still as
    # before for the next one, which continues from there.
    names = sorted(after, key=lambda name: name == project.config_name)
    apply(project.root, {name: NewContent(after[name].encode()) for name in names})


def list_environments(root: Path, config: Path | None = None) -> tuple[DesiredState, ...]:
    """The needs of each environment; the top level of the configuration comes first.

    Raises:
        ProjectError: The files are missing or not valid.
    """
    project = load_project(root, config)
    names = ["", *(project.wrangler.get("env") or {})]
    return tuple(desired_state(project, name) for name in names)


def list_removed(root: Path, config: Path | None = None) -> dict[str, tuple[str, ...]]:
    """As :func:`cfpy.account.removed.removed_environments`.

    Raises:
        ProjectError: The files are missing or not valid.
    """
    project = load_project(root, config)
    return removed_environments(project, RecordStore(project.root, project.config_name).read())

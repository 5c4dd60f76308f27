"""Warns about the files of a run: values that Cloudflare refuses and keys that wrangler skips in
the configuration, lines of the files of secrets that assign nothing, secrets without a value, and
assets and migrations that are not there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfpy.bindings.checks import check_bindings
from cfpy.bindings.environments import effective
from cfpy.bindings.migration_files import lost_migrations
from cfpy.bindings.unknown_keys import warnings
from cfpy.local.env_files import EnvFiles
from cfpy.local.secret_names import secret_names
from cfpy.project.dotenv_text import faulty_lines
from cfpy.project.project import Project
from cfpy.project.required_python import FIX, excluded_python


def file_warnings(project: Project, environment: str, files: EnvFiles) -> tuple[str, ...]:
    """Sentences about the project's files. None has any content of a file of secrets.

    Args:
        project: The project.
        environment: One of its environments; empty for the top level.
        files: The files with its secrets.
    """
    scope = effective(project.wrangler, environment)
    return (
        *_refused(scope, project.config_name),
        *warnings(project, environment),
        *(text for file in files.used for text in _faulty(file, project.root)),
        *missing_secrets(project, environment, files),
        *_missing_assets(scope, project),
        *(
            f"{project.config_name}: {item.sentences}"
            for item in lost_migrations(project, environment)
        ),
        *(f"{said}. {FIX}" for said in [excluded_python(project)] if said),
    )


def _refused(scope: Mapping[str, Any], config: str) -> Iterator[str]:
    for item in check_bindings(scope):
        if item.broken:
            yield f"{config}: {item.sentences}"


def missing_secrets(project: Project, environment: str, files: EnvFiles) -> Iterator[str]:
    """A sentence for each secret without a value that ``cfpy.toml`` or `secrets.required` in the
    configuration names. The arguments are those of :func:`file_warnings`."""
    scope = effective(project.wrangler, environment)
    secrets = scope.get("secrets")
    listed = secrets.get("required") if isinstance(secrets, Mapping) else None
    required = listed if isinstance(listed, list) else []
    needed = [secret.name for secret in project.secrets if secret.is_for(environment)]
    needed += [name for name in required if isinstance(name, str)]
    has = secret_names(scope, files, os.environ) | set(scope.get("vars") or {})
    for name in dict.fromkeys(needed):
        if name not in has:
            yield f"The secret {name} has no value in this run. Add a line to .dev.vars: {name}=..."


def _missing_assets(scope: Mapping[str, Any], project: Project) -> Iterator[str]:
    assets = scope.get("assets")
    folder = assets.get("directory") if isinstance(assets, Mapping) else None
    # A build may create it.
    if isinstance(folder, str) and not scope.get("build") and not (project.root / folder).is_dir():
        yield (
            f"{project.config_name}: the directory {folder} of `assets` does not exist. wrangler "
            "refuses to deploy that: create it, or correct its name."
        )


def _faulty(file: Path, root: Path) -> Iterator[str]:
    shown = os.path.relpath(file, root) if file.is_relative_to(root.resolve()) else str(file)
    try:
        text = file.read_text("utf-8", errors="replace")
    except OSError:
        # It was deleted in the meantime.
        return
    for line, what in faulty_lines(text):
        yield f"{shown}:{line}: {what}"

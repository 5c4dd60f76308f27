"""``cfpy env``: the environments of a project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cfpy.adapters.environment_writer import append, environment_text, settings_text
from cfpy.adapters.wrangler_config import load_project, read_toml
from cfpy.commands.session import alone
from cfpy.domain.environments import NewEnvironment, derive
from cfpy.domain.resources import DesiredState, desired_state


@dataclass(frozen=True)
class AddedEnvironment:
    """The new environment, and the added text by file."""

    environment: NewEnvironment
    texts: dict[str, str]


def add(root: Path, name: str, *, dry_run: bool, config: Path | None = None) -> AddedEnvironment:
    """Write a full environment with its own resources into the project's files.

    Raises:
        UsageError: The environment already exists, or the name is not valid.
        ProjectError: The files are missing or not valid, or can't be edited.
        FilesystemError: A file can't be written. It was not changed.
    """
    with alone(root, config):
        project = load_project(root, config)
        new = derive(project.wrangler, name)
        extra = project.root / "cfpy.toml"
        settings = settings_text(read_toml(extra) if extra.is_file() else {}, new)
        texts = {project.config_name: environment_text(new)}
        if settings:
            texts["cfpy.toml"] = settings
        if not dry_run:
            # wrangler.toml last: until it names the indexes, their settings have no effect.
            for file in reversed(texts):
                append(project.root / file, texts[file])
        return AddedEnvironment(new, texts)


def list_environments(root: Path, config: Path | None = None) -> tuple[DesiredState, ...]:
    """The needs of each environment; the top level of wrangler.toml comes first.

    Raises:
        ProjectError: The files are missing or not valid.
    """
    project = load_project(root, config)
    names = ["", *(project.wrangler.get("env") or {})]
    return tuple(desired_state(project, name) for name in names)

"""What a local run uses for keys that the configuration does not have: the same as ``wrangler
dev`` (``getDevCompatibilityDate`` and ``getEntry`` in wrangler 4.164.0)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cfpy.account.resources import in_environment
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import ProjectError
from cfpy.local.unstartable import refuse_unstartable
from cfpy.project.project import FLAG_FIX, FLAG_MISSING, PYTHON_FLAG, Project
from cfpy.tools.workerd_date import workerd_date

_NAME = "worker"


def load_for_run(
    root: Path,
    config: Path | None = None,
    environment: str = "",
    say: Callable[[str], None] = lambda _text: None,
) -> Project:
    """The project with the settings of ``environment``, with a name and a compatibility date.

    ``say`` is called with a warning for each that the configuration does not have.

    Raises:
        ProjectError: The project's files are missing or not valid, a Python Worker has no
            compatibility flag for Python, or no runtime starts with its values.
        UsageError: There is no such environment.
    """
    project = load_project(root, config)
    if not project.wrangler.get("name"):
        say(f"{project.config_name} has no `name`: it runs as {_NAME}. Set one before you deploy.")
        project = _with(project, "name", _NAME)
    project = in_environment(project, environment)
    if project.wrangler.get("compatibility_date") is None:
        date = workerd_date().isoformat()
        say(
            f"{project.config_name} has no `compatibility_date`: it runs with {date}, the latest "
            f"of this workerd. Set compatibility_date to {date}."
        )
        project = _with(project, "compatibility_date", date)
    if project.is_python and PYTHON_FLAG not in (project.wrangler.get("compatibility_flags") or []):
        raise ProjectError(FLAG_MISSING, path=project.config_path, hint=FLAG_FIX)
    refuse_unstartable(project, environment)
    return project


def _with(project: Project, key: str, value: str) -> Project:
    return replace(project, wrangler={**project.wrangler, key: value})

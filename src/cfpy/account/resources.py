"""What a Worker needs in an account, read from the project's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cfpy.account.desired import DesiredState, Scope
from cfpy.account.owned.registry import KINDS
from cfpy.bindings.environments import effective
from cfpy.errors import ProjectError, UsageError
from cfpy.project.project import Project
from cfpy.tools.invocation import command


def desired_state(project: Project, environment: str = "") -> DesiredState:
    """What ``environment`` of the project needs.

    Bindings are not inherited by environments (developers.cloudflare.com/workers/wrangler/
    environments), so an environment has only what is in its own tables.

    Raises:
        UsageError: The configuration has no such environment.
        ProjectError: A table names no resource, or an invalid one.
    """
    tables = scope_of(project, environment)
    worker = _worker_name(project, environment, tables)
    scope = Scope(project, worker, tables, environment)
    wanted = tuple(item for kind in KINDS for item in kind.wanted(scope))
    return DesiredState(worker, environment, wanted)


def scope_of(project: Project, environment: str) -> Mapping[str, Any]:
    """The tables of an environment.

    Raises:
        UsageError: The configuration has no such environment.
    """
    if not environment:
        return project.wrangler
    environments = project.wrangler.get("env") or {}
    if environment not in environments:
        known = ", ".join(environments) or "none"
        raise UsageError(
            f"{project.config_path} has no environment {environment!r}",
            hint=f"Its environments: {known}. Create it: {command('env', 'add', environment)}",
        )
    scope: Mapping[str, Any] = environments[environment]
    return scope


def in_environment(project: Project, environment: str) -> Project:
    """The project as if ``environment`` were the whole content of its configuration.

    Raises:
        UsageError: The configuration has no such environment.
    """
    scope_of(project, environment)
    return replace(project, wrangler=effective(project.wrangler, environment))


def worker_of(project: Project, environment: str) -> str:
    """The name of an environment's Worker; empty if the configuration has no such environment."""
    if environment and environment not in (project.wrangler.get("env") or {}):
        return ""
    return _worker_name(project, environment, scope_of(project, environment))


def _worker_name(project: Project, environment: str, scope: Mapping[str, Any]) -> str:
    name = project.wrangler.get("name")
    if not isinstance(name, str) or not name:
        raise ProjectError("`name` is missing", path=project.config_path)
    if not environment:
        return name
    return str(scope.get("name") or f"{name}-{environment}")

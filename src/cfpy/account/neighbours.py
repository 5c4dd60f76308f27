"""The other environments of a project, which may share resources with this one."""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.account.desired import DesiredState
from cfpy.account.identity import same_id
from cfpy.account.record import Record
from cfpy.account.resources import desired_state
from cfpy.errors import ProjectError
from cfpy.project.project import Project


def neighbours(
    project: Project, environment: str, account_id: str, record: Record, *, strict: bool
) -> Iterator[DesiredState]:
    """The needs of each other environment that is, or may be, in the same account.

    Args:
        project: The project.
        environment: The current environment.
        account_id: The account of the current environment.
        record: The record with the accounts of the others, if they are provisioned.
        strict: Whether an environment that can't be read is an error instead of skipped.

    Raises:
        ProjectError: As :func:`cfpy.account.resources.desired_state`, where ``strict``.
    """
    environments = project.wrangler.get("env") or {}
    for name in ("", *environments):
        scope = environments[name] if name else {}
        pinned = scope.get("account_id") or project.wrangler.get("account_id")
        home = record.account_id(name) or str(pinned or account_id)
        if name == environment or not same_id(home, account_id):
            continue
        try:
            yield desired_state(project, name)
        except ProjectError:
            if strict:
                raise

"""The other environments of a project: what they use is not this one's alone."""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.domain.identity import same_id
from cfpy.domain.project import Project
from cfpy.domain.record import Record
from cfpy.domain.resources import DesiredState, desired_state
from cfpy.errors import ProjectError


def neighbours(
    project: Project, environment: str, account_id: str, record: Record, *, strict: bool
) -> Iterator[DesiredState]:
    """What each other environment needs that is in the same account, or may be.

    Args:
        project: The project.
        environment: The one that is worked on.
        account_id: The account that it lives in.
        record: Where the others live, if they are anywhere.
        strict: Whether an environment that can't be read is an error, and not passed over.

    Raises:
        ProjectError: As :func:`cfpy.domain.resources.desired_state`, where ``strict``.
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

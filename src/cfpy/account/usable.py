"""Whether a configuration can be deployed at all, in any account."""

from __future__ import annotations

from datetime import UTC, datetime

from cfpy.account.resources import desired_state
from cfpy.bindings.checks import check
from cfpy.bindings.environments import effective
from cfpy.errors import ProjectError
from cfpy.project.config_file import refuse_build_output
from cfpy.project.project import Project


def refuse_unusable(project: Project, environment: str) -> None:
    """Refuse a configuration that can't work.

    Raises:
        UsageError: There is no such environment.
        ProjectError: Something in the configuration can't work, or there is a build from another
            tool.
    """
    worker = desired_state(project, environment).worker
    refuse_build_output(project.root)
    scope = effective(project.wrangler, environment)
    findings = check(scope, worker, datetime.now(UTC).date())
    if broken := [finding for finding in findings if finding.broken]:
        raise ProjectError(
            "; ".join(finding.message for finding in broken),
            path=project.config_path,
            hint=broken[0].fix,
        )

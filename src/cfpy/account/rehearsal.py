"""``cfpy deploy --dry-run``: checks the project, and reports what would stop a deployment.

Like ``wrangler deploy --dry-run``, it needs no account: it fails only if the project itself can't
be uploaded. What is wrong with the login or the account is a finding.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cfpy.account.code_tag import modules_hash
from cfpy.account.conflicts import conflict_error
from cfpy.account.plan import Plan
from cfpy.account.session import Session, open_session
from cfpy.account.usable import refuse_unusable
from cfpy.account.wrangler import Wrangler
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import CfpyError, CloudflareError, NotAuthenticatedError, UsageError
from cfpy.project.pylock import NAME
from cfpy.project.vendor import MODULES, vendor
from cfpy.tools.context import Context
from cfpy.tools.invocation import command

# Uncompressed, on every plan since 2026-09-04: developers.cloudflare.com/workers/platform/limits.
_SIZE_LIMIT_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Rehearsal:
    """What a deployment would find. ``plan`` is ``None`` if the account could not be read;
    ``findings`` are the errors with which the deployment would stop, and ``written`` the names of
    what the Worker's packages changed in the project."""

    plan: Plan | None
    findings: tuple[CfpyError, ...]
    written: tuple[str, ...]


def rehearse(
    ctx: Context,
    root: Path,
    environment: str,
    config: Path | None,
    *,
    provisions: bool,
    also: Callable[[Session, Plan, str], None],
) -> Rehearsal:
    """Install the Worker's packages, and let wrangler check the project.

    Args:
        ctx: The tools of the run.
        root: The project's directory.
        environment: One of its environments; empty for the top level.
        config: The configuration, if known.
        provisions: Whether the deployment would create what is missing.
        also: Called with the account, the plan and the hash of the modules, if the account can be
            read; an error that it raises is a finding.

    Raises:
        ProjectError: The project's files are missing or not valid.
        ToolNotFoundError: A package can't be installed.
        WranglerError: wrangler does not accept the project.
        UsageError: The upload is too big, or there is no such environment.
    """
    project = load_project(root, config)
    refuse_unusable(project, environment)
    plan: Plan | None = None
    session: Session | None = None
    findings: list[CfpyError] = []
    try:
        session = open_session(ctx, root, environment, config)
        plan = session.plan()
        findings += problems(session, plan, provisions=provisions)
    except (CloudflareError, NotAuthenticatedError) as error:
        findings.append(error)
    before = _packages(project.root)
    if project.is_python:
        vendor(project, ctx.runner, ctx.progress)
    after = _packages(project.root)
    written = tuple(name for name in after if after[name] != before[name])
    ctx.progress("Checking the project")
    path = project.config_path
    modules = check_upload(
        Wrangler(ctx.runner, ctx.toolchain, project.root, config=path, environment=environment)
    )
    if session and plan:
        try:
            also(session, plan, modules)
        except CfpyError as error:
            findings.append(error)
    return Rehearsal(plan, tuple(findings), written)


def _packages(root: Path) -> dict[str, tuple[int, int]]:
    """What tells whether the Worker's packages and their lock file were written again."""
    found = {}
    for name in (MODULES, NAME):
        path = root / name
        status = path.stat() if path.exists() else None
        found[name] = (status.st_ino, status.st_mtime_ns) if status else (0, 0)
    return found


def problems(session: Session, plan: Plan, *, provisions: bool) -> Iterator[CfpyError]:
    """What stops a deployment. Migrations do not: it applies them, if they can be read.

    Args:
        session: The project.
        plan: The plan before the deployment.
        provisions: Whether it creates what is missing.
    """
    if plan.conflicts:
        see = f"See the plan: {command('plan')}. Nothing was changed."
        yield conflict_error(plan.conflicts, see)
    yield from session.unreadable(plan)
    missing = [
        item.key for item in plan.changes if not item.migrates and item not in plan.conflicts
    ]
    if missing and not provisions:
        yield UsageError(
            f"missing in the account: {', '.join(missing)}",
            hint=f"Create it: {command('provision')}, or {command('deploy', '--provision')}. "
            "Nothing was changed.",
        )


def check_upload(wrangler: Wrangler) -> str:
    """Check that wrangler accepts the project, and Cloudflare its size.

    Returns:
        The hash of the upload's modules: see :mod:`cfpy.account.code_tag`.

    Raises:
        WranglerError: wrangler does not accept it.
        UsageError: It is too big.
    """
    with tempfile.TemporaryDirectory(prefix="cfpy-") as scratch:
        wrangler.deploy_dry_run(out_dir=Path(scratch))
        files = [path for path in Path(scratch).rglob("*") if path.is_file()]
        total = sum(path.stat().st_size for path in files if path.suffix != ".map")
        if total <= _SIZE_LIMIT_BYTES:
            return modules_hash(Path(scratch))
        largest = max(files, key=lambda path: path.stat().st_size)
        raise UsageError(
            f"the upload is {total / 2**20:.1f} MiB; the limit is "
            f"{_SIZE_LIMIT_BYTES / 2**20:.0f} MiB",
            hint=f"Its largest file is {largest.relative_to(scratch)}. Nothing was deployed.",
        )

"""``cfpy promote``: deploys the very code that another environment runs.

The bindings of two environments differ, so they can't share a version. What is compared is the
hash of all modules and assets in the tag of the live version (:mod:`cfpy.account.code_tag`): the
project's files must give the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cfpy.account.code_tag import code_in
from cfpy.account.deploy import DeployRequest, DeployResult, deploy, rehearsed
from cfpy.account.plan import Plan
from cfpy.account.releases import Version
from cfpy.account.session import Session, open_session
from cfpy.errors import UsageError
from cfpy.project.lock import alone
from cfpy.tools.context import Context
from cfpy.tools.invocation import command

_UNCHANGED = "Nothing was changed."
# Of those that are not committed.
_MOST_FILES = 5


@dataclass(frozen=True)
class PromoteRequest:
    """``source`` is the environment whose code is deployed, empty for the top level of the
    configuration. ``deploy`` is how it is deployed, and where."""

    source: str
    deploy: DeployRequest


@dataclass(frozen=True)
class PromoteResult:
    """``version`` is the one whose code was deployed."""

    version: Version
    deployed: DeployResult


def run(
    ctx: Context, request: PromoteRequest, confirm: Callable[[Plan], bool]
) -> PromoteResult | None:
    """Deploy the code of an environment to another one.

    Args:
        ctx: The tools of the run.
        request: What to deploy, and where.
        confirm: Called before anything is changed; if it returns false, nothing is.

    Returns:
        What is live now, or ``None`` if it was not confirmed.

    Raises:
        UsageError: The source runs no code that cfpy knows, or other code than the project has.
            Nothing was changed.
        CfpyError: As :func:`cfpy.account.deploy.run`.
    """
    asked = request.deploy
    if request.source == asked.environment:
        raise UsageError(
            "the two environments are the same",
            hint=f"For example: {command('promote', 'staging', 'production')}",
        )
    with alone(asked.root, asked.config, dry_run=asked.dry_run):
        source = open_session(ctx, asked.root, request.source, asked.config)
        version = _running(source)

        def accept(tag: str) -> None:
            if code_in(tag) != code_in(version.tag):
                raise _other_code(ctx, source, version)

        if asked.dry_run:
            return PromoteResult(version, rehearsed(ctx, asked, accept))
        session = open_session(ctx, asked.root, asked.environment, asked.config)
        done = deploy(ctx, session, asked, confirm, accept=accept)
    return PromoteResult(version, done) if done else None


def _running(source: Session) -> Version:
    """The version that has all traffic of the source.

    Raises:
        UsageError: There is none, or cfpy did not deploy it.
    """
    worker = source.desired.worker
    releases = source.account.releases(worker)
    listed = releases.all()
    again = command("deploy", "--env", source.environment)
    if not listed:
        raise UsageError(f"{worker} is not deployed", hint=f"First: {again}. {_UNCHANGED}")
    live = [id_ for id_, percent in listed[0].shares.items() if percent]
    if len(live) > 1:
        finish = command("deploy", "--percent", "100", "--env", source.environment)
        raise UsageError(
            f"two versions share the traffic of {worker}",
            hint=f"Finish the rollout first: {finish}. {_UNCHANGED}",
        )
    version = releases.version(live[0])
    if not code_in(version.tag):
        raise UsageError(
            f"it is not known which code {worker} runs: version {version.id} was not deployed by "
            "cfpy, or a secret was changed after it",
            hint=f"Deploy it again: {again}. {_UNCHANGED}",
        )
    return version


def _other_code(ctx: Context, source: Session, version: Version) -> UsageError:
    worker = source.desired.worker
    origin, _, changed = version.message.removeprefix("commit ").partition(" with ")
    again = command("deploy", "--env", source.environment)
    hint = f"Check out the code that {worker} runs, or deploy this: {again}."
    if origin and version.message.startswith("commit "):
        hint = f"Check out that commit (git switch --detach {origin}), or deploy this: {again}."
        if files := _uncommitted(ctx, source.project.root, origin):
            hint = f"You have changes that are not committed: commit or stash them.\n{files}\n"
            hint += f"Or deploy this: {again}."
    if changed:
        hint = f"That commit had changes that were not committed. Deploy this: {again}."
    said = f", {version.message}" if version.message else ""
    return UsageError(
        f"the files here are other code than {worker} runs (version {version.id}{said})",
        hint=f"{hint} {_UNCHANGED}",
    )


def _uncommitted(ctx: Context, root: Path, commit: str) -> str:
    """Some of the changes in a work tree that is at a commit, as ``git status --short`` prints
    them; empty if it is at another one."""
    head = ctx.git.read(root, "rev-parse", "--verify", "--quiet", "HEAD") or ""
    changes = (ctx.git.changes(root) or []) if head.startswith(commit) else []
    more = len(changes) - _MOST_FILES
    shown = [f"  {line}" for line in changes[:_MOST_FILES]]
    return "\n".join([*shown, *([f"  and {more} more"] if more > 0 else [])])

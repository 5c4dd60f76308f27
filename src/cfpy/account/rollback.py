"""``cfpy rollback``: an earlier version gets all the traffic, and what that can't undo is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cfpy.account.deployment_guard import DeploymentGuard
from cfpy.account.kept_by_rollback import kept
from cfpy.account.releases import Release, Releases, Version
from cfpy.account.session import open_session
from cfpy.account.steps import under_way
from cfpy.account.traffic import BACK
from cfpy.errors import UsageError
from cfpy.project.lock import alone
from cfpy.tools.context import Context
from cfpy.tools.invocation import command

_UNCHANGED = "Nothing was changed."
_SHORTEST_ID = 4


@dataclass(frozen=True)
class RollbackRequest:
    """``version`` is an id or the start of one; empty for the version from before."""

    root: Path
    environment: str
    version: str
    dry_run: bool
    config: Path | None = None


@dataclass(frozen=True)
class RollbackPlan:
    """``live`` has the percentages of the versions that are live, by id. ``kept`` is what going
    back to ``to`` does not undo, one sentence each."""

    worker: str
    account_id: str
    live: Mapping[str, float]
    to: Version
    kept: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Whether the version has all traffic already."""
        return {id_ for id_, percent in self.live.items() if percent} == {self.to.id}


def run(
    ctx: Context, request: RollbackRequest, confirm: Callable[[RollbackPlan], bool]
) -> tuple[RollbackPlan, bool] | None:
    """Go back to an earlier version.

    Args:
        ctx: The tools of the run.
        request: Where to go back to.
        confirm: Called before anything is changed; if it returns false, nothing is.

    Returns:
        The plan, and whether it was carried out: not in a dry run, and not if there was nothing to
        do. ``None`` if it was not confirmed.

    Raises:
        UsageError: There is no such version, or a Durable Object migration is in between. Nothing
            was changed.
        DeploymentChangedError: Somebody else changed the deployment after the plan was shown.
        WranglerError: The rollback failed.
    """
    with alone(request.root, request.config, dry_run=request.dry_run):
        session = open_session(ctx, request.root, request.environment, request.config)
        worker = session.desired.worker
        releases = session.account.releases(worker)
        listed = releases.all()
        if not listed:
            raise UsageError(f"{worker} is not deployed", hint=_UNCHANGED)
        target = _target(releases, listed, request.version)
        live = listed[0].shares
        _refuse_class_migration(releases, live, target)
        plan = RollbackPlan(worker, session.account.id, live, target, ())
        if plan.is_done:
            return plan, False
        ctx.progress("Reading what stays")
        left = tuple(kept(session, releases, target))
        plan = RollbackPlan(worker, session.account.id, live, target, left)
        if request.dry_run:
            return plan, False
        if not confirm(plan):
            return None
        ctx.progress(f"Going back to {target.id}")
        message = BACK + ", ".join(id_ for id_ in live if id_ != target.id)
        back = partial(session.wrangler.rollback, worker, target.id, message)
        with under_way():
            DeploymentGuard(releases, worker, listed[0]).change([target.id], message, back)
    return plan, True


def _target(releases: Releases, listed: tuple[Release, ...], wanted: str) -> Version:
    known = {item.id: item for item in releases.versions()}
    if wanted:
        return releases.version(_named(known, wanted))
    live = sorted((_read(releases, known, id_) for id_ in listed[0].shares), key=_number)
    if len(live) > 1 or listed[0].message.startswith(BACK):
        # An unfinished rollout; or an earlier run of this command, which is only continued.
        return releases.version(live[0].id)
    for release in listed[1:]:
        for id_, percent in release.shares.items():
            if percent == 100 and _read(releases, known, id_).number < live[0].number:
                return releases.version(id_)
    raise UsageError(
        f"no version was live before {live[0].id}",
        hint=f"Name a version: {command('wrangler', 'versions', 'list')} lists them. {_UNCHANGED}",
    )


def _named(known: Mapping[str, Version], wanted: str) -> str:
    found = [id_ for id_ in known if id_.startswith(wanted)]
    if len(wanted) >= _SHORTEST_ID and len(found) == 1:
        return found[0]
    if len(wanted) == 36:
        return wanted  # Versions from longer ago are not listed.
    said = f"{len(found)} versions begin" if found else "no recent version begins"
    raise UsageError(
        f"{said} with {wanted}",
        hint=f"{command('wrangler', 'versions', 'list')} lists them. {_UNCHANGED}",
    )


def _read(releases: Releases, known: Mapping[str, Version], id_: str) -> Version:
    return known.get(id_) or releases.version(id_)


def _number(version: Version) -> int:
    return version.number


def _refuse_class_migration(releases: Releases, live: Mapping[str, float], target: Version) -> None:
    for version in _others(releases, live, target):
        if version.migration != target.migration:
            raise UsageError(
                f"a Durable Object migration ({version.migration}) came after version {target.id}: "
                "Cloudflare does not go back over one",
                hint=f"Deploy the old code with the new classes instead. {_UNCHANGED}",
            )


def _others(releases: Releases, live: Mapping[str, float], target: Version) -> Iterator[Version]:
    yield from (releases.version(id_) for id_ in live if id_ != target.id)

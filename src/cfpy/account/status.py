"""``cfpy status``: shows what a project has in its account, and how that differs from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cfpy.account.differences import differences, unseen
from cfpy.account.drift import Drift, in_all
from cfpy.account.live import drift, wanted_bindings
from cfpy.account.owned.d1 import AppliedMigrations
from cfpy.account.plan import Plan
from cfpy.account.resources import scope_of
from cfpy.account.session import Session, open_session
from cfpy.tools.context import Context


@dataclass(frozen=True)
class StatusRequest:
    """``environment`` is empty for the top level of the configuration."""

    root: Path
    environment: str
    config: Path | None = None


@dataclass(frozen=True)
class Status:
    """``live_version`` is the one with the most traffic, empty while nothing is deployed, and
    ``shares`` the percentage of each live version: two in a rollout, the newer one first.
    ``created`` are the keys of what cfpy
    created, and ``pending`` the migrations that are not applied, by database. ``drift`` is all in
    which the account differs from the files, and ``unseen`` what could not be compared."""

    plan: Plan
    live_version: str
    created: frozenset[str]
    pending: dict[str, list[str]]
    drift: tuple[Drift, ...]
    unseen: tuple[str, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)


def run(ctx: Context, request: StatusRequest) -> Status:
    """Read the account.

    Raises:
        CfpyError: As :func:`cfpy.account.session.open_session`.
    """
    session = open_session(ctx, request.root, request.environment, request.config)
    now = session.comparison(thorough=True)
    plan = session.plan_for(now)
    shares = _newest_first(session, session.account.live_shares(session.desired.worker))
    version = max(shares, key=lambda id_: shares[id_], default="")
    found = differences(now, plan, version, _bindings(session, shares))
    if len(shares) > 1:
        # The newer version's branch may have migrations that others do not have yet.
        found = (item for item in found if item.kind != AppliedMigrations.kind or item.revert)
    return Status(
        plan=plan,
        live_version=version,
        created=frozenset(session.records.read().created(session.environment)),
        pending={action.name: list(action.files) for action in plan.changes if action.migrates},
        drift=tuple(found),
        unseen=unseen(now) if version else (),
        shares=shares,
    )


def _bindings(session: Session, shares: Mapping[str, float]) -> dict[str, str]:
    """The bindings that differ in all live versions: a sentence by name."""
    if not shares:
        return {}
    worker = session.desired.worker
    wanted = wanted_bindings(scope_of(session.project, session.environment))
    if len(shares) == 1:
        return drift(wanted, session.account.bindings(worker))
    releases = session.account.releases(worker)
    return in_all(drift(wanted, releases.bindings(id_)) for id_ in shares)


def _newest_first(session: Session, shares: Mapping[str, float]) -> Mapping[str, float]:
    if len(shares) < 2:
        return shares
    releases = session.account.releases(session.desired.worker)
    numbers = {id_: releases.version(id_).number for id_ in shares}
    return {id_: shares[id_] for id_ in sorted(shares, key=lambda id_: -numbers[id_])}

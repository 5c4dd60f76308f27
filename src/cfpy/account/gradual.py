"""``cfpy deploy --percent``: a new version with a part of the traffic, watched if asked for.

Each step looks at the account first, so a run that was stopped is continued by the same command.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from cfpy.account.bookmarks import timestamp
from cfpy.account.deployment_guard import DeploymentGuard
from cfpy.account.health import TIMEOUT_SECONDS, Answer, Clock, SystemClock, ask, wait_for_answer
from cfpy.account.owned.custom_domain import CustomDomain
from cfpy.account.owned.workers_dev import OnWorkersDev, Subdomain
from cfpy.account.plan import Plan
from cfpy.account.releases import Releases
from cfpy.account.rollout_limits import refuse_class_migrations, triggers_left
from cfpy.account.session import Session
from cfpy.account.steps import attempt
from cfpy.account.traffic import BACK, Traffic, read_traffic
from cfpy.account.watching import NewVersion, Verdict, watch
from cfpy.errors import (
    CancelledError,
    CfpyError,
    CloudflareError,
    DeploymentChangedError,
    DeploymentError,
    RolledBackError,
    UsageError,
)
from cfpy.tools.http_client import HttpClient
from cfpy.tools.invocation import command

#: Sends a request to the version that it names, if that is part of the deployment:
#: developers.cloudflare.com/workers/versions-and-deployments/version-overrides.
OVERRIDE = "Cloudflare-Workers-Version-Overrides"


@dataclass(frozen=True)
class Rollout:
    """What is asked for: ``percent`` of the traffic, from 0 to 100, then ``watch_seconds`` of
    watching, and all of the traffic if nothing is wrong; 0 does not watch. ``allow_breaking``
    allows migrations that the old version can't live with."""

    percent: float
    watch_seconds: float = 0.0
    allow_breaking: bool = False


@dataclass(frozen=True)
class Checks:
    """How the new version is checked: the parts of a deployment's request that are about that."""

    health: str
    url: str
    seconds: float
    goes_back: bool


@dataclass(frozen=True)
class TrafficResult:
    """What the traffic is like now. ``version`` has ``percent`` of it, ``base`` the rest; ``size``
    is that of the upload in bytes, 0 if there was none. ``checked`` and ``watched`` are what was
    seen, and ``left`` the triggers that a rollout does not set."""

    version: str
    base: str
    percent: float
    size: int
    url: str
    checked: str
    watched: str
    left: tuple[str, ...]


def prepare(
    session: Session, rollout: Rollout, checks: Checks, plan: Plan, tag: str
) -> tuple[str, ...]:
    """Refuse what a gradual rollout can't do, before anything is changed.

    Returns:
        What it leaves as it is, one sentence each.

    Raises:
        UsageError: It is the first deployment, there is a Durable Object migration, a migration of
            a database breaks the old version, other code is being rolled out, or there is nothing
            to watch.
        CloudflareError: The account can't be read.
    """
    read_traffic(session.account.releases(session.desired.worker), tag)
    refuse_class_migrations(session)
    if rollout.watch_seconds and not (checks.health and address_of(session, checks.url)):
        _refuse_unseen(session)
    breaking = session.breaking(plan)
    if breaking and rollout.percent < 100 and not rollout.allow_breaking:
        raise UsageError(
            "the old version can't live with the pending migrations, and would run next to the new "
            "one:\n" + "\n".join(breaking),
            hint="Change the schema in two deployments: first add what the new code needs, and "
            "remove the rest when no old version is live. Or pass --allow-breaking. "
            "Nothing was changed.",
        )
    return triggers_left(session, plan)


def _refuse_unseen(session: Session) -> None:
    counts = session.account.error_rates(session.desired.worker).read(_now())
    if isinstance(counts, str):
        raise UsageError(
            f"--watch has nothing to watch: no address to ask, and no error rate: {counts}",
            hint="Pass --url, and --health if it is not /health. Nothing was changed.",
        )


def _now() -> str:
    return timestamp(datetime.now(UTC))


class GradualRollout:
    """The steps of one run."""

    def __init__(
        self,
        session: Session,
        rollout: Rollout,
        checks: Checks,
        guard: DeploymentGuard,
        progress: Callable[[str], None],
        clock: Clock | None = None,
    ) -> None:
        self._session = session
        self._rollout = rollout
        self._checks = checks
        self._guard = guard
        self._progress = progress
        self._clock = clock or SystemClock()
        self._worker = session.desired.worker
        self._releases: Releases = session.account.releases(self._worker)

    def run(self, tag: str, message: str, left: tuple[str, ...]) -> TrafficResult:
        """Upload the version if it is not there, and give it its part.

        Raises:
            WranglerError: wrangler failed; the same command continues.
            DeploymentError: The new version does not answer, and still has its part.
            RolledBackError: Something is wrong with it, and the old one has all traffic.
            DeploymentChangedError: Somebody else has changed the deployment.
            CancelledError: Interrupted while it watched.
        """
        percent = self._rollout.percent
        traffic, size = self._uploaded(tag, message)
        assert traffic.new is not None
        new, old = traffic.new.id, traffic.base.id
        url = address_of(self._session, self._checks.url)
        if traffic.percent == 100:
            return TrafficResult(new, old, 100, 0, url, "", "", left)
        asks = bool(url and self._checks.health)
        # One that may go back is asked before it gets traffic, or more of it.
        first = asks and bool(self._checks.goes_back or self._rollout.watch_seconds)
        checked = ""
        is_shared = traffic.is_shared
        if first:
            if not is_shared:
                # A request can name a version only if it is part of the deployment.
                self._share(traffic, new, 0)
                is_shared = True
            checked = self._check(new, old, url, traffic.percent)
        if traffic.percent != percent or not is_shared:
            self._share(traffic, new, percent)
        if asks and not first:
            checked = self._check(new, old, url, percent)
        watched = ""
        if self._rollout.watch_seconds and percent < 100:
            watched = self._watch(new, old, url)
            self._share(traffic, new, 100)
            percent = 100
        return TrafficResult(new, old, percent, size, url, checked, watched, left)

    def _uploaded(self, tag: str, message: str) -> tuple[Traffic, int]:
        traffic, sizes = read_traffic(self._releases, tag), []
        if traffic.new is None:
            self._progress(f"Uploading a version of {self._worker}")

            def upload() -> None:
                sizes.append(self._session.wrangler.upload_version(tag, message).size)

            def is_there() -> bool:
                return read_traffic(self._releases, tag).new is not None

            attempt(upload, is_there)
            traffic = read_traffic(self._releases, tag)
        if traffic.new is None:
            raise DeploymentError(
                "the version was uploaded, but the account has uploads after it",
                hint="Somebody else deploys, or changed a secret. Run the same command again.",
            )
        return traffic, sum(sizes)

    def _share(self, traffic: Traffic, new: str, percent: float) -> None:
        self._progress(f"Giving {percent:g} % of the traffic of {self._worker} to {new}")
        shares, message = traffic.shares(new, percent), f"cfpy: {percent:g} %"
        share = partial(self._session.wrangler.share_traffic, shares, message)
        self._guard.change(shares, message, share)

    def _asker(self, new: str, url: str) -> Callable[[], Answer]:
        override = {OVERRIDE: f'{self._worker}="{new}"'}
        client = HttpClient(url, source="--url", timeout=TIMEOUT_SECONDS, headers=override)
        return partial(ask, client, url + self._checks.health)

    def _check(self, new: str, old: str, url: str, has: float) -> str:
        """Ask the new version, which ``has`` this percentage of the traffic."""
        self._progress(f"Asking {url}{self._checks.health}")
        once = self._asker(new, url)
        answer = wait_for_answer(once, self._checks.seconds, self._progress, self._clock)
        if answer.healthy:
            return answer.said
        sick = f"its health check failed: {url}{self._checks.health}: {answer.said}"
        if answer.resolved and (self._checks.goes_back or self._rollout.watch_seconds):
            raise self._back(new, old, sick, had_traffic=has > 0)
        if not answer.resolved and self._rollout.watch_seconds:
            return answer.said
        raise DeploymentError(
            f"version {new} has {has:g} % of the traffic, but {sick}",
            hint=f"Go back: {command('rollback')}. To see why: {command('logs')}",
        )

    def _watch(self, new: str, old: str, url: str) -> str:
        since = _now()
        rates = self._session.account.error_rates(self._worker)
        health = self._asker(new, url) if url and self._checks.health else None
        watched = NewVersion(new, old, health, partial(rates.read, since), self._glance)
        try:
            verdict: Verdict = watch(
                watched, self._rollout.watch_seconds, self._clock, self._progress
            )
        except KeyboardInterrupt:
            percent = self._rollout.percent
            raise CancelledError(
                f"Version {new} has {percent:g} % of the traffic, version {old} the rest. "
                f"Continue: {command('deploy', '--percent', '100')}. "
                f"Go back: {command('rollback')}."
            ) from None
        if verdict.sick:
            raise self._back(new, old, verdict.said)
        if not verdict.seen:
            raise DeploymentError(
                f"version {new} keeps {self._rollout.percent:g} % of the traffic: nothing was seen "
                f"of it while it was watched. {verdict.said}",
                hint=f"Continue: {command('deploy', '--percent', '100')}. "
                f"Go back: {command('rollback')}.",
            )
        return verdict.said

    def _glance(self) -> None:
        """Each change looks again, so an account that can't be read once is no reason to stop."""
        with contextlib.suppress(CloudflareError):
            self._guard.look()

    def _back(self, new: str, old: str, why: str, *, had_traffic: bool = True) -> CfpyError:
        """Go back to the old version; the error that reports it."""
        self._progress(f"Going back to {old}")
        message = BACK + new
        back = partial(self._session.wrangler.rollback, self._worker, old, message)
        try:
            self._guard.change([old], message, back)
        except DeploymentChangedError as error:
            return DeploymentChangedError(
                f"version {new} was not well: {why}; but {error.message}", hint=error.hint
            )
        except CfpyError as error:
            return DeploymentError(
                f"version {new} is not well: {why}; and going back failed: {error.message}",
                hint=f"Go back: {command('rollback')}",
            )
        now = f"Version {old} has all traffic again"
        if not had_traffic:
            now = f"It got no traffic: version {old} has all of it"
        return RolledBackError(
            f"version {new} was not well: {why}. {now}",
            hint="Migrations stay as they are. To see its errors, run this again, and in another "
            f"terminal: {command('logs')}",
        )


def address_of(session: Session, given: str) -> str:
    """The address of the Worker: the given one, its custom domain, or that at workers.dev; empty
    if there is none."""
    if given:
        return given.rstrip("/")
    if domains := session.desired.all(CustomDomain):
        return f"https://{domains[0].host}"
    if session.desired.all(OnWorkersDev):
        for name in session.observe().all(Subdomain):
            return f"https://{session.desired.worker}.{name}.workers.dev"
    return ""

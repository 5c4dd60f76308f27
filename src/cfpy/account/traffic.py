"""How a Worker's traffic is shared between the version from before and the project's code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cfpy.account.releases import Releases, Version
from cfpy.errors import UsageError
from cfpy.tools.invocation import command

_UNCHANGED = "Nothing was changed."
#: How the message of a deployment begins that went back.
BACK = "cfpy: back from "


@dataclass(frozen=True)
class Traffic:
    """``base`` is the version from before, ``new`` the one of the project's code: ``None`` until it
    is uploaded. ``percent`` is what the new one has now. If it has all, both are the same.
    ``is_shared`` is whether the new one is part of the deployment, perhaps with 0 %."""

    base: Version
    new: Version | None
    percent: float
    is_shared: bool = True

    def shares(self, new: str, percent: float) -> Mapping[str, float]:
        """What each version is to have. The order stays, so that Durable Objects which have the new
        version keep it (developers.cloudflare.com/workers/versions-and-deployments/
        gradual-deployments/with-durable-objects)."""
        if percent == 100:
            return {new: 100}
        return {new: percent, self.base.id: 100 - percent}


def read_traffic(releases: Releases, tag: str) -> Traffic:
    """How the traffic is shared now, if the project's code has this ``tag``.

    Raises:
        UsageError: Nothing is live yet, or a rollout of other code is under way.
    """
    listed = releases.all()
    if not listed:
        raise UsageError(
            "this is the first deployment: there is no live version to share the traffic with",
            hint=f"Deploy it without --percent: {command('deploy')}. {_UNCHANGED}",
        )
    shares = listed[0].shares
    live = sorted(map(releases.version, shares), key=lambda item: item.number)
    if len(live) == 1:
        return _of_one(releases, live[0], tag)
    base, new = live
    if new.tag != tag:
        finish = command("wrangler", "versions", "deploy", f"{new.id}@100%", "-y")
        raise UsageError(
            f"a rollout of other code is under way: {listed[0]}",
            hint=f"First finish it: {finish}, or go back: {command('rollback')}. {_UNCHANGED}",
        )
    return Traffic(base, new, shares[new.id])


def rollout_notices(releases: Releases) -> Iterator[str]:
    """That a rollout is under way, if there is one."""
    newest = releases.newest()
    if newest and len(newest.shares) > 1:
        finish, back = command("deploy", "--percent", "100"), command("rollback")
        yield (
            f"a rollout is under way: {newest}. A deployment of other code is refused until it is "
            f"finished ({finish}, with its code) or taken back ({back})"
        )


def first_end_it() -> str:
    """The hint of what is refused while the project's code is rolled out."""
    finish, back = command("deploy", "--percent", "100"), command("rollback")
    return f"First finish it: {finish}, with its code, or go back: {back}. {_UNCHANGED}"


def _of_one(releases: Releases, base: Version, tag: str) -> Traffic:
    """Of a Worker with one live version. The last upload is the new one if an earlier run was
    stopped after it, or has gone back. One before it may have old secrets: each change of a secret
    makes a version."""
    if base.tag == tag:
        return Traffic(base, base, 100)
    last = next(iter(releases.versions()), base)
    new = last if last.tag == tag and last.number > base.number else None
    return Traffic(base, new, 0, is_shared=False)

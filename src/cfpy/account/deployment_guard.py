"""Stops a run if somebody else has changed the deployment that it works on.

Cloudflare has no conditional deployment. So a run looks before each change, and after it: what was
deployed in the seconds between is replaced, but not without a word.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from itertools import takewhile

from cfpy.account.releases import Release, Releases
from cfpy.account.steps import attempt
from cfpy.errors import CloudflareError, DeploymentChangedError
from cfpy.tools.invocation import command


class DeploymentGuard:
    """Knows the newest deployment that a run has seen, or made.

    Args:
        releases: Reads the deployments.
        worker: The Worker that they are of.
        seen: The newest deployment when the run began; ``None`` if there was none.
    """

    def __init__(self, releases: Releases, worker: str, seen: Release | None) -> None:
        self._releases = releases
        self._worker = worker
        self._seen = seen
        # Until it is seen: it may take a moment to appear.
        self._made: tuple[frozenset[str], str | None] | None = None

    def renew(self) -> None:
        """Accept the newest deployment: the run has changed secrets, and each change makes a
        version that gets all traffic.

        Raises:
            DeploymentChangedError: It is of an upload, a rollback or a rollout: somebody else's.
            CloudflareError: The account can't be read.
        """
        history = self._releases.history()
        since = tuple(takewhile(lambda release: release != self._seen, history))
        before = {id_ for release in history[len(since) :] for id_ in release.shares}
        for release in since:
            if before.issuperset(release.shares) or not self._is_of_a_secret(release):
                raise self._changed(
                    f"somebody else changed the deployment of {self._worker}: {release}"
                )
        self._seen, self._made = next(iter(history), None), None

    def _is_of_a_secret(self, release: Release) -> bool:
        id_, *others = release.shares
        if others:
            return False
        version = self._releases.version(id_)
        if not version.is_uploaded:
            return True
        if self._seen is None:
            return self._releases.is_stub(id_)
        # Cloudflare does not say that `secrets-bulk` has a reason of its own.
        scripts = [self._releases.version(id_).script for id_ in self._seen.shares]
        return not version.tag and version.script != "" and [version.script] == scripts

    def expect(self, versions: Iterable[str], message: str | None = None) -> None:
        """The run makes a deployment of these versions; with ``None``, its message is not known."""
        self._made = frozenset(versions), message

    def look(self) -> None:
        """Read the newest deployment.

        Raises:
            DeploymentChangedError: It is neither the one that the run saw nor one of its own.
            CloudflareError: The account can't be read.
        """
        history = self._releases.history()
        newest = next(iter(history), None)
        if newest == self._seen:
            return
        if newest is None or not self._is_made(newest):
            said = str(newest) if newest else "it is not deployed any more"
            raise self._changed(f"somebody else changed the deployment of {self._worker}: {said}")
        # A change that was repeated has made several.
        before = next((item for item in history if not self._is_made(item)), None)
        seen, self._seen, self._made = self._seen, newest, None
        if before and before != seen:
            raise self._changed(
                f"somebody else changed the deployment of {self._worker} in the very seconds "
                f"before this run did, and was overruled: {before}. Now {newest}"
            )

    def change(self, versions: Iterable[str], message: str, run: Callable[[], None]) -> None:
        """Make a deployment of ``versions`` with this message by ``run``, which is repeatable.

        Raises:
            DeploymentChangedError: Somebody else has made one.
            CfpyError: As :func:`cfpy.account.steps.attempt`.
        """
        self.look()
        self.expect(versions, message)

        def once() -> None:
            self.look()  # A second attempt comes up to a minute later.
            run()

        attempt(once, self._is_there)
        self.look_back()

    def look_back(self) -> None:
        """Look after a deployment of the run. That is done, whether the account can be read or not.

        Raises:
            DeploymentChangedError: As :meth:`look`.
        """
        with contextlib.suppress(CloudflareError):
            self.look()

    def _is_there(self) -> bool:
        newest = self._releases.newest()
        return newest is not None and newest != self._seen and self._is_made(newest)

    def _is_made(self, release: Release) -> bool:
        if self._made is None:
            return False
        versions, message = self._made
        return release.shares.keys() == versions and message in (None, release.message)

    @staticmethod
    def _changed(said: str) -> DeploymentChangedError:
        return DeploymentChangedError(
            said,
            hint="cfpy stopped there, and left it as it is. To see what is live: "
            f"{command('status')}. Run this again only if it is still right.",
        )

"""The Worker itself. A deployment or its first secret creates it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import DesiredState
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import NO_SUCH_WORKER, Answers, Changing, Reading, there
from cfpy.account.plan import Action, Do
from cfpy.errors import CloudflareError


@dataclass(frozen=True)
class ObservedWorker(Found):
    """The project's Worker in the account, with the names of its secrets."""

    kind = "worker"
    secrets: frozenset[str] = frozenset()


class Workers(OwnedKind):
    """Every project has one, so it is always read.

    `wrangler deploy` does not ask without a terminal: it replaces any Worker of the same name.
    """

    name = "worker"

    def names(self, desired: DesiredState) -> tuple[str]:
        return (desired.worker,)

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        task = reading.start(_worker, desired.worker)
        return lambda: there([task])

    def plan(self, now: Comparison) -> Iterator[Action]:
        """A deployment has no step for it here, but may not replace another environment's."""
        name = now.desired.worker
        if self._is_theirs(now):
            reason = f"it is the Worker of {self.users(now, name, name)} of the configuration, and "
            reason += "would be replaced; give each environment a `name` of its own"
            yield Action(Do.CONFLICT, self.name, name, reason, id=name)

    def _is_theirs(self, now: Comparison) -> bool:
        """Whether cfpy created it for another environment, and not for this one."""
        name = now.desired.worker
        key = f"{self.name}:{name}"
        there = now.observed.get(ObservedWorker, name) is not None
        shared = there and key in now.theirs and key not in now.created
        return shared and self.users(now, name, name) != ""

    def notices(self, now: Comparison) -> Iterator[str]:
        name = now.desired.worker
        if self._is_theirs(now):
            return
        if users := self.users(now, name, name):
            yield (
                f"{name} is also the Worker of {users} of the configuration: a deployment of one "
                "replaces the live version of the other"
            )
        if now.observed.get(ObservedWorker, name) and f"worker:{name}" not in now.created:
            yield (
                f"the account has a Worker {name} that cfpy did not create: secrets are set on it, "
                "and a deployment replaces its live version"
            )

    def is_gone(self, now: Comparison, name: str, id_: str) -> bool:
        del id_
        return name == now.desired.worker and now.observed.get(ObservedWorker, name) is None

    def teardown(self, now: Removal) -> Iterator[Action]:
        if now.observed.get(ObservedWorker, now.desired.worker):
            yield self.decided(now, now.desired.worker)

    def delete(self, changing: Changing, action: Action) -> None:
        """Callers must check first whether other Workers need it."""
        changing.commands.change(f"can't delete {action.id}", "delete", "--name", action.id)


def _worker(reading: Reading, name: str) -> ObservedWorker | None:
    try:
        page = reading.api.get(reading.path(f"workers/scripts/{name}/secrets"))
    except CloudflareError as error:
        if error.api_code in NO_SUCH_WORKER:
            return None
        raise
    return ObservedWorker(name, frozenset(item["name"] for item in page["result"]))

"""The project's Worker as the consumer of a queue.

A Worker can't be deleted while it consumes a queue, nor a queue while a Worker consumes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.account.comparison import Removal
from cfpy.account.desired import DesiredState
from cfpy.account.observed import ObservedState
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import Changing
from cfpy.account.owned.queue import ObservedQueue, Queues
from cfpy.account.owned.worker import Workers
from cfpy.account.plan import Action, Do


class QueueConsumers(OwnedKind):
    """Deployments create consumers, so only a teardown has steps for them."""

    name = "queue_consumer"

    def teardown(self, now: Removal) -> Iterator[Action]:
        worker = [item.do for item in Workers().teardown(now)]
        for queue in Queues().teardown(now):
            found = now.observed.get(ObservedQueue, queue.name)
            if found and now.desired.worker in found.consumers:
                goes = Do.DELETE in (queue.do, *worker)
                do, reason = (Do.DELETE, "") if goes else (Do.KEEP, "its Worker stays")
                yield Action(do, self.name, queue.name, reason, id=queue.name)

    def exists(self, observed: ObservedState, desired: DesiredState, action: Action) -> bool:
        queue = observed.get(ObservedQueue, action.id)
        return queue is not None and desired.worker in queue.consumers

    def delete(self, changing: Changing, action: Action) -> None:
        worker = changing.desired.worker
        what = f"can't remove {worker} as a consumer of the queue {action.id}"
        changing.commands.change(what, "queues", "consumer", "remove", action.id, worker)

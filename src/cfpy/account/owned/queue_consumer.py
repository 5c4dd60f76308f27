"""The project's Worker as the consumer of a queue."""

from __future__ import annotations

from cfpy.account.observed import ObservedState
from cfpy.account.plan import Action
from cfpy.account.wrangler import Wrangler


def exists(observed: ObservedState, worker: str, action: Action) -> bool:
    queue = observed.queues.get(action.id)
    return queue is not None and worker in queue.consumers


def delete(wrangler: Wrangler, worker: str, action: Action) -> None:
    wrangler.remove_consumer(action.id, worker)

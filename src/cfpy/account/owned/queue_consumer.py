"""The project's Worker as the consumer of a queue.

A Worker can't be deleted while it consumes a queue, nor a queue while a Worker consumes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import DEPLOY, Drift
from cfpy.account.observed import ObservedState
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import Changing
from cfpy.account.owned.queue import ConsumerSettings, ObservedQueue, Queues
from cfpy.account.owned.worker import ObservedWorker, Workers
from cfpy.account.plan import Action, Do
from cfpy.bindings.kinds.queue import CONSUMERS
from cfpy.tools.invocation import command

# developers.cloudflare.com/queues/configuration/configure-queues; concurrency is up to Cloudflare.
_DEFAULTS = {
    "max_batch_size": 10,
    "max_batch_timeout": 5,
    "max_retries": 3,
    "max_concurrency": None,
    "retry_delay": 0,
}


@dataclass(frozen=True)
class Consumer:
    """How the Worker is to get the messages of ``queue``, as the configuration sets it."""

    queue: str
    settings: ConsumerSettings


class QueueConsumers(OwnedKind):
    """Deployments create consumers, so only a teardown has steps for them."""

    name = "queue_consumer"

    def wanted(self, scope: Scope) -> Iterator[Consumer]:
        for item in scope.entries(CONSUMERS.table):
            values = tuple((k, item[k]) for k in _DEFAULTS if isinstance(item.get(k), int))
            dead_letters = str(item.get("dead_letter_queue") or "")
            name = scope.text(item, "queue", CONSUMERS.table)
            yield Consumer(name, ConsumerSettings(values, dead_letters))

    def drift(self, now: Comparison) -> Iterator[Drift]:
        worker = now.desired.worker
        if now.observed.get(ObservedWorker, worker) is None:
            return
        wanted = {item.queue: item.settings for item in now.desired.all(Consumer)}
        for queue in now.observed.all(ObservedQueue).values():
            found = dict(queue.consumer_settings).get(worker)
            if found and queue.id in wanted:
                yield from _changed(queue.id, wanted[queue.id], found)
            elif found:
                yield Drift(
                    self.name,
                    queue.id,
                    f"the Worker gets the messages of the queue {queue.id}, and the configuration "
                    "does not name it as a consumer",
                    f"Add `queues.consumers` for {queue.id} to the configuration.",
                    command("wrangler", "queues", "consumer", "remove", queue.id, worker),
                )
            elif queue.id in wanted:
                message = f"the Worker does not get the messages of the queue {queue.id}"
                adopt = f"Remove {queue.id} from `queues.consumers`."
                yield Drift(self.name, queue.id, message, adopt, DEPLOY)

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


def _changed(queue: str, wanted: ConsumerSettings, found: ConsumerSettings) -> Iterator[Drift]:
    """A setting that the API does not show is not compared."""
    asked, has = dict(wanted.values), dict(found.values)
    for key, default in _DEFAULTS.items():
        if key in has and has[key] != asked.get(key, default):
            yield _setting(queue, key, str(has[key]), str(asked.get(key, default)))
    if wanted.dead_letter_queue != found.dead_letter_queue:
        names = (found.dead_letter_queue or "none", wanted.dead_letter_queue or "none")
        yield _setting(queue, "dead_letter_queue", *names)


def _setting(queue: str, key: str, live: str, wanted: str) -> Drift:
    message = f"the consumer of the queue {queue} has the {key} {live}; the project wants {wanted}"
    adopt = f"Set `{key}` to {live} in `queues.consumers` of the configuration."
    return Drift("queue_consumer", queue, message, adopt, DEPLOY)

"""Queues: a Worker sends messages to one, and the same or another Worker reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfpy.bindings.asked import LONGEST_NAME, Addition, Asked
from cfpy.bindings.becoming import own_name
from cfpy.bindings.finding import Finding
from cfpy.bindings.kind import REAL, BindingKind, Handler, only_local, passed, used
from cfpy.errors import UsageError
from cfpy.project.edits import NewHandler

# developers.cloudflare.com/queues/platform/limits
_CONSUMER_LIMITS = {
    "max_batch_size": (1, 100),
    "max_batch_timeout": (0, 60),
    "max_retries": (0, 100),
    "max_concurrency": (1, 250),
    "retry_delay": (0, 43_200),
}


def _add(asked: Asked) -> Addition:
    queue = asked.resource
    edits = [asked.entry("queues.producers", binding=asked.binding, queue=queue)]
    if asked.options.consumer:
        dead = f"{queue}-dead-letters"
        if len(dead) > LONGEST_NAME:
            raise UsageError(
                f"{dead} has {len(dead)} characters; the name of a queue may have at most "
                f"{LONGEST_NAME}",
                hint="Choose a shorter NAME.",
            )
        # Without a dead-letter queue, messages that keep failing are deleted.
        edits.append(asked.entry("queues.consumers", queue=queue, dead_letter_queue=dead))
    return Addition(tuple(edits), asked.binding, resource=queue)


def _check(scope: Mapping[str, Any]) -> Iterator[Finding]:
    consumers = (scope.get("queues") or {}).get("consumers") or []
    dead_letters = {item.get("dead_letter_queue") for item in consumers}
    for item in consumers:
        queue = item.get("queue")
        for key, (least, most) in _CONSUMER_LIMITS.items():
            value = item.get(key)
            if isinstance(value, int) and not least <= value <= most:
                message = f"{key} = {value} of the queue {queue} must be {least} to {most}"
                yield Finding(True, message, "Change it in the configuration.")
        if item.get("dead_letter_queue") == queue:
            message = f"the queue {queue} is its own dead-letter queue"
            yield Finding(True, message, "Use another queue as dead_letter_queue.")
        elif not item.get("dead_letter_queue") and queue not in dead_letters:
            yield Finding(
                broken=False,
                message=f"the queue {queue} has no dead-letter queue: messages that keep failing "
                "are deleted",
                fix=f"Set dead_letter_queue to {queue}-dead-letters.",
            )


QUEUE = BindingKind(
    name="queue",
    table="queues.producers",
    label="Queue",
    required=("binding", "queue"),
    strings=("queue",),
    keys={**used("binding", "queue"), **passed("delivery_delay"), **only_local("remote")},
    becomes=own_name("queue"),
    name_keys=("queue",),
    settings="queues",
    owned="queue",
    subcommand="queues",
    api_type="queue",
    api_keys=("queue_name",),
    permission="Queues: Edit",
    permission_of=("queues",),
    meter="queues.operations",
    local=REAL,
    js_class="WorkerQueue",
    python_type="Queue",
    add=_add,
    example="mails --consumer",
    handler=Handler(
        NewHandler(
            *("queue", "batch", "MessageBatch"),
            python=(
                "for message in batch.messages:",
                "    print(message.body)",
                '    message.ack()  # or message.retry({"delaySeconds": 30})',
            ),
            javascript=(
                "for (const message of batch.messages) {",
                "  console.log(message.body);",
                "  message.ack(); // or message.retry({ delaySeconds: 30 })",
                "}",
            ),
        ),
        tells="batch.queue",
        gets="the messages",
    ),
    on_request=True,
    python="""\
await self.env.{b}.send({{"id": 1}})
""",
    javascript="""\
await env.{b}.send({{ id: 1 }});
""",
)
CONSUMERS = BindingKind(
    table="queues.consumers",
    label="Queue",
    binding_key="",
    required=("queue",),
    strings=("queue", "dead_letter_queue"),
    keys={
        **used("queue", "dead_letter_queue"),
        # Their limits are checked before a deployment.
        **used("max_batch_size", "max_batch_timeout", "max_retries"),
        **used("max_concurrency", "retry_delay"),
        **passed("type", "visibility_timeout_ms"),
    },
    becomes=own_name("queue", "dead_letter_queue"),
    name_keys=("queue", "dead_letter_queue"),
    settings="queues",
    entry_key="queue",
    check=_check,
    meter="queues.operations",
    local=None,
)

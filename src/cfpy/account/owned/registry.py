"""The kinds of resources that an account has, by their names in plans and records."""

from __future__ import annotations

from collections.abc import Mapping

from cfpy.account.owned import d1, kv, metadata_index, queue, queue_consumer, r2, vectorize, worker
from cfpy.account.owned.kind import Creatable, Deletable, OwnedKind

#: What bindings refer to: all of these are read, created and deleted. Reading starts in this order.
RESOURCES: Mapping[str, OwnedKind] = {
    "d1": d1,
    "kv": kv,
    "r2": r2,
    "queue": queue,
    "vectorize": vectorize,
}
#: Every kind of step that ``cfpy provision`` runs to create something.
CREATED: Mapping[str, Creatable] = {**RESOURCES, "vectorize_metadata_index": metadata_index}
#: Every kind of step that ``cfpy destroy`` runs.
DELETED: Mapping[str, Deletable] = {
    **RESOURCES,
    "queue_consumer": queue_consumer,
    "worker": worker,
}

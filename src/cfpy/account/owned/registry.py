"""The kinds that an account owns, one module each. Pure.

A new kind is a module and its place in :data:`KINDS`; see docs/contributing/add-a-binding.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from cfpy.account.owned.access import AccessApplications
from cfpy.account.owned.class_migration import ClassMigrations
from cfpy.account.owned.cron import Crons
from cfpy.account.owned.custom_domain import CustomDomains
from cfpy.account.owned.d1 import Databases
from cfpy.account.owned.dataset import Datasets
from cfpy.account.owned.kind import OwnedKind, OwnedResource
from cfpy.account.owned.kv import Namespaces
from cfpy.account.owned.live_version import LiveVersions
from cfpy.account.owned.queue import Queues
from cfpy.account.owned.queue_consumer import QueueConsumers
from cfpy.account.owned.r2 import Buckets
from cfpy.account.owned.route import Routes
from cfpy.account.owned.secret import WorkerSecrets
from cfpy.account.owned.tail_consumer import TailConsumers
from cfpy.account.owned.vectorize import Indexes
from cfpy.account.owned.worker import Workers
from cfpy.account.owned.workers_dev import Subdomains

#: Every kind, in the order of the steps and the notices of a plan, and of a teardown: consumers go
#: before their Worker, and the Worker before what it is bound to. What leads to the Worker is last:
#: only the deletion of the Worker deletes it.
KINDS: tuple[OwnedKind, ...] = (
    QueueConsumers(),
    Workers(),
    ClassMigrations(),
    Queues(),
    Indexes(),
    Databases(),
    Namespaces(),
    Buckets(),
    Datasets(),
    Subdomains(),
    WorkerSecrets(),
    AccessApplications(),
    LiveVersions(),
    CustomDomains(),
    Routes(),
    Crons(),
    TailConsumers(),
)
#: The kinds by their names in plans and records.
BY_NAME: Mapping[str, OwnedKind] = {kind.name: kind for kind in KINDS}
#: The kinds by the steps that they plan.
BY_STEP: Mapping[str, OwnedKind] = {
    step: kind for kind in KINDS for step in (kind.name, *kind.parts)
}
#: The kinds that ``cfpy env list`` lists.
LISTED = sorted((kind for kind in KINDS if kind.listed), key=lambda kind: kind.listed)
#: What bindings refer to.
RESOURCES: Mapping[str, OwnedResource] = {
    kind.name: kind for kind in KINDS if isinstance(kind, OwnedResource)
}

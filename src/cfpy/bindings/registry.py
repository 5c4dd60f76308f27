"""All kinds of bindings, and what a scope of the configuration binds. Pure.

A new kind is a module in ``kinds/`` and its place in :data:`KINDS`; see
docs/contributing/add-a-binding.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfpy.bindings.kind import BindingKind
from cfpy.bindings.kinds.ai import AI
from cfpy.bindings.kinds.ai_search import AI_SEARCH
from cfpy.bindings.kinds.analytics import ANALYTICS
from cfpy.bindings.kinds.assets import ASSETS
from cfpy.bindings.kinds.browser import BROWSER
from cfpy.bindings.kinds.cron import CRON
from cfpy.bindings.kinds.d1 import D1
from cfpy.bindings.kinds.durable_object import DURABLE_OBJECT
from cfpy.bindings.kinds.email import EMAIL
from cfpy.bindings.kinds.hyperdrive import HYPERDRIVE
from cfpy.bindings.kinds.images import IMAGES
from cfpy.bindings.kinds.kv import KV
from cfpy.bindings.kinds.others import OTHERS
from cfpy.bindings.kinds.queue import CONSUMERS, QUEUE
from cfpy.bindings.kinds.r2 import R2
from cfpy.bindings.kinds.ratelimit import RATELIMIT
from cfpy.bindings.kinds.secrets_store import SECRETS_STORE
from cfpy.bindings.kinds.service import SERVICE
from cfpy.bindings.kinds.values import SECRETS, VARS
from cfpy.bindings.kinds.vectorize import VECTORIZE
from cfpy.bindings.kinds.version_metadata import VERSION_METADATA
from cfpy.bindings.kinds.worker_loader import WORKER_LOADER
from cfpy.bindings.kinds.workflow import WORKFLOW

#: Strings by name, which the Worker has without a service behind them.
VALUES = (VARS, SECRETS)
#: Every kind, in the order in which they are listed and written.
KINDS: tuple[BindingKind, ...] = (
    *VALUES,
    KV,
    D1,
    R2,
    QUEUE,
    CONSUMERS,
    VECTORIZE,
    AI,
    ANALYTICS,
    CRON,
    ASSETS,
    DURABLE_OBJECT,
    WORKFLOW,
    HYPERDRIVE,
    BROWSER,
    IMAGES,
    EMAIL,
    SECRETS_STORE,
    RATELIMIT,
    SERVICE,
    AI_SEARCH,
    VERSION_METADATA,
    WORKER_LOADER,
    *OTHERS,
)
#: The kinds that ``cfpy add`` adds, by the name that it takes.
BY_NAME: Mapping[str, BindingKind] = {kind.name: kind for kind in KINDS if kind.name}
BY_TABLE: Mapping[str, BindingKind] = {kind.table: kind for kind in KINDS}
#: The kinds of resources that ``cfpy provision`` creates, by the name in plans and records.
OWNED: Mapping[str, BindingKind] = {kind.owned: kind for kind in KINDS if kind.owned}


def has_id(owned: str) -> bool:
    """Whether the account gives resources of this kind an id, which the configuration repeats.
    ``owned`` is any kind of a plan's step."""
    return owned in OWNED and bool(OWNED[owned].id_key)


def bindings(scope: Mapping[str, Any]) -> Iterator[tuple[str, BindingKind, Mapping[str, Any]]]:
    """Each binding of a scope of the configuration: its name, its kind and its table. Variables and
    secrets are left out.

    Raises:
        ProjectError: A table has another shape than its kind.
    """
    for kind in KINDS:
        if kind not in VALUES:
            for name, item in kind.bound(scope):
                yield name, kind, item


def bound_names(scope: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every name in the Worker's ``env``, also of variables and secrets, with its table.

    Raises:
        ProjectError: A table has another shape than its kind.
    """
    for kind in KINDS:
        for name, _ in kind.bound(scope):
            yield name, kind.table

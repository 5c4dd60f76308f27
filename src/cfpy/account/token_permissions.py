"""The least permissions that a token needs, by command, for what a project uses. Pure.

Names as on the dashboard's token page: API token permissions, and the template "Edit Cloudflare
Workers" for what wrangler asks for (developers.cloudflare.com/fundamentals/api/reference).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cfpy.account.desired import DesiredState, Scope
from cfpy.account.owned.registry import RESOURCES
from cfpy.account.owned.routing import route_entries
from cfpy.bindings.environments import effective
from cfpy.bindings.registry import KINDS
from cfpy.project.project import Project

READ, EDIT = "Read", "Edit"
#: The commands that need a token.
COMMANDS = ("plan", "provision", "deploy", "preview", "backup", "restore", "destroy", "logs")
_CHANGING = ("provision", "preview", "destroy")
# The kinds that a restore writes.
_RESTORED = ("d1", "kv", "r2", "vectorize")


@dataclass(frozen=True)
class Needed:
    """One permission.

    ``name`` is without its level, ``scope`` is ``Account`` or ``Zone``, ``because`` names what
    needs it, and ``levels`` are ``Read`` or ``Edit`` by command of :data:`COMMANDS`; a command that
    is not there does not need it.
    """

    name: str
    scope: str
    because: str
    levels: Mapping[str, str]


def needed_permissions(project: Project, desired: DesiredState) -> tuple[Needed, ...]:
    """The permissions for an environment of a project, those that it always needs first.

    ``status`` needs those of ``plan``, ``promote`` and ``rollback`` no more than ``deploy``, and
    ``up`` those of ``provision`` and ``deploy``. An account is named by ``CLOUDFLARE_ACCOUNT_ID``
    or the key ``account_id``.
    """
    scope = Scope(project, desired.worker, effective(project.wrangler, desired.environment))
    return (
        Needed(
            "Account Settings",
            "Account",
            "which account, unless you name it",
            dict.fromkeys(COMMANDS, READ),
        ),
        Needed("Workers Scripts", "Account", f"the Worker {desired.worker}", _of_the_worker()),
        *_of_resources(scope, desired),
        Needed("Workers Tail", "Account", "the live log", {"logs": READ}),
        Needed("Account Analytics", "Account", "error rates, for deploy --watch", {"deploy": READ}),
        *_of_routes(scope),
    )


def _of_the_worker() -> dict[str, str]:
    reads = dict.fromkeys(("plan", "backup", "restore", "logs"), READ)
    return reads | dict.fromkeys((*_CHANGING, "deploy"), EDIT)


def _of_resources(scope: Scope, desired: DesiredState) -> Iterator[Needed]:
    changed = [kind for kind in RESOURCES.values() if kind.is_changed_by_deployment(desired)]
    edited = {kind.binding.permission for kind in changed}
    for kind in KINDS:
        names = [str(entry.get("binding", "")) for entry in scope.entries(kind.table)]
        for other in KINDS:
            # Entries that bind nothing use such a resource, too: consumers of queues.
            if other.entry_key and kind.settings and other.settings == kind.settings:
                used = scope.entries(other.table)
                names += [str(entry.get(other.entry_key, "")) for entry in used]
        if not kind.permission or not names:
            continue
        levels = {"plan": READ, **dict.fromkeys(_CHANGING, EDIT)}
        levels["deploy"] = EDIT if kind.permission in edited else READ
        # An export of a database stops it for a while, so it takes the permission to edit.
        levels["backup"] = EDIT if kind.name == "d1" else READ
        levels["restore"] = EDIT if kind.name in _RESTORED else READ
        name = kind.permission.removesuffix(f": {EDIT}")
        yield Needed(name, "Account", ", ".join(dict.fromkeys(names)), levels)


def _of_routes(scope: Scope) -> Iterator[Needed]:
    patterns = [entry.pattern for entry in route_entries(scope)]
    if patterns:
        levels = {"plan": READ, **dict.fromkeys(("deploy", "destroy"), EDIT)}
        yield Needed("Workers Routes", "Zone", ", ".join(patterns), levels)

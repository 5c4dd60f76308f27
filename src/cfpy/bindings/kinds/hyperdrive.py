"""Hyperdrive: connections to a Postgres or MySQL database elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import SHARED
from cfpy.bindings.finding import Finding
from cfpy.bindings.id_forms import not_hex
from cfpy.bindings.kind import BindingKind, Local, LocalStance, only_local, passed, used
from cfpy.errors import UsageError
from cfpy.tools.invocation import command


def _add(asked: Asked) -> Addition:
    given = asked.options.id
    create = ("hyperdrive", "create", asked.resource, "--connection-string=...")
    if not re.fullmatch(r"[0-9a-f]{32}", given):
        raise UsageError(
            "a Hyperdrive binding needs --id, the id of a Hyperdrive configuration"
            + (f", not {given!r}" if given else ""),
            hint=f"Create one with: {command('wrangler', *create)}; list them with: "
            f"{command('wrangler', 'hyperdrive', 'list')}",
        )
    edit = asked.entry("hyperdrive", binding=asked.binding, id=given)
    return Addition((edit,), asked.binding, resource=asked.resource)


def _check(scope: Mapping[str, Any]) -> Iterator[Finding]:
    fix = f"The ids are shown by: {command('wrangler', 'hyperdrive', 'list')}"
    yield from not_hex(scope.get("hyperdrive") or [], "id", fix)


HYPERDRIVE = BindingKind(
    name="hyperdrive",
    table="hyperdrive",
    label="Hyperdrive configuration",
    strings=("id",),
    keys={**used("binding"), **passed("id"), **only_local("localConnectionString", "remote")},
    becomes=SHARED,
    check=_check,
    # It fails without the address of a local database: see configuration.left_out().
    local=Local(
        LocalStance.REAL,
        properties=("connectionString", "host", "port", "user", "password", "database", "connect"),
    ),
    python_type="Hyperdrive",
    add=_add,
    example="warehouse --id ID",
    python="""\
url = self.env.{b}.connectionString  # for a driver that opens TCP sockets from a Worker
""",
    javascript="""\
const url = env.{b}.connectionString; // for a Postgres or MySQL driver
""",
)

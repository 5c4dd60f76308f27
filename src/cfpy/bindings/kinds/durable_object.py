"""Durable Objects: each name has one object, of a class of the Worker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import SAME, of_worker
from cfpy.bindings.class_module import ClassModule
from cfpy.bindings.kind import BindingKind, passed, python_class, used
from cfpy.project.edits import Append

_PYTHON = '''\
"""{name}: each name has one object, with a SQLite database that it alone writes.

developers.cloudflare.com/durable-objects
"""

from __future__ import annotations

from typing import Any

from workers import DurableObject


# The SDK types this base class but for its __init_subclass__.
class {name}(DurableObject):  # type: ignore[no-untyped-call]
    """Counts. Calls of one object never overlap while its database is at work."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.sql = ctx.storage.sql
        self.sql.exec("CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER)")

    async def add(self, name: str, amount: int) -> int:
        """Add ``amount`` to the count ``name`` and return what it is then."""
        rows = self.sql.exec(
            "INSERT INTO counts VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value",
            name,
            amount,
        )
        return int(rows.one().value)
'''
_TYPESCRIPT = """\
import {{ DurableObject }} from "cloudflare:workers";

/** Each name has one object, with a SQLite database that it alone writes. */
export class {name} extends DurableObject {{
  /** Adds `amount` to the count `name` and returns what it is then. */
  add(name: string, amount: number): number {{
    const sql = this.ctx.storage.sql;
    sql.exec("CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER)");
    const row = sql
      .exec(
        `INSERT INTO counts VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value`,
        name,
        amount,
      )
      .one();
    return Number(row.value);
  }}
}}
"""
_MODULE = ClassModule(
    "DurableObject",
    frozenset({"Any", "Number"}),
    _PYTHON,
    _TYPESCRIPT,
    (("(name: string, amount: number): number", "(name, amount)"),),
)


def _add(asked: Asked) -> Addition:
    binding = asked.entry(
        "durable_objects.bindings", name=asked.binding, class_name=asked.class_name
    )
    own = asked.environment and "migrations" in asked.config["env"][asked.environment]
    path = asked.path("migrations") if own else ("migrations",)
    migrations = asked.scope.get("migrations") or []
    migration = {
        "tag": _next_tag(migrations, asked.kebab),
        "new_sqlite_classes": [asked.class_name],
    }
    created = [name for item in migrations for name in _classes_of(item)]
    edits = [binding]
    if asked.class_name not in created:
        edits.append(Append(path, migration))
    files, export = _MODULE.of(asked)
    return Addition(tuple(edits), asked.binding, files=files, export=export)


def _classes_of(migration: Mapping[str, Any]) -> list[str]:
    return [*(migration.get("new_sqlite_classes") or []), *(migration.get("new_classes") or [])]


def _next_tag(migrations: list[Mapping[str, Any]], name: str) -> str:
    tags = [str(item.get("tag")) for item in migrations]
    if all(re.fullmatch(r"v\d+", tag) for tag in tags):
        return f"v{max([int(tag[1:]) for tag in tags], default=0) + 1}"
    return f"add-{name}"


DURABLE_OBJECT = BindingKind(
    name="durable-object",
    table="durable_objects.bindings",
    label="Durable Object",
    binding_key="name",
    required=("name",),
    strings=("class_name", "script_name"),
    keys={**used("name"), **passed("class_name", "script_name", "environment")},
    becomes=of_worker("script_name", SAME),
    local=python_class(
        *("get", "getByName", "idFromName", "idFromString", "newUniqueId", "jurisdiction")
    ),
    js_class="DurableObjectNamespace",
    python_type="DurableObjectNamespace",
    add=_add,
    example="counter",
    python="""\
counter = self.env.{b}.getByName("visitors")
total = await counter.add("today", 1)
""",
    javascript="""\
const total = await env.{b}.getByName("visitors").add("today", 1);
""",
)

"""Initial versions of the files that a new binding needs."""

from __future__ import annotations

_PYTHON = {
    "durable-object": '''\
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
''',
    "workflow": '''\
"""{name}: steps that are each retried until done, and not done again once they are.

developers.cloudflare.com/workflows/python
"""

from __future__ import annotations

from typing import Any

from workers import WorkflowEntrypoint


class {name}(WorkflowEntrypoint):
    """Begun with ``create``; the runtime wakes it for each step."""

    async def run(self, event: Any, step: Any) -> Any:
        """Run the steps. What a step returns is kept, so it has to be serialisable."""

        async def greet() -> str:
            return f"Hello, {{event['payload']['name']}}"

        return await step.do("greet")(greet)()
''',
}
_TYPESCRIPT = {
    "durable-object": """\
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
""",
    "workflow": """\
import {{ WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep }} from "cloudflare:workers";

/** Steps that are each retried until done, and not done again once they are. */
export class {name} extends WorkflowEntrypoint {{
  async run(event: WorkflowEvent<{{ name: string }}>, step: WorkflowStep): Promise<string> {{
    return step.do("greet", async () => `Hello, ${{event.payload.name}}`);
  }}
}}
""",
}
_JAVASCRIPT_ONLY = (
    (", type WorkflowEvent, type WorkflowStep", ""),
    ("event: WorkflowEvent<{{ name: string }}>, step: WorkflowStep", "event, step"),
    ("(name: string, amount: number): number", "(name, amount)"),
    ("): Promise<string>", ")"),
)


def class_source(kind: str, name: str, suffix: str) -> str:
    """The module of a ``durable-object`` or ``workflow`` called ``name``, in the language of files
    that end in ``suffix``."""
    if suffix == "py":
        return _PYTHON[kind].format(name=name)
    source = _TYPESCRIPT[kind]
    if suffix not in ("ts", "tsx", "mts"):
        for typed, plain in _JAVASCRIPT_ONLY:
            source = source.replace(typed, plain)
    return source.format(name=name)


def first_migration() -> str:
    """A first table."""
    return """\
-- The first migration of this database. Once it has been applied anywhere, change nothing here:
-- write 0002_....sql.
CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT;
"""


def page_source(title: str) -> str:
    """A first page."""
    return f"""\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>{title}</title>
  </head>
  <body>
    <h1>{title}</h1>
  </body>
</html>
"""

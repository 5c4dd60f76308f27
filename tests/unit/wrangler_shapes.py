"""The configuration as people write it, in both formats."""

from __future__ import annotations

import tomllib
from typing import Any

from cfpy.project import jsonc

# Each has a database bound as DB.
SHAPES = {
    "as wrangler init writes it": """\
#:schema node_modules/wrangler/config-schema.json
name = "app"
main = "src/index.ts"
compatibility_date = "2026-01-01"

# Bind a D1 database
# Docs: https://developers.cloudflare.com/d1/
[[d1_databases]]
binding = "DB"
database_name = "app"
# database_id = "fill me in"

# [[kv_namespaces]]
# binding = "KV"
""",
    "one line for each table": """\
name="app"
main="w.py"
kv_namespaces=[{binding="KV"}]
d1_databases=[{binding="DB",database_name="app"}]
""",
    "an array over several lines": """\
name = "app"
d1_databases = [
  # the only one
  { binding = "DB", database_name = "app" },   # trailing
]
kv_namespaces = [
    { binding = "OTHER", id = "0" },
    { binding = "KV" }
]
""",
    "windows line ends": (
        'name = "app"\r\n\r\n[[d1_databases]] # here\r\nbinding = "DB"\r\n'
        'database_name = "app"\r\n\r\n[vars]\r\nA = "b"\r\n'
    ),
    "no end of the last line": 'name = "app"\n[[d1_databases]]\nbinding = "DB"',
    "a byte order mark": '\ufeffname = "app"\n[[d1_databases]]\nbinding = "DB"\n',
    "tabs and indented tables": """\
name = "app"

[env]
\t[env.production]
\t\tname = "app-production"
\t\t[[env.production.d1_databases]]
\t\t\tbinding = "DB"
\t\t\tdatabase_name = "production"

[[d1_databases]]
\tbinding = "DB"
\tdatabase_name = "app"
""",
    "single quotes": "name = 'app'\n[['d1_databases']]\nbinding = 'DB'\ndatabase_name = 'app'\n",
    "quoted keys": 'name = "app"\n[[d1_databases]]\n"binding" = "DB"\n"database_name" = "app"\n',
    "an empty id": 'name = "app"\n[[d1_databases]]\nbinding = "DB"\ndatabase_id = "" # later\n',
    "the id first": 'name = "app"\n[[d1_databases]]\ndatabase_id=""\nbinding = "DB"\n',
    "several databases": """\
name = "app"
[[d1_databases]]
binding = "A"
database_name = "a"
database_id = "0"
[[d1_databases]]
binding = "DB"
database_name = "app"
[[d1_databases]]
binding = "Z"
database_name = "z"
""",
    "a text that looks like a table": """\
name = "app"
[vars]
HELP = '''
[[d1_databases]]
binding = "DB"
'''
ESCAPED = \"\"\"
[[kv_namespaces]]
binding = "KV" \"\"\"

[[d1_databases]]
binding = "DB"
""",
    "a comment that looks like a table": """\
name = "app"
# [[d1_databases]]
# binding = "DB"
[[d1_databases]] # [[kv_namespaces]]
# binding = "DB"
binding = "DB" # binding = "X"
""",
    "dotted keys": """\
name = "app"
build.command = "npm run build"
observability.enabled = true
assets.directory = "./public"
[[d1_databases]]
binding = "DB"
""",
    "a header with spaces": 'name = "app"\n[[ d1_databases ]]\n  binding  =  "DB"\n',
    "everything at once": """\
name = "app"
main = "src/worker.py"
compatibility_date = "2026-11-17"
compatibility_flags = [ "python_workers", ] # flags
workers_dev = false
routes = [
  { pattern = "app.example.com", custom_domain = true },
  "example.com/api/*",
]

[triggers]
crons = ["*/5 * * * *"]   # every five minutes

[vars]
TEXT = "ünïcödé 日本語 🚀"
NESTED = { a = 1, b = [true, false], c = { d = 1979-05-27T07:32:00Z } }

[[kv_namespaces]]
binding = "KV"
preview_id = "p"

[[d1_databases]]
binding = "DB"
database_name = "app"
migrations_dir = "db/migrations"
preview_database_id = "p"

[[r2_buckets]]
binding = "FILES"
bucket_name = "app-files"
jurisdiction = "eu"

[[queues.producers]]
queue = "app-jobs"
binding = "JOBS"

[[queues.consumers]]
queue = "app-jobs"
max_batch_size = 10
dead_letter_queue = "app-dead"

[[durable_objects.bindings]]
name = "ROOMS"
class_name = "Room"

[[migrations]]
tag = "v1"
new_sqlite_classes = ["Room"]

[[services]]
binding = "AUTH"
service = "auth"

[ai]
binding = "AI"

[observability.logs]
enabled = true
head_sampling_rate = 0.1
""",
    "an environment before the top level's tables": """\
name = "app"
[env.staging.vars]
A = "1"
[[env.staging.d1_databases]]
binding = "DB"
database_name = "staging"
database_id = "2"
[[d1_databases]]
binding = "DB"
database_name = "app"
""",
    "an environment as an inline table": """\
name = "app"
d1_databases = [{ binding = "DB" }]
env = { staging = { vars = { A = "1" } } }
""",
    "tables split by others": """\
name = "app"
[[d1_databases]]
binding = "DB"
[vars]
A = "1"
[[d1_databases]]
binding = "B"
[site]
bucket = "./public"
""",
    "much empty space": 'name = "app"\n\n\n\n[[d1_databases]]\n\n\nbinding = "DB"\n\n\n[vars]\n\n',
    "trailing spaces": 'name = "a"  \n[[d1_databases]] \nbinding = "DB" \n   \n[vars]\nA = "1"\t\n',
    "a comment behind the last key": 'name = "app"\n[[d1_databases]]\nbinding = "DB"\n# the end',
    "other line separators": 'name = "app" # \u2028b\n[[d1_databases]]\nbinding = "DB"\n# \x85\n',
    "a binding like another": """\
name = "app"
[[d1_databases]]
binding = "DB2"
[[d1_databases]]
binding = "MY_DB"
[[d1_databases]]
binding = "DB"
""",
}

# As above.
JSONC_SHAPES = {
    "as create-cloudflare writes it": """\
/**
 * For more details on how to configure Wrangler, refer to:
 * https://developers.cloudflare.com/workers/wrangler/configuration/
 */
{
\t"$schema": "node_modules/wrangler/config-schema.json",
\t"name": "app",
\t"main": "src/entry.py",
\t"compatibility_flags": [
\t\t"python_workers"
\t],
\t"d1_databases": [
\t\t{
\t\t\t"binding": "DB",
\t\t\t"database_name": "app"
\t\t}
\t],
\t"observability": {
\t\t"enabled": true
\t}
\t/**
\t * Smart Placement
\t */
\t// "placement": { "mode": "smart" },
\t/**
\t * Environment Variables
\t */
\t// "vars": { "MY_VARIABLE": "production_value" },
}
""",
    "brackets together": """\
{
  "name": "app",
  "d1_databases": [{
    "binding": "DB", // the only one
    "database_name": "app",
  }],
  "kv_namespaces": [{ "binding": "KV" }],
}
""",
    "one line": '{"name": "app", "d1_databases": [{"binding": "DB"}], "kv_namespaces": []}',
    "windows line ends": (
        '// it\r\n{\r\n  "name": "app",\r\n  "d1_databases": [\r\n    {\r\n'
        '      "binding": "DB" // here\r\n    }\r\n  ]\r\n}\r\n'
    ),
    "a byte order mark": '\ufeff{\n  "name": "app",\n  "d1_databases": [{ "binding": "DB" }]\n}\n',
    "entries in one line each": """\
{
    "name": "app",
    "d1_databases": [
        { "binding": "A", "database_id": "0" }, // first
        /* second */ { "binding": "DB" },
        { "binding": "Z", "database_name": "z" }
    ]
}
""",
    "an empty id": """\
{
  "name": "app",
  "d1_databases": [
    {
      "binding": "DB",
      "database_id": "", // later
      "database_name": "app"
    }
  ]
}
""",
    "the id first": """\
{
  "d1_databases": [
    {
      "database_id": "",
      "binding": "DB"
    },
  ],
  "name": "app",
}
""",
    "empty lists with comments in them": """\
{
  "name": "app",
  "d1_databases": [ { "binding": "DB" } ],
  "kv_namespaces": [
    // { "binding": "KV" }
  ],
  "triggers": {},
}
""",
    "commas first": """\
{ "name": "app"
, "d1_databases":
  [ { "binding": "OTHER" }
  , { "binding": "DB" }
  ]
}
""",
    "strings that look like more": """\
{
  "name": "app",
  "vars": {
    "HELP": "{ \\"d1_databases\\": [{ \\"binding\\": \\"DB\\" }] } // no /* comment */ ,",
    "d1_databases": "no"
  },
  // "d1_databases": [{ "binding": "DB" }],
  "d1_databases": [{ "binding": "DB" }]
}
""",
    "environments": """\
{
  "name": "app",
  "d1_databases": [{ "binding": "DB" }],

  // What is above is production.
  "env": {
    // Where we try things.
    "staging": {
      "d1_databases": [{ "binding": "DB", "database_name": "staging", "database_id": "2" }]
    }

    // "preview": {}
  }
}
""",
    "everything at once": """\
{
  "name": "app",
  "main": "src/worker.py",
  "compatibility_date": "2026-11-17",
  "compatibility_flags": ["python_workers"], // flags
  "workers_dev": false,
  "routes": [
    { "pattern": "app.example.com", "custom_domain": true },
    "example.com/api/*"
  ],
  "triggers": { "crons": ["*/5 * * * *"] }, // every five minutes
  "vars": { "TEXT": "ünïcödé 日本語 🚀", "NESTED": { "a": 1, "b": [true, false, null] } },
  "kv_namespaces": [{ "binding": "KV", "preview_id": "p" }],
  "d1_databases": [
    {
      "binding": "DB",
      "database_name": "app",
      "migrations_dir": "db/migrations",
      "preview_database_id": "p"
    }
  ],
  "r2_buckets": [{ "binding": "FILES", "bucket_name": "app-files", "jurisdiction": "eu" }],
  "queues": {
    "producers": [{ "queue": "app-jobs", "binding": "JOBS" }],
    "consumers": [{ "queue": "app-jobs", "max_batch_size": 10, "dead_letter_queue": "app-dead" }]
  },
  "durable_objects": { "bindings": [{ "name": "ROOMS", "class_name": "Room" }] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }],
  "services": [{ "binding": "AUTH", "service": "auth" }],
  "ai": { "binding": "AI" },
  "observability": { "logs": { "enabled": true, "head_sampling_rate": 0.1 } }
}
""",
}
#: The text of each, by the name of its file and its own.
ALL = {
    **{("wrangler.toml", name): text for name, text in SHAPES.items()},
    **{("wrangler.jsonc", name): text for name, text in JSONC_SHAPES.items()},
}


def values(file: str, text: str) -> dict[str, Any]:
    """What a configuration says."""
    body = text.removeprefix("\ufeff")
    found: dict[str, Any] = tomllib.loads(body) if file.endswith(".toml") else jsonc.loads(body)
    return found


def ids(shape: object) -> str | None:
    """Names of tests: the format and the shape."""
    return f"{shape[0].split('.')[1]}: {shape[1]}" if isinstance(shape, tuple) else None

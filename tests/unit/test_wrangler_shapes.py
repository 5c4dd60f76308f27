"""wrangler.toml as people write it: an id goes in and out, and no other byte changes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from cfpy.adapters.environment_writer import append, environment_text
from cfpy.adapters.wrangler_edit import set_id, unset_id
from cfpy.domain.environments import derive, effective

ID = "11111111-2222-3333-4444-555555555555"
# Each has a database bound as DB; NAMESPACE marks those that bind a namespace as KV, too.
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
NAMESPACE = ("one line for each table", "an array over several lines", "everything at once")


def test_there_are_at_least_twenty() -> None:
    assert len(SHAPES) >= 20


def insertions(before: str, after: str) -> set[str]:
    """What may have been put in, and nothing else changed; spaces and commas aside."""
    more = len(after) - len(before)
    return {
        "".join(after[place : place + more].split()).strip(",")
        for place in range(len(before) + 1)
        if after[:place] + after[place + more :] == before
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_an_id_goes_in_and_out_again(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.toml"
    text = SHAPES[shape]
    path.write_bytes(text.encode())
    set_id(path, "", "d1_databases", "DB", "database_id", ID)
    after = path.read_bytes().decode()
    assert insertions(text, after) & {f'database_id="{ID}"', ID}
    wanted = tomllib.loads(text.removeprefix("\ufeff"))
    [entry] = [item for item in wanted["d1_databases"] if item["binding"] == "DB"]
    entry["database_id"] = ID
    assert tomllib.loads(after.removeprefix("\ufeff")) == wanted

    set_id(path, "", "d1_databases", "DB", "database_id", ID)
    assert path.read_bytes().decode() == after

    unset_id(path, "", "d1_databases", "DB", "database_id")
    left = path.read_bytes().decode()
    del entry["database_id"]
    assert tomllib.loads(left.removeprefix("\ufeff")) == wanted
    # What goes is the id, with its line; an empty one that was there goes with it.
    assert without_the_id(left) == without_the_id(text)


def without_the_id(text: str) -> list[str]:
    kept = [line for line in text.split("\n") if not line.startswith("database_id")]
    return "\n".join(kept).rstrip("\r\n").split("\n")


@pytest.mark.parametrize("shape", NAMESPACE)
def test_namespaces_too(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.toml"
    path.write_bytes(SHAPES[shape].encode())
    set_id(path, "", "kv_namespaces", "KV", "id", "abc")
    assert 'id="abc"' in insertions(SHAPES[shape], path.read_bytes().decode())


@pytest.mark.parametrize("shape", sorted(set(SHAPES) - {"an environment as an inline table"}))
def test_an_environment_goes_below_all_of_it(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.toml"
    text = SHAPES[shape]
    path.write_bytes(text.encode())
    config: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"))
    new = derive(config, "preview")
    append(path, environment_text(new))
    after = path.read_bytes().decode()
    assert after.startswith(text)
    ends = {line[-1:] == "\r" for line in after.split("\n")[:-1]}
    assert len(ends) == 1, "one kind of line ends"
    written = tomllib.loads(after.removeprefix("\ufeff"))
    assert written["env"]["preview"] == new.tables
    assert {**written, "env": config.get("env")} == {**config, "env": config.get("env")}
    assert effective(written, "preview")["name"] == f"{config['name']}-preview"
    # Nothing of production is named by the environment.
    for table, key in (("d1_databases", "database_name"), ("r2_buckets", "bucket_name")):
        theirs = {item[key] for item in config.get(table, []) if key in item}
        assert not theirs & {item.get(key) for item in new.tables.get(table, [])}


def test_production_keeps_its_routes() -> None:
    config = tomllib.loads(SHAPES["everything at once"])
    new = derive(config, "staging")
    assert (new.tables["routes"], new.tables["workers_dev"]) == ([], True)
    assert new.shared == ("services",)
    assert "triggers" not in new.tables, "it is inherited"

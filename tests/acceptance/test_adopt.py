"""`cfpy adopt` in Workers that cfpy did not create: afterwards they are as good as its own."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cfpy.project.config_text import edited
from cfpy.project.edits import Append, Put
from cloudflare_api import CloudflareApi
from wrangler_shapes import ALL, ids

CODE = "export default { fetch() { return new Response('hello'); } };\n"
# By file, the same Worker.
CONFIGURATIONS = {
    "wrangler.jsonc": """\
{
	// Ours since 2024.
	"name": "shop",
	"main": "src/index.js",
	"compatibility_date": "2026-11-01",
	"d1_databases": [{ "binding": "DB", "database_name": "orders" }], // the orders
	"kv_namespaces": [
		{ "binding": "CACHE" }
	],
	"r2_buckets": [{ "binding": "FILES", "bucket_name": "files" }],
	"vectorize": [{ "binding": "DOCS", "index_name": "docs" }],
	"queues": { "producers": [{ "binding": "JOBS", "queue": "jobs" }] }
}
""",
    "wrangler.toml": """\
# Ours since 2024.
name = "shop"
main = "src/index.js"
compatibility_date = "2026-11-01"
d1_databases = [{ binding = "DB", database_name = "orders" }] # the orders

[[kv_namespaces]]
binding = "CACHE"

[[r2_buckets]]
binding = "FILES"
bucket_name = "files"

[[vectorize]]
binding = "DOCS"
index_name = "docs"

[[queues.producers]]
binding = "JOBS"
queue = "jobs"
""",
}


@pytest.fixture(params=CONFIGURATIONS)
def shop(request: pytest.FixtureRequest, tmp_path: Path, api: CloudflareApi) -> Path:
    """A project of somebody's, which is live with all that it binds."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "index.js").write_text(CODE)
    (tmp_path / request.param).write_text(CONFIGURATIONS[request.param])
    api.add_database("orders")
    api.namespaces["shop-cache"] = "0123456789abcdef0123456789abcdef"
    api.buckets.append("files")
    api.queues["jobs"] = "fedcba9876543210fedcba9876543210"
    api.add_index("docs", 384, "euclidean", lang="string", year="number")
    api.scripts["shop"] = ["STRIPE_KEY", "API_TOKEN"]
    return tmp_path


def config(shop: Path) -> Path:
    return next(path for name in CONFIGURATIONS if (path := shop / name).is_file())


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".wrangler" not in path.parts
    }


def test_what_the_account_has_is_written_down(shop: Path, cfpy: Any, api: CloudflareApi) -> None:
    before = contents(shop)
    code, document = cfpy("adopt", shop)
    assert code == 0, document
    data = document["data"]
    assert set(data["resources"]) == {
        *("d1:orders", "kv:shop-cache", "r2:files", "queue:jobs", "vectorize:docs")
    }
    assert (data["missing"], data["deployed"]) == ([], True)
    assert data["secrets"] == ["API_TOKEN", "STRIPE_KEY"]
    assert api.mutations == []
    # The ids went in; all else of the file is as it was.
    after = contents(shop)
    text = after.pop(config(shop).name).decode()
    assert data["resources"]["d1:orders"] in text
    assert data["resources"]["kv:shop-cache"] in text
    kept = iter(text)
    assert all(c in kept for c in before.pop(config(shop).name).decode().replace(",", ""))
    settings = after.pop("cfpy.toml").decode()
    assert 'index_name = "docs"\ndimensions = 384\nmetric = "euclidean"' in settings
    assert '{ property = "year", type = "number" }' in settings
    assert '[[secrets]]\nname = "STRIPE_KEY"' in settings
    record = json.loads(after.pop("cfpy.state.json"))
    assert record["environments"][""]["adopted"] == data["resources"]
    assert after == before

    # It is as if cfpy had created it, only that it deletes nothing of it.
    code, document = cfpy("plan", shop)
    assert code == 0, document
    assert {action["do"] for action in document["data"]["actions"]} == {"keep"}
    assert cfpy("adopt", shop)[1]["data"]["files"] == {}
    code, document = cfpy("destroy", shop, "--yes", "--confirm", "shop", "--delete-data")
    assert {"orders"} == set(api.databases)
    assert {"files"} == set(api.buckets)
    assert {"shop"} == set(api.scripts)
    assert {"docs"} == set(api.indexes)


# In TOML: test_life_cycle.py, of projects of cfpy.
@pytest.mark.parametrize("shop", ["wrangler.jsonc"], indirect=True)
def test_it_is_operated_like_a_project_of_cfpy(shop: Path, cfpy: Any, api: CloudflareApi) -> None:
    assert cfpy("adopt", shop)[0] == 0
    assert cfpy("add", shop, "kv", "sessions")[0] == 0
    assert cfpy("env", shop, "add", "staging")[0] == 0
    assert cfpy("cost", shop)[0] == 0
    code, document = cfpy("up", shop, "--yes", "--health", "")
    assert code == 0, document
    code, document = cfpy("destroy", shop, "--yes", "--confirm", "shop", "--delete-data")
    assert code == 0, document
    # Only what cfpy created is gone.
    assert set(api.namespaces) == {"shop-cache"}
    assert set(api.databases) == {"orders"}


def test_a_dry_run_writes_nothing(shop: Path, cfpy: Any) -> None:
    before = contents(shop)
    code, document = cfpy("adopt", shop, "--dry-run", "--tests", "--ci", "--agents")
    assert code == 0, document
    assert set(document["data"]["files"]) == {
        *(config(shop).name, "cfpy.toml", "AGENTS.md", ".github/workflows/ci.yml"),
        *("tests/conftest.py", "tests/test_worker.py"),
    }
    assert contents(shop) == before


def test_files_that_exist_stay(shop: Path, cfpy: Any) -> None:
    (shop / "AGENTS.md").write_text("mine\n")
    code, document = cfpy("adopt", shop, "--tests", "--ci", "--agents")
    assert (code, document["data"]["kept_files"]) == (0, ["AGENTS.md"])
    assert (shop / "AGENTS.md").read_text() == "mine\n"
    assert config(shop).name not in (shop / "tests" / "conftest.py").read_text()
    workflow = (shop / ".github" / "workflows" / "ci.yml").read_text()
    # A name alone could be anybody's package, and CI can't install one from a directory.
    for cfpy_from in re.findall(r"^  CFPY: (.*)$", workflow, re.M):
        assert " @ " in cfpy_from
    assert 'CFPY: ""' not in workflow


def test_what_the_account_does_not_have_is_named(shop: Path, cfpy: Any, api: CloudflareApi) -> None:
    api.databases.clear()
    api.scripts.clear()
    code, document = cfpy("adopt", shop)
    assert code == 0, document
    assert document["data"]["missing"] == ["d1:orders"]
    assert document["data"]["deployed"] is False
    assert "d1:orders" not in document["data"]["resources"]


def test_an_environment_is_adopted_by_itself(shop: Path, cfpy: Any) -> None:
    assert cfpy("env", shop, "add", "staging")[0] == 0
    code, document = cfpy("adopt", shop, "--env", "staging")
    assert code == 0, document
    assert document["data"]["resources"] == {}
    assert "d1:orders-staging" in document["data"]["missing"]
    assert not (shop / "cfpy.toml").exists()


def test_an_example_is_planned_as_it_stands(shop: Path, cfpy: Any, api: CloudflareApi) -> None:
    path = config(shop)
    text = path.read_text()
    key = '"id": "<YOUR_KV_NAMESPACE_ID>"' if "json" in path.name else 'id = "<YOUR_ID>"'
    after = '"binding": "CACHE"' if "json" in path.name else 'binding = "CACHE"'
    comma = ", " if "json" in path.name else "\n"
    path.write_text(text.replace(after, f"{after}{comma}{key}"))
    code, document = cfpy("adopt", shop)
    assert code == 0, document
    assert api.namespaces["shop-cache"] in path.read_text()
    assert "YOUR" not in path.read_text()


def test_the_id_of_another_account_is_replaced(shop: Path, cfpy: Any, api: CloudflareApi) -> None:
    path = config(shop)
    foreign = "408cddb7-e3f7-40d7-a4f7-33136a7fd3fa"
    key = f'"database_id": "{foreign}"' if "json" in path.name else f'database_id = "{foreign}"'
    text = path.read_text()
    example = text.replace("orders", "quotes").replace(" }], // the", f", {key} }}], // the")
    path.write_text(example.replace(" }] # the", f", {key} }}] # the"))
    assert foreign in path.read_text()
    code, document = cfpy("plan", shop)
    [conflict] = [item for item in document["data"]["actions"] if item["do"] == "conflict"]
    assert (code, conflict["unknown_ids"]) == (7, [foreign])
    assert "it may be of another account, as in an example" in conflict["reason"]
    for command in ("provision", "adopt", "deploy"):
        code, document = cfpy(command, shop, *(["--yes"] if command != "adopt" else []))
        assert (code, document["error"]["code"]) == (7, "plan_conflict")
        assert "cfpy adopt --remove-ids" in document["error"]["hint"]
    before = path.read_text()
    assert cfpy("adopt", shop, "--remove-ids", "--dry-run")[0] == 0
    assert path.read_text() == before
    code, document = cfpy("adopt", shop, "--remove-ids")
    assert (code, document["data"]["removed_ids"]) == (0, {"DB": foreign})
    assert "d1:quotes" in document["data"]["missing"]
    code, document = cfpy("provision", shop, "--yes")
    assert code == 0, document
    assert api.database_id("quotes") in path.read_text()
    assert foreign not in path.read_text()
    assert cfpy("plan", shop)[0] == 0


def test_bindings_of_one_unknown_id_lose_it_together(shop: Path, cfpy: Any) -> None:
    path = config(shop)
    foreign = "ab" * 16
    text = path.read_text().replace("CACHE", "COPY")
    both = [Append(("kv_namespaces",), {"binding": name, "id": foreign}) for name in ("A", "B")]
    path.write_text(edited(path, text, both))
    code, document = cfpy("adopt", shop, "--remove-ids", "--dry-run")
    assert (code, document["data"]["removed_ids"]) == (0, {"A": foreign, "B": foreign})
    assert foreign not in document["data"]["files"][path.name]


LAYOUTS = [
    *(("wrangler.toml", "everything at once"), ("wrangler.jsonc", "everything at once")),
    *(("wrangler.jsonc", "commas first"), ("wrangler.jsonc", "brackets together")),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=ids)
def test_nothing_is_left_to_do_in_any_layout(
    layout: tuple[str, str], tmp_path: Path, cfpy: Any, api: CloudflareApi
) -> None:
    path = tmp_path / layout[0]
    needed = [Put(("compatibility_date",), "2026-11-01"), Put(("main",), "index.js")]
    path.write_text(edited(path, ALL[layout], needed), "utf-8")
    (tmp_path / "index.js").write_text(CODE)
    _, document = cfpy("plan", tmp_path)
    assert document["ok"], document
    for action in document["data"]["actions"]:
        name = action["name"]
        match action["kind"]:
            case "d1":
                api.add_database(name)
            case "kv":
                api.namespaces[name] = f"a{len(api.namespaces)}".ljust(32, "b")
            case "r2":
                api.buckets.append(name)
                api.jurisdictions["r2", name] = "eu"
            case "queue":
                api.queues[name] = f"q{len(api.queues)}"
    code, document = cfpy("adopt", tmp_path)
    assert (code, document["data"]["missing"]) == (0, []), document
    assert document["data"]["resources"]
    _, document = cfpy("plan", tmp_path)
    # What only a deployment sets is not adopted.
    assert {i["do"] for i in document["data"]["actions"]} <= {"keep", "deploy"}, document
    assert api.mutations == []


WHOLE = """\
{
  // Ours since 2024.
  "name": "shop",
  "main": "src/index.js",
  "compatibility_date": "2026-11-01",
  "assets": { "directory": "./public", "binding": "ASSETS" },
  "d1_databases": [{ "binding": "DB", "database_name": "orders" }], // the orders
  "kv_namespaces": [
    { "binding": "CACHE" },
  ],
  "r2_buckets": [{ "binding": "FILES", "bucket_name": "files" }],
  "vectorize": [{ "binding": "DOCS", "index_name": "docs" }],
  "queues": {
    "producers": [{ "binding": "JOBS", "queue": "jobs" }],
    "consumers": [{ "queue": "jobs", "dead_letter_queue": "dead", "max_retries": 3 }],
  },
  "durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room" }] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }],
  "services": [{ "binding": "AUTH", "service": "auth" }],
  "triggers": { "crons": ["0 3 * * *"] },
  "env": {
    "staging": {
      "name": "shop-staging",
      "d1_databases": [{ "binding": "DB", "database_name": "orders-staging" }],
      "kv_namespaces": [{ "binding": "CACHE" }],
      "vectorize": [{ "binding": "DOCS", "index_name": "docs-staging" }],
      "queues": { "producers": [{ "binding": "JOBS", "queue": "jobs-staging" }] },
      "durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room" }] },
    },
  },
}
"""


@pytest.fixture
def whole(tmp_path: Path, api: CloudflareApi) -> Path:
    """A project with one of each kind, in two environments that are live."""
    (tmp_path / "wrangler.jsonc").write_text(WHOLE)
    for number, suffix in enumerate(["", "-staging"]):
        api.add_database(f"orders{suffix}")
        api.namespaces[f"shop{suffix}-cache"] = f"{number}123456789abcdef0123456789abcdef"
        api.queues[f"jobs{suffix}"] = f"{number}edcba9876543210fedcba9876543210"
        api.add_index(f"docs{suffix}", 384, "euclidean", lang="string", year="number")
    api.buckets.append("files")
    api.queues["dead"] = "d" * 32
    api.scripts |= {"shop": ["BOTH", "LIVE"], "shop-staging": ["BOTH", "TEST"]}
    api.zones.schedules |= {name: ["0 3 * * *"] for name in ("shop", "shop-staging")}
    return tmp_path


def test_a_whole_project_with_two_environments(whole: Path, cfpy: Any, api: CloudflareApi) -> None:
    before = contents(whole)
    options = {"": [], "staging": ["--env", "staging"]}
    assert cfpy("adopt", whole, "--dry-run")[0] == 0
    assert contents(whole) == before
    assert not (whole / ".wrangler").exists()
    for arguments in options.values():
        code, document = cfpy("adopt", whole, *arguments)
        assert (code, document["data"]["missing"]) == (0, []), document
    text = (whole / "wrangler.jsonc").read_text()
    assert text.count('"id": ') == text.count('"database_id": ') == 2
    assert [line for line in text.splitlines() if "orders" not in line and "CACHE" not in line] == [
        line for line in WHOLE.splitlines() if "orders" not in line and "CACHE" not in line
    ]
    found = tomllib.loads((whole / "cfpy.toml").read_text())["secrets"]
    assert {secret["name"]: secret["environments"] for secret in found} == {
        "BOTH": ["", "staging"],
        "LIVE": [""],
        "TEST": ["staging"],
    }
    for name, arguments in options.items():
        code, document = cfpy("plan", whole, *arguments)
        assert code == 0, document
        assert {action["do"] for action in document["data"]["actions"]} == {"keep"}
        worker = "-".join(filter(None, ["shop", name]))
        code, document = cfpy(
            "destroy", whole, "--yes", "--confirm", worker, "--delete-data", *arguments
        )
        assert (code, document["data"]["changes"]) == (0, 0), document
    assert api.mutations == []


D1_NAME = '"binding": "DB", "database_name": "orders" }]'
REFUSED = {
    "an id that does not exist": (
        WHOLE.replace(
            D1_NAME, f'"database_id": "{"0" * 7}1-1111-2222-3333-444444444444", {D1_NAME}'
        ),
        "",
        (7, "which the account does not have"),
    ),
    "another account": (
        WHOLE.replace('"main"', f'"account_id": "{"f" * 32}",\n  "main"', 1),
        "",
        (6, "accounts/ffffffff"),
    ),
    "other dimensions": (
        WHOLE,
        '[[vectorize]]\nindex_name = "docs"\ndimensions = 768\nmetric = "cosine"\n',
        (7, "the account has 384 dimensions, euclidean; cfpy.toml wants 768, cosine"),
    ),
    "a broken cfpy.toml": (WHOLE, "[[vectorize]\n", (8, "cfpy.toml:1:13")),
    "secrets for nobody": (
        WHOLE,
        '[[secrets]]\nname = "A"\nenvironments = "staging"\n',
        (8, "`environments` of the secret 'A' is not a list of strings"),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_changes_nothing(
    case: str, whole: Path, cfpy: Any, api: CloudflareApi
) -> None:
    text, settings, (code, said) = REFUSED[case]
    (whole / "wrangler.jsonc").write_text(text)
    if settings:
        (whole / "cfpy.toml").write_text(settings)
    before = contents(whole)
    found, document = cfpy("adopt", whole)
    assert (found, said in document["error"]["message"]) == (code, True), document
    assert contents(whole) == before
    assert api.mutations == []


@pytest.mark.parametrize("name", ["wrangler.jsonc", "cfpy.toml", "cfpy.state.json"])
def test_a_file_that_is_read_only_changes_nothing(name: str, whole: Path, cfpy: Any) -> None:
    path = whole / name
    if not path.exists():
        path.write_text(
            '{"record_version": 2, "environments": {}}' if "json" in name else "# mine\n"
        )
    path.chmod(0o444)
    before = contents(whole)
    code, document = cfpy("adopt", whole)
    assert (code, f"can't write {path}" in document["error"]["message"]) == (10, True), document
    assert contents(whole) == before

"""From nothing to a live application and back, with the real cfpy and the real wrangler."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloudflare_data import Stored
from contract import check, shape

from cfpy.account.preview_note import Note
from cfpy.bindings.previews import preview_worker
from cloudflare_api import CloudflareApi

Make = Callable[[str], Path]
CANARY = "canary-7f3a9c21"
SECRETS = {"API_TOKEN": CANARY, "API_TOKENS": f"me:{CANARY}", "WEBHOOK_SECRET": CANARY * 2}
ALL = ("--yes", "--confirm", "shop")


def everything(api: CloudflareApi) -> list[Any]:
    """What the account holds."""
    kinds = [api.databases, api.namespaces, api.buckets, api.queues, api.consumers]
    return [name for kind in [*kinds, api.indexes, api.scripts] for name in kind]


# rag goes all the way by `up`, below.
@pytest.mark.parametrize("pattern", ["pipeline", pytest.param("fullstack", marks=pytest.mark.slow)])
def test_all_the_way_up_and_down(
    pattern: str, ready: Make, cfpy: Any, api: CloudflareApi, worker: Callable[[int], str]
) -> None:
    project = ready(pattern)
    before = (project / "wrangler.toml").read_bytes()
    assert cfpy("plan", project)[0] == 1
    code, document = cfpy("provision", project, "--yes", **SECRETS)
    assert code == 0, document
    complete(cfpy, project, api)
    only_ids_were_added(before.decode(), (project / "wrangler.toml").read_text())
    assert CANARY in next(iter(api.values.values()))
    assert CANARY not in str(document)
    code, document = cfpy("deploy", project, "--yes", "--url", worker(200))
    assert code == 0, document
    version = document["data"]["deployment"]["version_id"]

    code, document = cfpy("status", project)
    status = document["data"]
    assert (code, status["live_version"]) == (0, version)
    assert {item["state"] for item in status["resources"]} == {"there"}
    assert (status["pending_migrations"], status["drift"]) == ({}, [])
    assert cfpy("plan", project)[0] == 0
    found = [path for path in project.rglob("*") if path.is_file()]
    assert not [path for path in found if CANARY.encode() in path.read_bytes()]

    api.mutations.clear()
    code, document = cfpy("destroy", project, *ALL, "--delete-data")
    assert code == 0, document
    assert everything(api) == []
    went_in_the_order_that_the_platform_needs(api.mutations)
    assert (project / "wrangler.toml").read_bytes() == before
    assert not (project / "cfpy.state.json").exists()
    assert cfpy("plan", project)[0] == 1


def complete(cfpy: Any, project: Path, api: CloudflareApi) -> None:
    """The account has everything once, and a further run changes nothing."""
    code, document = cfpy("plan", project)
    assert (code, document["data"]["changes"]) == (0, 0)
    before = len(api.mutations)
    code, document = cfpy("provision", project, "--yes", **SECRETS)
    assert (code, document["data"]["changes"], len(api.mutations)) == (0, 0, before)
    assert all(name.startswith("shop") for name in [*api.databases, *api.queues, *api.buckets])


def only_ids_were_added(before: str, after: str) -> None:
    tomllib.loads(after)
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert all(re.fullmatch(r'(database_)?id = "[0-9a-z-]+"', line) for line in added)
    assert [line for line in after.splitlines() if line not in added] == before.splitlines()


def went_in_the_order_that_the_platform_needs(mutations: list[str]) -> None:
    order = ["consumer", "workers", "queues", "vectorize", "d1", "storage", "r2"]
    kinds = []
    for mutation in mutations:
        method, path = mutation.split()
        assert method == "DELETE"
        kinds.append("consumer" if "/consumers/" in path else path.split("/")[2])
    assert list(dict.fromkeys(kinds)) == [kind for kind in order if kind in kinds]


def test_the_shape_of_json_is_pinned(
    live: Path,
    cfpy: Any,
    api: CloudflareApi,
    worker: Callable[[int], str],
    request: pytest.FixtureRequest,
) -> None:
    preview = preview_worker("shop", "x")
    note = Note("x", "shop", preview, created="2026-11-01T00:00:00+00:00", owned=("r2:shop-x",))
    api.scripts[note.keeper] = []
    api.bindings[note.keeper] = [
        {"name": name, "type": "plain_text", "text": text}
        for name, text in note.variables().items()
    ]
    shapes = {}
    for command, *options in (
        ("doctor",),
        ("plan",),
        ("adopt", "--dry-run"),
        ("provision", "--dry-run"),
        ("deploy", "--yes", "--url", worker(200)),
        ("status",),
        ("up", "--yes", "--url", worker(200)),
        ("destroy", "--dry-run", "--delete-data"),
        ("preview", "up", "x", "--dry-run"),
        ("preview", "list"),
        ("preview", "down", "x", "--dry-run"),
    ):
        code, document = cfpy(command, live, *options)
        assert (code, document["ok"]) == (0, True), document
        shapes[document["command"]] = shape(document["data"])
    text = json.dumps(shapes, indent=2, sort_keys=True) + "\n"
    check("account.json", text, request)


def test_a_dry_run_of_up_changes_nothing(ready: Make, cfpy: Any, api: CloudflareApi) -> None:
    project = ready("rag")
    code, document = cfpy("up", project, "--dry-run")
    assert (code, document["data"]["deployment"], api.mutations) == (0, None, [])
    assert not (project / "cfpy.state.json").exists()


def actions(document: dict[str, Any]) -> dict[str, str]:
    return {action["key"]: action["do"] for action in document["data"]["actions"]}


def test_data_stays_unless_it_is_given_up_and_what_no_project_names_always(
    live: Path, cfpy: Any, api: CloudflareApi
) -> None:
    api.add_database("other-db")
    api.buckets.append("other-files")
    api.scripts["other"] = []
    code, document = cfpy("destroy", live, *ALL)
    assert code == 0
    assert actions(document) == {
        "queue_consumer:shop-jobs": "delete",
        "queue_consumer:shop-jobs-dead-letters": "delete",
        "worker:shop": "delete",
        "queue:shop-jobs": "keep",
        "queue:shop-jobs-dead-letters": "keep",
        "d1:shop-db": "keep",
        "r2:shop-files": "keep",
    }
    assert (list(api.scripts), list(api.databases)) == (["other"], ["shop-db", "other-db"])
    # It is known still what cfpy made: the rest can follow.
    assert cfpy("destroy", live, *ALL, "--delete-data")[0] == 0
    assert everything(api) == ["other-db", "other-files", "other"]


@pytest.mark.slow
def test_a_bucket_with_objects_is_reported_and_kept(
    live: Path, cfpy: Any, api: CloudflareApi
) -> None:
    api.full = {"shop-files"}
    api.data.objects["shop-files"] = {"a": Stored(b"x")}
    code, document = cfpy("destroy", live, "--dry-run", "--delete-data")
    said = "the bucket shop-files is not empty: it stays until you empty it"
    assert (code, said in document["data"]["notices"]) == (0, True), document
    code, document = cfpy("destroy", live, *ALL, "--delete-data")
    assert (code, document["error"]["code"]) == (7, "plan_conflict")
    assert "shop-files" in document["error"]["message"]
    assert everything(api) == ["shop-files"]
    api.full = set()
    api.data.objects["shop-files"] = {}
    assert cfpy("destroy", live, *ALL, "--delete-data")[0] == 0
    assert everything(api) == []


@pytest.mark.slow
def test_up_is_all_of_it_in_one_and_what_it_adopted_goes_only_by_name(
    ready: Make, cfpy: Any, api: CloudflareApi, worker: Callable[[int], str]
) -> None:
    api.add_database("shop-db")
    project = ready("rag")
    before = (project / "wrangler.toml").read_bytes()
    code, document = cfpy("up", project, "--yes", "--url", worker(200), **SECRETS)
    assert code == 0, document
    assert document["data"]["deployment"]["version_id"] == api.live["shop"]
    only_ids_were_added(before.decode(), (project / "wrangler.toml").read_text())
    complete(cfpy, project, api)
    code, document = cfpy("status", project)
    assert {item["state"] for item in document["data"]["resources"]} == {"there"}
    api.mutations.clear()
    code, document = cfpy("destroy", project, *ALL, "--delete-data")
    assert (code, actions(document)["d1:shop-db"]) == (0, "keep")
    went_in_the_order_that_the_platform_needs(api.mutations)
    assert everything(api) == ["shop-db"]
    code, document = cfpy("destroy", project, *ALL, "--delete-data", "--include", "d1:other")
    assert (code, document["error"]["code"]) == (2, "usage")
    assert cfpy("destroy", project, *ALL, "--delete-data", "--include", "d1:shop-db")[0] == 0
    assert everything(api) == []


def test_a_worker_that_others_need_stays(live: Path, cfpy: Any, api: CloudflareApi) -> None:
    """Where it can't ask, wrangler would delete it, and break them."""
    api.needed = {"shop"}
    api.mutations.clear()
    code, document = cfpy("destroy", live, *ALL)
    assert (code, document["error"]["code"]) == (7, "plan_conflict")
    assert "other" in document["error"]["message"]
    assert api.mutations == []


@pytest.mark.parametrize(
    "arguments",
    [("--yes",), ("--yes", "--confirm", "shop-staging"), ("--confirm", "shop")],
)
def test_a_teardown_has_to_be_confirmed_by_name(
    arguments: tuple[str, ...], live: Path, cfpy: Any, api: CloudflareApi
) -> None:
    api.mutations.clear()
    code, document = cfpy("destroy", live, *arguments)
    assert (code, document["error"]["code"]) == (2, "usage")
    assert api.mutations == []


def test_a_dry_run_deletes_nothing(live: Path, cfpy: Any, api: CloudflareApi) -> None:
    api.mutations.clear()
    code, document = cfpy("destroy", live, "--delete-data", "--dry-run")
    assert (code, api.mutations) == (0, [])
    assert set(actions(document).values()) == {"delete"}


def test_drift_is_told(live: Path, cfpy: Any, api: CloudflareApi) -> None:
    [database] = [item for item in api.bindings["shop"] if item["type"] == "d1"]
    database["id"] = "another"
    (live / "migrations" / "0002_more.sql").write_text("CREATE TABLE more (id INTEGER);\n")
    api.queues.pop("shop-jobs-dead-letters")
    code, document = cfpy("status", live)
    status = document["data"]
    assert code == 0
    assert "the live version d1 another" in " ".join(status["drift"])
    assert status["pending_migrations"] == {"shop-db": ["0002_more.sql"]}
    states = {item["key"]: item["state"] for item in status["resources"]}
    assert states["queue:shop-jobs-dead-letters"] == "missing"
    assert states["queue:shop-jobs"] == "there"


def test_bucket_rules_are_as_cfpy_toml_has_them(live: Path, cfpy: Any, api: CloudflareApi) -> None:
    (live / "cfpy.toml").write_text(
        (live / "cfpy.toml").read_text()
        + '\n[[r2]]\nbucket_name = "shop-files"\n'
        + '[[r2.cors]]\norigins = ["https://a.example"]\nmethods = ["GET"]\n'
        + '[[r2.lifecycle]]\nid = "tmp"\nprefix = "tmp/"\ndelete_after_days = 2\n'
    )
    code, document = cfpy("plan", live)
    assert code == 1
    changes = [key for key, do in actions(document).items() if do == "update"]
    assert changes == ["r2_cors:shop-files", "r2_lifecycle:shop-files"]
    assert cfpy("provision", live, "--yes", **SECRETS)[0] == 0
    allowed = {"origins": ["https://a.example"], "methods": ["GET"]}
    assert api.rules["cors"]["shop-files"] == [{"allowed": allowed}]
    ids = [rule["id"] for rule in api.rules["lifecycle"]["shop-files"]]
    assert ids == ["Default Multipart Abort Rule", "tmp"]
    assert cfpy("plan", live)[0] == 0


@pytest.mark.slow
def test_an_environment_has_everything_of_its_own(
    live: Path, cfpy: Any, api: CloudflareApi, worker: Callable[[int], str]
) -> None:
    above = (live / "wrangler.toml").read_bytes()
    code, document = cfpy("env", live, "add", "staging")
    assert code == 0, document
    assert (live / "wrangler.toml").read_bytes().startswith(above)
    code, document = cfpy("env", live, "list")
    [top, staging] = document["data"]["environments"]
    assert staging["worker"] == "shop-staging"
    for kind in ("d1", "r2", "queues"):
        assert len(staging[kind]) == len(top[kind])
        assert not set(staging[kind]) & set(top[kind])
    before = everything(api)
    code, document = cfpy("up", live, "--yes", "--env", "staging", "--url", worker(200), **SECRETS)
    assert code == 0, document
    assert cfpy("plan", live, "--env", "staging")[0] == 0
    code, document = cfpy("status", live, "--env", "staging")
    assert (document["data"]["drift"], document["data"]["live_version"]) == (
        [],
        api.live["shop-staging"],
    )
    # Taking it down leaves production as it was.
    code, document = cfpy(
        "destroy", live, "--env", "staging", "--yes", "--confirm", "shop-staging", "--delete-data"
    )
    assert code == 0, document
    assert everything(api) == before
    assert cfpy("plan", live)[0] == 0


def test_secrets_come_by_standard_input(make: Make, cfpy: Any, api: CloudflareApi) -> None:
    project = make("rag")
    given = json.dumps({"API_TOKEN": "from-stdin"})
    code, document = cfpy("provision", project, "--yes", "--secrets-file", "-", stdin=given)
    assert code == 0, document
    assert api.values["API_TOKEN"] == "from-stdin"


@pytest.mark.parametrize("text", ["no secrets", '{"API_TOKEN": "sec'])
def test_other_input_is_no_secrets_and_is_not_quoted(
    text: str, make: Make, cfpy: Any, api: CloudflareApi
) -> None:
    project = make("rag")
    code, document = cfpy("provision", project, "--yes", "--secrets-file", "-", stdin=text)
    assert (code, document["error"]["code"]) == (2, "usage")
    assert 'sec"' not in str(document)
    assert api.mutations == []


@pytest.mark.parametrize(
    ("kind", "permission"),
    [("d1", "D1: Edit"), ("r2", "Workers R2 Storage: Edit")],
)
def test_a_permission_that_lacks_is_named(
    kind: str, permission: str, make: Make, cfpy: Any, api: CloudflareApi
) -> None:
    api.read_only = {kind}
    code, document = cfpy("provision", make("pipeline"), "--yes", **SECRETS)
    assert (code, document["error"]["code"]) == (5, "not_authenticated")
    assert permission in document["error"]["hint"]


def test_the_doctor_says_what_to_mend(make: Make, cfpy: Any, api: CloudflareApi) -> None:
    project = make("rag")
    code, document = cfpy("doctor", project)
    checks = {check["name"]: check for check in document["data"]["checks"]}
    assert (code, {check["state"] for check in checks.values()}) == (0, {"ok"})
    assert "not deployed" in checks["login"]["message"]
    (project / "src" / "old.py").write_text('MODEL = "@cf/meta/llama-3-8b-instruct"\n')
    config = project / "wrangler.toml"
    config.write_text(config.read_text().replace('binding = "DB"', 'binding = "MY DB"'))
    api.forbidden = {"workers"}
    code, document = cfpy("doctor", project)
    checks = {check["name"]: check for check in document["data"]["checks"]}
    assert code == 1
    assert "src/old.py" in checks["models"]["message"]
    assert "'MY DB'" in checks["configuration"]["message"]
    assert "Workers Scripts: Edit" in checks["login"]["fix"]

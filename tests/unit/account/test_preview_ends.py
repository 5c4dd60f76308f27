"""Which previews end, and which an account keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from cfpy.account.destroy import DestroyRequest
from cfpy.account.destroy import run as destroy
from cfpy.account.preview_down import DownRequest, Which, previews, run
from cfpy.cli.app import app
from cfpy.cli.commands.preview_down import DownView
from cfpy.cli.console import Output
from cfpy.errors import PlanConflictError, WranglerError
from cloudflare_api import ACCOUNT, CloudflareApi
from preview_stage import CONFIG, NAME, NOW, Stage

WORKER = "shop-preview-feature-a-d25eb0"
Start = Callable[[], Stage]


def names(found: Any) -> list[str]:
    return [item.note.name for item in found]


def listed(stage: Stage, now: datetime = NOW) -> Any:
    return previews(stage.context(), stage.root, None, now)


def worker_of(stage: Stage, name: str) -> str:
    [worker] = [item.note.worker for item in listed(stage) if item.note.name == name]
    return str(worker)


def fill(stage: Stage, name: str) -> None:
    """More objects in a preview's bucket than cfpy deletes."""
    files = f"{worker_of(stage, name)}-files"
    stage.api.objects[files] = [str(number) for number in range(201)]


def need(stage: Stage, name: str) -> None:
    """Another Worker calls a preview's."""
    stage.api.needed.add(worker_of(stage, name))


ODD_KEYS = {
    "a bucket of others": "../../shop-files/objects/keep.txt",
    "a Worker": "../../../../workers/services/shop",
    "a database": f"../../../../d1/database/{CloudflareApi.database_id('shop-db')}",
    "written dots": "%2e%2e/%2E./shop-files/objects/keep.txt",
    "backslashes": "..\\..\\shop-files\\objects\\keep.txt",
    "written slashes": "a/..%2F..%2F..%2Fshop-files/objects/keep.txt",
    "written backslashes": "..%5C..%5Cshop-files%5Cobjects%5Ckeep.txt",
    "dots inside": "a/./b",
    "dots at the end": "a/..",
}


@pytest.mark.parametrize("key", ODD_KEYS.values(), ids=ODD_KEYS)
def test_the_key_of_an_object_reaches_nothing_else(key: str, stage: Start) -> None:
    here = stage()
    here.api.objects["shop-files"] = ["keep.txt"]
    here.up()
    files = f"{WORKER}-files"
    here.api.objects[files] = ["a", key]
    before = here.outcome()
    here.tools.mutations.clear()
    with pytest.raises(PlanConflictError, match=r"with \. or \.\. as a part of the key") as raised:
        here.down()
    # Who uses the preview may have chosen it: it must be possible to find it.
    assert key in raised.value.message
    assert "Delete them in the dashboard" in raised.value.hint
    assert (here.tools.mutations, here.outcome()) == ([], before)
    assert here.api.objects == {"shop-files": ["keep.txt"], files: ["a", key]}
    here.api.objects[files].remove(key)
    here.down()
    assert here.outcome() == here.others


def test_each_object_is_deleted_by_its_own_key(stage: Start) -> None:
    here = stage()
    keys = ["a b?x#y%2e", "a%20b", "/a", "a//b", "a/", "...", "a/..b", "ä\t\n", "-x", "--help", "%"]
    here.api.objects["shop-files"] = [*keys, "a", "a b"]
    here.up()
    here.api.objects[f"{WORKER}-files"] = list(keys)
    here.down()
    assert here.outcome() == here.others
    assert here.api.objects["shop-files"] == [*keys, "a", "a b"]


@pytest.mark.parametrize(
    ("hinder", "why"), [(fill, "more than 200 objects"), (need, "is used by other")]
)
def test_a_preview_that_cannot_be_deleted_does_not_keep_the_others(
    hinder: Callable[[Stage, str], None],
    why: str,
    stage: Start,
    capsys: pytest.CaptureFixture[str],
) -> None:
    here = stage()
    later = NOW + timedelta(days=7)
    here.up("aa")
    before = here.outcome()
    here.up("bb")
    hinder(here, "aa")
    request = DownRequest(here.root, Which.EXPIRED, dry_run=True)
    shown = run(here.context(), request, lambda _: True, lambda _: None, later)
    DownView(Output(), "preview prune", yes=True, dry_run=True).show(shown)
    assert [why in text for text in capsys.readouterr().out.split("\nbb: expired")] == [True, False]
    with pytest.raises(PlanConflictError, match=why) as caught:
        here.down(which=Which.EXPIRED, now=later)
    assert caught.value.hint.endswith(". All other previews were deleted.")
    assert "Nothing was" not in caught.value.hint
    assert here.outcome() == before
    # What is not asked, because nothing can be deleted, is not confirmed either.
    with pytest.raises(PlanConflictError, match=why):
        run(here.context(), DownRequest(here.root, Which.NAMED, "aa"), lambda _: 1 / 0, print)


def test_a_preview_whose_deletion_fails_does_not_keep_the_others(stage: Start) -> None:
    here = stage()
    later = NOW + timedelta(days=7)
    for name in ("aa", "bb", "cc"):
        here.up(name)
    here.tools.refused = {f"r2/buckets/{worker_of(here, name)}-files" for name in ("aa", "cc")}
    with pytest.raises(WranglerError) as caught:
        here.down(which=Which.EXPIRED, now=later)
    assert [said.split(":")[0] for said in caught.value.message.split("; ")] == ["aa", "cc"]
    assert "All other previews were deleted" in caught.value.hint
    assert names(listed(here)) == ["aa", "cc"]
    here.tools.refused = set()
    here.down(which=Which.EXPIRED, now=later)
    assert here.outcome() == here.others


def provisioned(stage: Stage) -> None:
    """As after `cfpy up`: the record has the Worker."""
    created = {"worker:shop": "shop"}
    record = {
        "record_version": 2,
        "environments": {"": {"account_id": ACCOUNT, "created": created}},
    }
    (stage.root / "cfpy.state.json").write_text(json.dumps(record))


def rename(stage: Stage) -> None:
    (stage.root / "wrangler.toml").write_text(CONFIG.replace('name = "shop"', 'name = "store"'))


def test_previews_of_a_worker_that_was_renamed_are_not_lost(
    stage: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = stage()
    provisioned(here)
    here.up()
    rename(here)
    here.up()
    monkeypatch.setattr("cfpy.tools.context.build_context", lambda *_given: here.context())
    done = CliRunner().invoke(app, ["preview", "list", "--cwd", str(here.root)])
    assert done.exit_code == 0
    assert {WORKER, NAME} <= set(done.stdout.split())
    # The name means the preview of now; that of before has its Worker's name.
    here.down()
    assert [item.note.base for item in listed(here)] == ["shop"]
    assert here.down() == ()
    assert len(here.down(WORKER)) == 1
    assert here.outcome() == here.others


@pytest.mark.parametrize(("theirs", "goes"), [("me", True), ("others", False)])
def test_merged_previews_of_an_earlier_name(theirs: str, goes: bool, stage: Start) -> None:
    """They may be another project's, of which this one has a copy of the record."""
    here = stage()
    provisioned(here)
    here.tools.git = git = {
        "symbolic-ref --short --quiet HEAD": "topic",
        "rev-parse --verify --quiet HEAD": "c1",
        "remote": "origin",
        "remote get-url origin": "git@example.com:me/shop.git",
    }
    here.up("")
    rename(here)
    here.tools.git = {**git, "remote get-url origin": f"git@example.com:{theirs}/shop.git"}
    here.tools.git |= {"ls-remote --symref origin HEAD refs/heads/*": "m\trefs/heads/main"}
    here.tools.git |= {"merge-base --is-ancestor c1 m": ""}
    assert names(here.down(which=Which.MERGED)) == (["topic"] if goes else [])


def test_an_earlier_name_does_not_keep_previews_for_ever(stage: Start) -> None:
    here = stage()
    provisioned(here)
    here.up()
    rename(here)
    assert names(here.down(which=Which.EXPIRED, now=NOW + timedelta(days=7))) == [NAME]


def test_destroy_names_the_previews_that_stay(stage: Start) -> None:
    here = stage()
    provisioned(here)
    here.up("aa")
    here.up("bb")
    (here.root / "wrangler.toml").write_text('name = "shop"\nmain = "src/index.js"\n')
    request = DestroyRequest(here.root, "", False, frozenset(), True)
    plan = destroy(here.context(), request, lambda _: True, lambda _: None)
    assert [notice.split(" stays")[0] for notice in plan.notices if "preview down" in notice] == [
        "the preview aa of shop",
        "the preview bb of shop",
    ]

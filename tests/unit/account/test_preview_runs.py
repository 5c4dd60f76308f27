"""What previews do to an account, and what they leave as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import cfpy.account.preview_keeper as preview_keeper
from cfpy.account.preview_down import DownRequest, Which, previews, run
from cfpy.account.preview_keeper import delete_note
from cfpy.account.preview_note import Note, parse_note
from cfpy.account.session import Session
from cfpy.cli.commands.preview_down import DownView
from cfpy.cli.console import Output
from cfpy.errors import DeploymentError, PlanConflictError, UsageError, WranglerError
from preview_account import Fault
from preview_stage import CONFIG, NAME, NOW, Stage

WORKER = "shop-preview-feature-a-d25eb0"
Start = Callable[[], Stage]


def rows(stage: Stage, database: str) -> list[Any]:
    return stage.api.databases[database].execute("SELECT id FROM notes").fetchall()


def names(found: Any) -> list[str]:
    return [item.note.name for item in found]


def listed(stage: Stage, now: datetime = NOW) -> Any:
    return previews(stage.context(), stage.root, None, now)


def test_no_file_of_the_project_changes(stage: Start) -> None:
    here = stage()
    before = {path: path.read_bytes() for path in here.root.iterdir() if path.is_file()}
    result = here.up()
    assert result.deployed.url == f"https://{WORKER}.test.dev"
    here.down()
    assert {path: path.read_bytes() for path in here.root.iterdir() if path.is_file()} == before


def test_what_a_killed_run_left_in_the_project_is_replaced(stage: Start) -> None:
    here = stage()
    left = here.root / ".cfpy-preview.json"
    left.write_text('{"name": "another"')
    here.up()
    assert not left.exists()
    assert WORKER in here.api.scripts


def test_a_dry_run_changes_nothing(stage: Start) -> None:
    here = stage()
    files = sorted(here.root.rglob("*"))
    result = here.up(dry_run=True, seed=str(here.root / "seed.sql"))
    assert (result.deployed, here.tools.mutations) == (None, [])
    assert f"d1:{WORKER}-db" in [action.key for action in result.plan.actions]
    assert sorted(here.root.rglob("*")) == files


def test_two_branches_are_apart(stage: Start) -> None:
    here = stage()
    here.up("feature/A")
    one = here.outcome()
    here.up("feature-a")
    assert names(listed(here)) == ["feature-a", "feature/A"]
    here.down("feature-a")
    assert here.outcome() == one
    here.down("feature/A")
    assert here.outcome() == here.others


def test_two_people_at_once_leave_nothing_that_no_note_has(
    stage: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reads the note before the other one writes; their files bind other things."""
    here = stage()
    write, turns = preview_keeper.write_note, ["theirs"]

    def meanwhile(session: Session, note: Note) -> None:
        write(session, note)
        while turns:
            turns.pop()
            write(session, replace(note, owned=(*note.owned[1:], "kv:theirs")))

    monkeypatch.setattr(preview_keeper, "write_note", meanwhile)
    here.up()
    [found] = listed(here)
    assert {"kv:theirs", f"d1:{WORKER}-db", f"kv:{WORKER}-cache"} <= set(found.note.owned)
    here.down()
    assert here.outcome() == here.others


def test_a_preview_that_somebody_deletes_meanwhile_has_a_note_again(
    stage: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stage()
    write, turns = preview_keeper.write_note, ["deleted"]

    def meanwhile(session: Session, note: Note) -> None:
        write(session, note)
        while turns:
            turns.pop()
            delete_note(session, note)

    monkeypatch.setattr(preview_keeper, "write_note", meanwhile)
    here.up()
    assert names(listed(here)) == [NAME]
    here.down()
    assert here.outcome() == here.others


def test_another_machine_goes_on(stage: Start) -> None:
    """It has the project's files, and nothing that an earlier run left."""
    here = stage()
    here.up()
    wanted = here.outcome()
    here.tools.mutations.clear()
    here.up()
    changed = [item.split("/")[0] for item in here.tools.mutations]
    # The note, the code, and the queue's consumer as it is.
    assert changed == ["PUT workers", "PUT workers", "PUT queues"]
    assert here.outcome() == wanted


def test_what_the_branch_no_longer_names_goes_with_the_preview(stage: Start) -> None:
    here = stage()
    here.up()
    config = CONFIG.replace("shop-files", "shop-uploads").replace("CACHE", "SESSIONS")
    (here.root / "wrangler.toml").write_text(config)
    result = here.up()
    assert result.plan.notices == ()
    assert {f"{WORKER}-files", f"{WORKER}-uploads"} <= set(here.api.buckets)
    (here.root / "wrangler.toml").write_text('name = "shop"\nmain = "src/index.js"\n')
    here.down()
    assert here.outcome() == here.others


@pytest.mark.parametrize("what", ["database", "namespace", "bucket", "queue", "index", "worker"])
def test_what_somebody_else_has_is_not_used(what: str, stage: Start) -> None:
    here = stage()
    match what:
        case "database":
            here.api.add_database(f"{WORKER}-db")
        case "namespace":
            here.api.namespaces[f"{WORKER}-cache"] = "1" * 32
        case "bucket":
            here.api.buckets.append(f"{WORKER}-files")
        case "queue":
            here.api.queues[f"{WORKER}-jobs"] = "q9"
        case "index":
            here.api.add_index(f"{WORKER}-index", 8, "cosine", lang="string")
        case _:
            here.api.scripts[WORKER] = []
    before = here.outcome()
    with pytest.raises(PlanConflictError, match=r"did not create|not a preview"):
        here.up()
    assert here.tools.mutations == []
    here.down()
    assert here.outcome() == before


def test_what_another_worker_uses_is_kept_with_the_note(stage: Start) -> None:
    here = stage()
    here.up()
    here.api.bindings["shop"] = [
        {"name": "F", "type": "r2_bucket", "bucket_name": f"{WORKER}-files"}
    ]
    with pytest.raises(PlanConflictError, match=f"r2:{WORKER}-files .also used by the Worker shop"):
        here.down()
    assert f"{WORKER}-files" in here.api.buckets
    assert WORKER not in here.api.scripts
    [left] = listed(here)
    assert (left.note.name, left.live) == ("feature/A", False)
    del here.api.bindings["shop"]
    here.down()
    assert here.outcome() == here.others


def test_a_bucket_with_too_many_objects_stops_it_before_anything_is_deleted(stage: Start) -> None:
    here = stage()
    here.up()
    before = here.outcome()
    here.api.objects[f"{WORKER}-files"] = [str(number) for number in range(201)]
    with pytest.raises(PlanConflictError, match="more than 200 objects"):
        here.down()
    assert here.outcome() == before


def test_a_preview_that_is_not_deployed_is_not_live(stage: Start) -> None:
    here = stage()
    here.up()
    assert [item.live for item in listed(here)] == [True]
    # As after the first secret: wrangler uploads a stub to keep it.
    del here.api.live[WORKER]
    assert [item.live for item in listed(here)] == [False]


def test_a_seed_runs_once_after_the_migrations(stage: Start) -> None:
    here = stage()
    seed = str(here.root / "seed.sql")
    here.up(seed=seed)
    here.up(seed=f"DB={seed}")
    here.up()
    assert rows(here, f"{WORKER}-db") == [(1,)]
    (here.root / "migrations" / "0002_more.sql").write_text("INSERT INTO notes VALUES (2)")
    here.up(seed=seed)
    assert rows(here, f"{WORKER}-db") == [(1,), (2,)]


def test_a_seed_of_a_preview_that_exists(stage: Start) -> None:
    here = stage()
    here.up()
    here.up(seed=str(here.root / "seed.sql"))
    assert rows(here, f"{WORKER}-db") == [(1,)]


def test_a_wrong_seed_can_be_corrected(stage: Start) -> None:
    here = stage()
    seed = here.root / "seed.sql"
    seed.write_text("INSERT INTO nothing VALUES (1)")
    with pytest.raises(WranglerError, match="nothing"):
        here.up(seed=str(seed))
    seed.write_text("INSERT INTO notes VALUES (7)")
    here.up(seed=str(seed))
    assert rows(here, f"{WORKER}-db") == [(7,)]


@pytest.mark.parametrize("seed", ["missing.sql", "OTHER=seed.sql", "src", "=", "DB="])
def test_a_seed_that_cannot_be_used(seed: str, stage: Start) -> None:
    here = stage()
    with pytest.raises(UsageError) as caught:
        here.up(seed=seed.replace("seed.sql", str(here.root / "seed.sql")))
    assert "Nothing was changed" in caught.value.hint
    assert here.tools.mutations == []


def test_the_time_of_a_preview_starts_again_with_each_run(stage: Start) -> None:
    here = stage()
    here.up("old")
    here.up("kept", ttl=None)
    later = NOW + timedelta(days=6)
    here.up("new", now=NOW)
    here.up("new", now=later)
    assert here.down(which=Which.EXPIRED, now=later) == ()
    assert names(here.down(which=Which.EXPIRED, now=NOW + timedelta(days=7))) == ["old"]
    found = {item.note.name: item.note for item in listed(here)}
    assert sorted(found) == ["kept", "new"]
    assert found["kept"].expires == ""
    assert found["new"].created == NOW.isoformat()
    assert found["new"].expires == (later + timedelta(days=7)).isoformat()


HEAD = {
    "symbolic-ref --short --quiet HEAD": "topic\n",
    "rev-parse --verify --quiet HEAD": "c1",
    "remote": "origin",
    "remote get-url origin": "git@example.com:me/shop.git",
    "ls-remote origin refs/heads/topic": "c1\trefs/heads/topic",
}
MERGED = "merge-base --is-ancestor"


@pytest.mark.parametrize(
    ("heads", "merged", "goes"),
    [
        # Its branch is there, and has commits that main does not have.
        ({"main": "m", "topic": "c1"}, {}, False),
        ({"main": "m", "topic": "c1"}, {f"{MERGED} c1 m": ""}, True),
        # After a force-push, and a merge of what was pushed.
        ({"main": "m", "topic": "c2"}, {f"{MERGED} c1 m": ""}, False),
        ({"main": "m", "topic": "c2"}, {f"{MERGED} c2 m": ""}, True),
        # Deleted, as after a squash, or renamed.
        ({"main": "m"}, {}, True),
        ({"main": "m", "renamed": "c1"}, {}, True),
    ],
)
def test_down_merged(
    heads: dict[str, str], merged: dict[str, str], goes: bool, stage: Start
) -> None:
    here = stage()
    here.tools.git = HEAD
    here.up("")
    here.up("by-hand", now=NOW)
    here.tools.git = {**HEAD, "symbolic-ref --short --quiet HEAD": "main", **merged}
    here.up("")
    lines = ["ref: refs/heads/main\tHEAD", "m\tHEAD"]
    lines += [f"{commit}\trefs/heads/{name}" for name, commit in heads.items()]
    here.tools.git |= {"ls-remote --symref origin HEAD refs/heads/*": "\n".join(lines)}
    gone = here.down(which=Which.MERGED)
    assert names(gone) == (["by-hand", "topic"] if goes else [])
    assert "main" in names(listed(here))


def test_a_branch_that_was_never_pushed_is_not_gone(stage: Start) -> None:
    here = stage()
    """Even if git has noted one of that name, which was deleted at the remote; or if an older one
    is there."""
    asked = "ls-remote origin refs/heads/topic"
    noted = {"rev-parse --verify --quiet refs/remotes/origin/topic": "c0"}
    for answer in ({}, {asked: ""}, {asked: "c0\trefs/heads/topic"}):
        here = stage()
        here.tools.git = {k: text for k, text in HEAD.items() if k != asked} | noted | answer
        assert not here.up("").note.pushed
        here.tools.git |= {"ls-remote --symref origin HEAD refs/heads/*": "m\trefs/heads/main"}
        assert here.down(which=Which.MERGED) == ()


def test_a_branch_is_pushed_if_the_remote_has_its_commit(
    stage: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stage()
    here.tools.git = {**HEAD, "ls-remote origin refs/heads/topic": "c2\trefs/heads/topic"}
    here.tools.git |= {f"{MERGED} c1 c2": ""}
    assert here.up("").note.pushed
    # CI may not be allowed to ask, and has it from the remote.
    here.tools.git = {"symbolic-ref --short --quiet HEAD": "topic"}
    assert not here.up("").note.pushed
    monkeypatch.setenv("GITHUB_REF_NAME", "topic")
    assert here.up("").note.pushed


def test_git_ignores_the_configuration_that_a_killed_run_leaves(stage: Start) -> None:
    here = stage()
    here.tools.git = {"rev-parse --git-path info/exclude": ".git/info/exclude"}
    path = here.root / ".git" / "info" / "exclude"
    here.up("a", dry_run=True)
    assert not path.exists()
    here.up("a")
    assert path.read_text() == ".cfpy-preview.json\n"
    path.write_text("# Mine.\n*.tmp")
    here.up("a")
    here.up("b")
    assert path.read_text() == "# Mine.\n*.tmp\n.cfpy-preview.json\n"
    path.unlink()
    here.tools.git["check-ignore --stdin -z"] = ".cfpy-preview.json\0"
    here.up("a")
    assert not path.exists()


@pytest.mark.parametrize(
    ("theirs", "goes"),
    [
        ("https://token@Example.com/me/shop", True),
        ("ssh://git@example.com:22/me/shop.git/", True),
        ("https://example.com/fork/shop.git", False),
        ("/srv/git/shop.git", False),
    ],
)
def test_only_the_remote_of_a_branch_says_that_it_is_gone(
    theirs: str, goes: bool, stage: Start
) -> None:
    """Who works on a fork pushes there."""
    here = stage()
    here.tools.git = HEAD
    here.up("")
    here.tools.git = {**HEAD, "remote get-url origin": theirs}
    here.tools.git |= {"ls-remote --symref origin HEAD refs/heads/*": "m\trefs/heads/main"}
    assert names(here.down(which=Which.MERGED)) == (["topic"] if goes else [])


def test_a_branch_of_a_fork_is_not_pushed_to_the_remote_of_ci(
    stage: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stage()
    monkeypatch.setenv("GITHUB_HEAD_REF", "topic")
    here.tools.git = {**HEAD, "ls-remote origin refs/heads/topic": ""}
    assert not here.up("").note.pushed


def test_a_tag_is_no_branch(stage: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    here = stage()
    monkeypatch.setenv("GITHUB_REF_TYPE", "tag")
    monkeypatch.setenv("GITHUB_REF_NAME", "v1")
    note = here.up("demo").note
    assert (note.branch, note.pushed) == ("", False)


def test_a_new_branch_is_not_merged(stage: Start) -> None:
    """Its commit is one of main."""
    here = stage()
    here.tools.git = {**HEAD, f"{MERGED} c1 origin/main": "", f"{MERGED} c1 c1": ""}
    here.up("")
    said = "c1\trefs/heads/main\nc1\trefs/heads/topic"
    here.tools.git |= {"ls-remote --symref origin HEAD refs/heads/*": said}
    assert here.down(which=Which.MERGED) == ()


def test_without_a_remote_the_branches_are_those_of_the_repository(stage: Start) -> None:
    here = stage()
    here.tools.git = {"symbolic-ref --short --quiet HEAD": "topic"}
    here.up("")
    where = "for-each-ref --format=%(objectname)\t%(refname) refs/heads/"
    here.tools.git = {where: "m\trefs/heads/main\nc\trefs/heads/topic"}
    assert here.down(which=Which.MERGED) == ()
    here.tools.git = {where: "m\trefs/heads/main\nc\trefs/heads/renamed"}
    assert names(here.down(which=Which.MERGED)) == ["topic"]


def test_a_remote_that_does_not_answer_deletes_nothing(stage: Start) -> None:
    here = stage()
    here.tools.git = HEAD
    here.up("")
    with pytest.raises(UsageError, match="can't list the branches of origin"):
        here.down(which=Which.MERGED)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "origin has no branch"),
        ("c\trefs/heads/other", "origin has no default branch"),
        ("ref: refs/heads/trunk\tHEAD", "origin has no branch"),
    ],
)
def test_a_remote_without_its_default_branch_deletes_nothing(
    said: str, why: str, stage: Start
) -> None:
    """It was moved or made anew: that does not mean that all branches were deleted."""
    here = stage()
    here.tools.git = HEAD
    here.up("")
    before = here.outcome()
    here.tools.git |= {"ls-remote --symref origin HEAD refs/heads/*": said}
    with pytest.raises(UsageError, match=why) as caught:
        here.down(which=Which.MERGED)
    assert "Nothing was deleted" in caught.value.hint
    assert here.outcome() == before


@pytest.mark.parametrize("variable", ["GITHUB_HEAD_REF", "CI_COMMIT_BRANCH", "WORKERS_CI_BRANCH"])
def test_ci_names_the_branch_of_a_detached_head(
    variable: str, stage: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stage()
    with pytest.raises(UsageError, match="on no branch"):
        here.up("")
    with pytest.raises(UsageError, match="on no branch"):
        here.down("")
    monkeypatch.setenv(variable, "feature/A")
    note = here.up("").note
    assert (note.name, note.branch, note.pushed) == ("feature/A", "feature/A", True)
    here.down("")
    assert here.outcome() == here.others


def test_a_note_is_what_was_written() -> None:
    note = Note("x/Y ü", "shop", "w", "staging", "b", "c", True, "r", "2026-01-01T00:00:00+00:00")
    full = Note(**{**vars(note), "owned": ("d1:a", "d1:b", "kv:c", "queue:d")})
    for item in (note, full):
        assert parse_note(item.variables()) == item
    assert all(len(text) < 5_000 for text in full.variables().values())


@pytest.mark.parametrize(
    "about", ["", "{", "[]", "{}", '{"name": 1}', '{"name": "x", "base": "shop", "worker": "w"}']
)
def test_what_is_not_a_note(about: str) -> None:
    assert parse_note({"CFPY_PREVIEW": about}) is None
    assert parse_note({}) is None


def test_a_note_that_was_copied_deletes_nothing(stage: Start) -> None:
    """Somebody's Worker has the variables of another preview's."""
    here = stage()
    here.up()
    [text] = [i["text"] for i in here.api.bindings[f"{WORKER}-note"] if i["name"] == "CFPY_PREVIEW"]
    about = {**json.loads(text), "name": "mine"}
    for number, other in enumerate((text, json.dumps(about))):
        keeper = f"shop-copy-{number}-note"
        here.api.scripts[keeper] = []
        variable = {"name": "CFPY_PREVIEW", "type": "plain_text", "text": other}
        here.api.bindings[keeper] = [variable]
    assert names(listed(here)) == ["feature/A"]


def test_what_is_shared_is_named_before_the_question(stage: Start) -> None:
    here = stage()
    more = '\n[[hyperdrive]]\nbinding = "PG"\nid = "' + "a" * 32 + '"\n'
    (here.root / "wrangler.toml").write_text(CONFIG + more)
    for options in ({"dry_run": True}, {}):
        here.confirmed.clear()
        plans = [here.up(**options).plan, *here.confirmed]
        assert plans[0 if options else 1].notices == ("shared with the top level: hyperdrive (PG)",)


def test_a_hint_is_about_the_preview(stage: Start) -> None:
    """What `cfpy deploy` would advise is about the project's own Worker."""
    here = stage()
    here.up()
    here.tools.mutations.clear()
    here.tools.fault = 2, Fault(500, applied=True)
    with pytest.raises(DeploymentError, match="is live, but wrangler failed") as caught:
        here.up()
    assert here.tools.mutations[1] == f"PUT workers/scripts/{WORKER}"
    assert f"cfpy wrangler tail {WORKER}" in caught.value.hint


def test_an_environment_is_the_source(stage: Start, tmp_path: Path) -> None:
    here = stage()
    more = '\n[env.staging.vars]\nMODE = "staging"\n'
    (here.root / "wrangler.toml").write_text(CONFIG + more)
    result = here.up(source="staging")
    assert (result.note.source, result.note.owned) == ("staging", ())
    variables = {item["name"]: item.get("text") for item in here.api.bindings[WORKER]}
    assert variables == {"MODE": "staging"}


def test_a_plan_tells_where_the_value_of_a_secret_comes_from(
    stage: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stage()
    config = (here.root / "wrangler.toml").read_text()
    more = '"API_TOKEN", "IN_ENVIRONMENT", "MADE", "MISSING"'
    (here.root / "wrangler.toml").write_text(config.replace('"API_TOKEN"', more))
    with (here.root / "cfpy.toml").open("a") as file:
        file.write('[[secrets]]\nname = "MADE"\ngenerate = true\n')
        file.write('[[secrets]]\nname = "IN_ENVIRONMENT"\ngenerate = true\n')
    monkeypatch.setenv("IN_ENVIRONMENT", "a-value")
    plan = here.up(dry_run=True).plan
    assert {item.name: item.reason for item in plan.actions if item.kind == "secret"} == {
        "API_TOKEN": "from --secrets-file",
        "IN_ENVIRONMENT": "from $IN_ENVIRONMENT",
        "MADE": "generated",
        "MISSING": "no value yet",
    }
    assert "a-value" not in json.dumps(plan.as_dict())


def test_a_dry_run_with_a_seed_shows_the_migrations_and_the_seed(stage: Start) -> None:
    here = stage()
    seed = str(here.root / "seed.sql")
    plain = here.up(dry_run=True).plan
    plan = here.up(dry_run=True, seed=seed).plan
    assert any(item.migrates for item in plain.actions)
    assert plan.actions == plain.actions
    assert f"the seed {seed} runs after the migrations, once" in plan.notices


def test_an_unknown_preview_is_answered_with_those_that_exist(
    stage: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    here = stage()
    here.up()
    view = DownView(Output(), "preview down", yes=True, dry_run=False)

    def down(name: str) -> Any:
        request = DownRequest(here.root, Which.NAMED, name)
        unknown = partial(view.unknown, name)
        return run(here.context(), request, lambda _: True, lambda _: None, NOW, on_unknown=unknown)

    assert down("featur/A") == ()
    assert "There is no preview named featur/A. There are feature/A." in capsys.readouterr().err
    assert len(down("feature/A")) == 1
    assert down("feature/A") == ()
    assert "There are none." in capsys.readouterr().err

"""A token with the permissions that cfpy lists can do each command, and one with less can't."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from backup_stage import BackupStage

from cfpy.account.permissions import PERMISSIONS
from cfpy.account.planning import PlanRequest, run
from cfpy.account.resources import desired_state
from cfpy.account.token_permissions import COMMANDS, EDIT, READ, needed_permissions
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import NotAuthenticatedError
from preview_stage import Stage
from rollout_stage import RolloutStage

Start = Callable[[], Stage]
AnyStage = Stage | RolloutStage | BackupStage
# The parts of the API that the stand-in can refuse, and what they are called.
PARTS = {
    part: PERMISSIONS[part].removesuffix(": Edit")
    for part in ("d1", "storage", "r2", "queues", "vectorize", "workers")
}


def levels(stage: AnyStage, command: str) -> dict[str, str]:
    project = load_project(stage.root)
    found = needed_permissions(project, desired_state(project))
    return {item.name: item.levels[command] for item in found if command in item.levels}


def allow(stage: AnyStage, given: Mapping[str, str]) -> None:
    """From now on the token has these permissions only."""
    stage.api.forbidden = {part for part, name in PARTS.items() if name not in given}
    stage.api.read_only = {part for part, name in PARTS.items() if given.get(name) == READ}


def plan(stage: Stage) -> None:
    run(stage.context(), PlanRequest(stage.root, ""))


def preview(stage: Stage) -> None:
    stage.up()
    stage.down()


@pytest.mark.parametrize(
    ("command", "start"), [("plan", plan), ("preview", preview)], ids=["plan", "preview"]
)
def test_what_is_listed_is_enough_and_all_of_it_is_needed(
    stage: Start, command: str, start: Callable[[Stage], None]
) -> None:
    here = stage()
    start_with_less(here, command, lambda: start(here))


def start_with_less(here: AnyStage, command: str, start: Callable[[], object]) -> None:
    """Start it with what is listed, then without each part of that."""
    assert command in COMMANDS
    given = levels(here, command)
    allow(here, given)
    start()
    for name in set(given) & set(PARTS.values()):
        less = {**given, name: READ} if given[name] == EDIT else {**given, name: ""}
        allow(here, {key: level for key, level in less.items() if level})
        with pytest.raises(NotAuthenticatedError):
            start()
        allow(here, given)
        start()


def test_a_backup_needs_what_is_listed(backup_stage: BackupStage, tmp_path: Path) -> None:
    numbers = itertools.count()
    start_with_less(
        backup_stage,
        "backup",
        lambda: backup_stage.create(output=tmp_path / f"backup-{next(numbers)}"),
    )


@pytest.mark.parametrize("only_files", [False, True], ids=["by-time-travel", "from-files"])
def test_a_restore_needs_what_is_listed(backup_stage: BackupStage, only_files: bool) -> None:
    folder = str(backup_stage.create().folder)

    def start() -> None:
        backup_stage.overwrite()
        backup_stage.restore(folder, only_files=only_files)

    start_with_less(backup_stage, "restore", start)


def test_only_what_a_project_uses_is_listed(stage: Start) -> None:
    here = stage()
    (here.root / "wrangler.toml").write_text(
        'name = "shop"\nroutes = [{ pattern = "a.example" }]\n'
    )
    assert levels(here, "deploy") == {
        "Account Settings": READ,
        "Workers Scripts": EDIT,
        "Account Analytics": READ,
        "Workers Routes": EDIT,
    }


def test_a_deployment_changes_a_database_only_if_it_has_migrations(stage: Start) -> None:
    here = stage()
    assert levels(here, "deploy")["D1"] == EDIT
    (here.root / "migrations" / "0001_notes.sql").unlink()
    assert levels(here, "deploy")["D1"] == READ


@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_a_gradual_rollout_and_the_way_back_need_what_is_listed(
    rollout: Callable[[], RolloutStage], command: str
) -> None:
    here = rollout()
    here.code("two")
    if command == "rollback":
        here.share(10)
    run = {"deploy": lambda: here.share(10), "rollback": here.rollback}[command]
    given = levels(here, "deploy")
    allow(here, {**given, "Workers Scripts": READ})
    with pytest.raises(NotAuthenticatedError):
        run()
    allow(here, given)
    run()
    assert [part for _, part in here.shares()] == ([10, 90] if command == "deploy" else [100])

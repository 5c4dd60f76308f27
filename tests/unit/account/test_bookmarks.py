"""A bookmark before a migration, and how far history goes back."""

from __future__ import annotations

import pytest
from backup_stage import BackupStage
from cloudflare_data import DAY

from account_in_process import InProcess
from cfpy.account.account_data import AccountData
from cfpy.account.bookmarks import Bookmark, before_migrations, reach
from cfpy.account.plan import Action, Do, Plan
from cfpy.account.session import open_session


@pytest.fixture
def data(backup_stage: BackupStage) -> AccountData:
    session = open_session(backup_stage.context(), backup_stage.root, "")
    return session.account.data


def plan(api: InProcess) -> Plan:
    id_ = api.api.database_id("db")
    steps = (
        Action(Do.UPDATE, "d1_migrations", "db", "", id=id_, bindings=("DB",), files=("1.sql",)),
        # It is still to be created.
        Action(Do.UPDATE, "d1_migrations", "new", "", bindings=("NEW",), files=("1.sql",)),
        Action(Do.CREATE, "kv", "cache", ""),
    )
    return Plan("account", "shop", "", steps)


def test_each_database_that_is_migrated_has_one(data: AccountData, cloudflare: InProcess) -> None:
    shown: list[Bookmark] = []
    [found] = before_migrations(data, plan(cloudflare), shown.append)
    assert shown == [found]
    assert (found.database, found.binding, found.error) == ("db", "DB", "")
    assert found.id in cloudflare.api.data.bookmarks
    assert f"--bookmark={found.id}" in found.back


def test_a_failure_is_reported_with_the_way_back_by_time(
    data: AccountData, cloudflare: InProcess
) -> None:
    cloudflare.api.data.alpha.add("db")
    shown: list[Bookmark] = []
    [found] = before_migrations(data, plan(cloudflare), shown.append)
    assert shown == [found]
    assert found.id == ""
    assert "Time Travel is not available" in found.error
    assert f"--timestamp={found.time}" in found.back


@pytest.mark.parametrize(("days", "found"), [(30, 30), (29, 7), (7, 7), (2, 1), (0, 0)])
def test_how_far_history_goes_back(
    data: AccountData, cloudflare: InProcess, days: int, found: int
) -> None:
    cloudflare.api.data.period = days * DAY
    assert reach(data, cloudflare.api.database_id("db")) == found

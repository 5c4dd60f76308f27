"""Time Travel bookmarks of D1: one before each deployment that migrates, and how far they reach.

A bookmark is a position in a database's history; going back to it also undoes going back
(developers.cloudflare.com/d1/reference/time-travel).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cfpy.account.account_data import AccountData, refused
from cfpy.account.plan import Plan
from cfpy.errors import CfpyError, CloudflareError
from cfpy.tools.invocation import command

#: Days of history, on Workers Paid and on the free plan; a young database may have one.
PERIODS = (30, 7, 1)


@dataclass(frozen=True)
class Bookmark:
    """A moment in the history of a database: ``time`` in UTC, as RFC 3339. ``id`` is empty if
    ``error`` has the reason why there is none."""

    database: str
    binding: str
    time: str
    id: str = ""
    error: str = ""

    @property
    def back(self) -> str:
        """The command that goes back; without a bookmark, by the time."""
        return back_to(self.binding, self.id, self.time)


def back_to(binding: str, bookmark: str, time: str = "") -> str:
    """The command that takes a database back, for a hint."""
    words = ("wrangler", "d1", "time-travel", "restore", binding)
    where = f"--bookmark={bookmark}" if bookmark else f"--timestamp={time}"
    return command(*words, where)


def before_migrations(
    data: AccountData, plan: Plan, on_bookmark: Callable[[Bookmark], None]
) -> tuple[Bookmark, ...]:
    """A bookmark of each database that the plan migrates, reported before anything changes.

    A failure does not stop the deployment, because the time is enough to go back; it is
    reported in the same place.
    """
    found = []
    for action in plan.changes:
        if action.kind != "d1_migrations" or not action.id:
            continue  # A database that is still to be created has no history.
        now = timestamp(datetime.now(UTC))
        id_, error = "", ""
        try:
            id_ = data.bookmark(action.id)
        except CfpyError as failure:
            error = failure.message
        bookmark = Bookmark(action.name.partition("/")[0], action.bindings[0], now, id_, error)
        found.append(bookmark)
        on_bookmark(bookmark)
    return tuple(found)


def reach(data: AccountData, database_id: str) -> int:
    """How many days Time Travel goes back, at most; 0 if it does not work for this database.

    Raises:
        CloudflareError: The API can't be reached.
    """
    for days in PERIODS:
        if _has(data, database_id, datetime.now(UTC) - timedelta(days=days, minutes=-5)):
            return days
    return 0


def reaches(data: AccountData, database_id: str, time: str) -> bool:
    """Whether Time Travel goes back to a time, as RFC 3339.

    Raises:
        CloudflareError: The API can't be reached.
    """
    return _has(data, database_id, datetime.fromisoformat(time))


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _has(data: AccountData, database_id: str, moment: datetime) -> bool:
    try:
        return bool(data.bookmark(database_id, timestamp(moment)))
    except CloudflareError as error:
        if refused(error):
            return False
        raise

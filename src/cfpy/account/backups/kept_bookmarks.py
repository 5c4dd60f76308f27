"""The bookmarks of databases that a restore has begun to change, so that each run shows the ways
back, also to the state before all runs. They are kept in the project, and not in git."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cfpy.account.backups.restore_plan import WRITE, RestorePlan, RestoreStep
from cfpy.account.bookmarks import back_to, timestamp
from cfpy.account.session import Session
from cfpy.tools.files import write_atomically


@dataclass(frozen=True)
class Undo:
    """A way back for one database: its bookmark at ``time`` (RFC 3339), before a change. If
    ``earlier``, that was before a run that did not finish."""

    database: str
    binding: str
    bookmark: str
    time: str
    earlier: bool = False

    @property
    def back(self) -> str:
        """The command that goes back, for a hint."""
        return back_to(self.binding, self.bookmark)


class KeptBookmarks:
    """Those of one environment in one account, by the id of the database, the oldest first. A run
    that did not finish leaves them, also if the next one restores another backup."""

    def __init__(self, session: Session) -> None:
        self._session = session
        folder = session.project.root / ".wrangler" / "cfpy"
        self._path = folder / f"restore-{session.environment or 'top-level'}.json"
        self._kept = self._read()
        self._now: dict[str, dict[str, str]] = {}

    def take(self, plan: RestorePlan) -> tuple[Undo, ...]:
        """The ways back of each database: first to what it has now, then to what it had before
        earlier runs that have changed it, or may have.

        Raises:
            CloudflareError: A database has no bookmark.
        """
        undo = []
        for step in plan.steps:
            if step.how == WRITE:
                continue
            target = step.target
            now = {
                "bookmark": self._session.account.data.bookmark(target.id),
                "time": timestamp(datetime.now(UTC)),
            }
            self._now[target.id] = now
            undo.append(Undo(target.name, target.binding, now["bookmark"], now["time"]))
            undo += [
                Undo(target.name, target.binding, mark["bookmark"], mark["time"], earlier=True)
                for mark in self._kept.get(target.id, [])
                if mark["bookmark"] != now["bookmark"]
            ]
        return tuple(undo)

    def begin(self, step: RestoreStep) -> None:
        """A database is about to be changed."""
        if now := self._now.get(step.target.id):
            self._kept.setdefault(step.target.id, []).append(now)
            self._write()

    def drop(self, step: RestoreStep) -> None:
        """It was not changed."""
        if step.target.id in self._now:
            self._kept[step.target.id].pop()
            self._write()

    def forget(self) -> None:
        """The restore is complete."""
        for id_ in self._now:
            self._kept.pop(id_, None)
        self._write()

    def _write(self) -> None:
        if not any(self._kept.values()):
            self._path.unlink(missing_ok=True)
            return
        document = {"account_id": self._session.account.id, "bookmarks": self._kept}
        write_atomically(self._path, json.dumps(document, indent=2) + "\n")

    def _read(self) -> dict[str, list[dict[str, str]]]:
        try:
            found: Any = json.loads(self._path.read_text("utf-8"))
            if found["account_id"] != self._session.account.id:
                return {}
            return {str(id_): _marks(marks) for id_, marks in found["bookmarks"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}


def _marks(found: Any) -> list[dict[str, str]]:
    return [{name: str(mark[name]) for name in ("bookmark", "time")} for mark in found]

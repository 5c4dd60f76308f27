"""What going back to an earlier version does not undo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cfpy.account.owned.d1 import D1Database
from cfpy.account.owned.queue import Queue
from cfpy.account.plan import Action
from cfpy.account.releases import Releases, Version
from cfpy.account.session import Session
from cfpy.errors import CfpyError
from cfpy.project.schema_change import breaking_changes
from cfpy.tools.invocation import command

_SECONDS = "%Y-%m-%d %H:%M:%S"


def kept(session: Session, releases: Releases, target: Version) -> Iterator[str]:
    """One sentence about each thing that stays as it is."""
    try:
        actions = session.plan().actions
    except CfpyError as error:
        yield f"it can't be read which migrations came after it: {error.message}"
        actions = ()
    for action in actions:
        if action.kind == "d1_migrations" and action.id:
            yield from _migrations(session, action, target)
    if _has_live_code(releases, target):
        yield "the code stays: it is that of the live version, with other secrets or settings"
    later = [item for item in releases.versions() if item.number > target.number]
    if any(item.reason and not item.is_uploaded for item in later):
        yield "secrets were changed after it: it has their old values"
    if queues := sorted(item.name for item in session.desired.all(Queue)):
        yield f"messages in {', '.join(queues)} stay, and the old version gets them"
    yield "routes, domains, cron triggers and consumers of queues stay as they are"


def _has_live_code(releases: Releases, target: Version) -> bool:
    newest = releases.newest()
    live = newest.shares if newest else ()
    return any(target.script == releases.version(id_).script != "" for id_ in live)


def _migrations(session: Session, action: Action, target: Version) -> Iterator[str]:
    """The migrations of one database since the version was uploaded."""
    [binding] = action.bindings
    database = next(i for i in session.desired.all(D1Database) if i.binding == binding)
    moment = datetime.fromisoformat(target.created.replace("Z", "+00:00")).strftime(_SECONDS)
    try:
        since = session.account.migrations_since(action.id, database.migrations_table, moment)
    except CfpyError as error:
        yield f"it can't be read which migrations {action.name} had after it: {error.message}"
        return
    if not since:
        return
    names = ", ".join(since)
    yield f"{action.name} keeps the migrations that came after it: {names}"
    folder = session.project.root / database.source.directory
    for found in breaking_changes(
        _texts(folder, [i for i in database.migrations if i not in since]),
        _texts(folder, [i for i in database.migrations if i in since]),
    ):
        place = (Path(database.source.directory) / found.file).as_posix()
        yield f"{place}:{found.line}: {found.message}. The old version may fail"
    first = datetime.strptime(min(since.values()), _SECONDS) - timedelta(seconds=1)
    restore = ("d1", "time-travel", "restore", binding, f"--timestamp={first.isoformat()}Z")
    yield (
        f"to take the data of {action.name} back as well, which loses all rows written since then: "
        f"{command('wrangler', *restore)}"
    )


def _texts(folder: Path, names: list[str]) -> list[tuple[str, str]]:
    there = [name for name in names if (folder / name).is_file()]
    return [(name, (folder / name).read_bytes().decode("utf-8", "replace")) for name in there]

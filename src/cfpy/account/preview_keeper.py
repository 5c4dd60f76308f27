"""Reads, writes and deletes the notes of previews in an account."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from cfpy.account.preview_note import NOTE, Note, parse_note
from cfpy.account.record import Placement, Record
from cfpy.account.record_store import RecordStore
from cfpy.account.session import Session
from cfpy.account.steps import attempt
from cfpy.account.wrangler import Wrangler
from cfpy.bindings.previews import preview_prefix, preview_worker

_AT_ONCE = 12
_CODE = "export default { fetch() { return new Response(null, { status: 404 }); } };\n"
# It uses nothing that a later date could change.
_DATE = "2026-01-01"


class InMemory(RecordStore):
    """The record of one run: what lasts is in the note. ``account_id`` is the account that the
    project is in; empty if that is not known."""

    def __init__(self, root: Path, account_id: str = "") -> None:
        super().__init__(root)
        self._record = Record({"": Placement(account_id)} if account_id else {})

    def read(self) -> Record:
        return self._record

    def change(self, edit: Callable[[Record], Record]) -> None:
        with self._lock:
            self._record = edit(self._record)


def all_notes(session: Session) -> tuple[Note, ...]:
    """The previews of a project, by name; also those from before its Worker was renamed, while the
    record has the Worker of then."""
    known = session.records.read().created("")
    earlier = (key.removeprefix("worker:") for key in known if key.startswith("worker:"))
    bases = {session.desired.worker, *earlier}
    prefixes = tuple(preview_prefix(base) for base in bases)
    keepers = [n for n in session.account.workers() if n.startswith(prefixes) and n.endswith(NOTE)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(partial(read_note, session), (n.removesuffix(NOTE) for n in keepers))
        notes = [note for note in found if note and note.base in bases]
    return tuple(sorted(notes, key=lambda note: (note.name, note.base)))


def read_note(session: Session, worker: str) -> Note | None:
    """The note of the preview with this Worker; ``None`` if there is none. One that was copied from
    elsewhere does not count."""
    note = parse_note(session.account.variables(f"{worker}{NOTE}"))
    return note if note and worker == note.worker == preview_worker(note.base, note.name) else None


def write_note(session: Session, note: Note) -> None:
    """Write a note, or replace it.

    Raises:
        WranglerError: It could not be written.
    """
    with beside(session, note.keeper, variables=note.variables()) as wrangler:
        attempt(lambda: _deploy(wrangler), lambda: read_note(session, note.worker) == note)


def delete_note(session: Session, note: Note) -> None:
    """Delete the note of a preview of which nothing is left.

    Raises:
        WranglerError: It could not be deleted.
    """
    with beside(session, note.keeper) as wrangler:
        words = ("delete", "--name", note.keeper)
        attempt(
            lambda: wrangler.change(f"can't delete {note.keeper}", *words),
            lambda: note.keeper not in session.account.workers(),
        )


@contextlib.contextmanager
def beside(
    session: Session, worker: str, variables: dict[str, str] | None = None
) -> Iterator[Wrangler]:
    """wrangler for another Worker in the account: one without bindings that nobody can reach."""
    with tempfile.TemporaryDirectory(prefix="cfpy-") as scratch:
        config, main = Path(scratch) / "wrangler.json", Path(scratch) / "note.mjs"
        main.write_text(_CODE, "utf-8")
        document = {
            "name": worker,
            "main": main.name,
            "account_id": session.account.id,
            "compatibility_date": _DATE,
            "workers_dev": False,
            "preview_urls": False,
            "vars": variables or {},
        }
        config.write_text(json.dumps(document), "utf-8")
        yield session.wrangler.beside(config, worker)


def _deploy(wrangler: Wrangler) -> None:
    wrangler.deploy()

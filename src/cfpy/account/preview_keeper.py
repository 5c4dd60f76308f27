"""Reads, writes and deletes the notes of previews in an account."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from cfpy.account.comparison import Permission
from cfpy.account.plan import Plan
from cfpy.account.preview_note import NOTE, Note, parse_note
from cfpy.account.record import Placement, Record
from cfpy.account.record_store import RecordStore
from cfpy.account.session import Session
from cfpy.account.steps import attempt
from cfpy.account.teardown import teardown
from cfpy.account.wrangler import Wrangler
from cfpy.bindings.previews import preview_prefix, preview_worker
from cfpy.errors import PlanConflictError

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


def add_to_note(session: Session, note: Note) -> None:
    """Write a note, with what the one in the account owns as well: another run may have written it.

    Raises:
        WranglerError: It could not be written.
    """
    found = read_note(session, note.worker)
    owned = {*note.owned, *(found.owned if found else ())}
    write_note(session, replace(note, owned=tuple(sorted(owned))))


def ending(session: Session, note: Note, users: Mapping[str, Sequence[str]] | None = None) -> Plan:
    """The plan that deletes a preview. What another Worker is bound to, by ``users``, is kept."""
    here = replace(session, desired=note.desired())
    permission = Permission(note.created_keys, frozenset(), data=True)
    return teardown(here.desired, here.observe(), permission, (), users)


def delete_note(session: Session, note: Note) -> None:
    """Delete the note of a preview, unless another run brings it up meanwhile. That one looks for
    its note after all that it creates, this one for what is there after the note is deleted.

    Raises:
        PlanConflictError: Another run has created something; the note has it.
        WranglerError: It could not be deleted.
    """
    with beside(session, note.keeper) as wrangler:

        def delete() -> None:
            # Each time: another attempt may be a minute later.
            _refuse_left(session, note)
            wrangler.change(f"can't delete {note.keeper}", "delete", "--name", note.keeper)

        attempt(delete, lambda: note.keeper not in session.account.workers())
    try:
        _refuse_left(session, note)
    except PlanConflictError:
        add_to_note(session, note)
        raise


def _refuse_left(session: Session, note: Note) -> None:
    now = read_note(session, note.worker) or note
    if found := [action.key for action in ending(session, now).changes]:
        raise PlanConflictError(
            f"another run has created {', '.join(found)} meanwhile. Everything else was deleted",
            hint="Run the same command again when the other run has ended.",
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

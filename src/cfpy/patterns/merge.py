"""Three-way merge of trees of files. Pure.

The three trees are the *base*, as the pattern rendered it then; *new*, as it renders it now; and
the project, which began as the base and was edited since. A change on only one side is taken;
changes on both are merged line by line, or marked as conflicts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

#: Merges the texts of a file: its name, project, base, new. Returns the result and whether it has
#: conflicts.
MergeText = Callable[[str, bytes, bytes, bytes], tuple[bytes, bool]]


@dataclass(frozen=True)
class File:
    """A file's content and whether it is executable."""

    data: bytes
    executable: bool


@dataclass(frozen=True)
class BaseFile:
    """A file of the base: a hash, and the content unless the file was too large."""

    digest: str
    executable: bool
    data: bytes | None

    def is_like(self, file: File) -> bool:
        return digest(file.data) == self.digest


@dataclass(frozen=True)
class Blocked:
    """Something other than a file that can be merged; ``reason`` describes it."""

    reason: str


class Outcome(StrEnum):
    """The result of the merge for a file."""

    ADDED = "added"
    CHANGED = "changed"
    MERGED = "merged"
    REMOVED = "removed"
    STAYS_DELETED = "stays_deleted"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Step:
    """What a merge does to one file.

    ``result`` is its new content; ``None`` with ``REMOVED``, and if it stays as it is. For a
    conflict that markers can't show, ``beside`` is the pattern's version, to be saved next to it.
    ``note`` is the reason.
    """

    name: str
    outcome: Outcome
    result: File | None = None
    beside: File | None = None
    note: str = ""


def merge_trees(
    base: Mapping[str, BaseFile],
    new: Mapping[str, File],
    project: Callable[[str], File | Blocked | None],
    merge_text: MergeText,
) -> tuple[Step, ...]:
    """The steps that update the project, one for each file that changes.

    Args:
        base: The files as the pattern rendered them then.
        new: The files as it renders them now.
        project: Looks up a file in the project; ``None`` if there is none.
        merge_text: Merges texts.
    """
    steps: list[Step] = []
    for name in sorted({*base, *new}):
        old, wanted = base.get(name), new.get(name)
        if old and wanted and old.is_like(wanted) and old.executable == wanted.executable:
            continue
        steps += _step(name, old, wanted, project(name), merge_text)
    return tuple(steps)


def digest(data: bytes) -> str:
    """The hash of a content."""
    return hashlib.sha256(data).hexdigest()


def _step(
    name: str,
    old: BaseFile | None,
    wanted: File | None,
    mine: File | Blocked | None,
    merge_text: MergeText,
) -> Iterator[Step]:
    if isinstance(mine, Blocked):
        yield Step(name, Outcome.CONFLICT, note=mine.reason)
    elif wanted is None:
        yield from _removed(name, old, mine)
    elif mine is None:
        if old is None:
            yield Step(name, Outcome.ADDED, wanted)
        else:
            yield Step(name, Outcome.STAYS_DELETED, note="deleted here, changed in the pattern")
    else:
        yield from _changed(name, old, wanted, mine, merge_text)


def _removed(name: str, old: BaseFile | None, mine: File | None) -> Iterator[Step]:
    if mine is None or old is None:
        return
    if _untouched(old, mine):
        yield Step(name, Outcome.REMOVED)
    else:
        note = "changed here, removed from the pattern: kept as it is"
        yield Step(name, Outcome.CONFLICT, note=note)


def _changed(
    name: str, old: BaseFile | None, wanted: File, mine: File, merge_text: MergeText
) -> Iterator[Step]:
    executable = mine.executable
    if old is None or old.executable != wanted.executable:
        executable = wanted.executable
    before = old.data if old is not None else b""
    ends = _Ends.of(before, wanted.data, mine.data)
    ours, theirs = ends.plain(mine.data), ends.plain(wanted.data)
    if old is not None and _untouched(old, mine):
        result = File(ends.written(theirs), executable)
        if result != mine:
            yield Step(name, Outcome.CHANGED, result)
    elif ours == theirs or (old is not None and old.is_like(wanted)):
        if executable != mine.executable:
            yield Step(name, Outcome.CHANGED, File(mine.data, executable))
    elif before is None:
        note = "changed here and in the pattern, and too large to merge"
        yield Step(name, Outcome.CONFLICT, beside=wanted, note=note)
    elif b"\0" in mine.data + wanted.data:
        note = "changed here and in the pattern, and not a text file"
        yield Step(name, Outcome.CONFLICT, beside=wanted, note=note)
    else:
        merged, conflicts = merge_text(name, ours, ends.plain(before), theirs)
        note = "changed here and in the pattern" if old else "created here and in the pattern"
        outcome = Outcome.CONFLICT if conflicts else Outcome.MERGED
        yield Step(name, outcome, File(ends.written(merged), executable), note=note)


@dataclass(frozen=True)
class _Ends:
    """Line ends. The ones that git checks out do not count as a change by the user.

    Texts are compared with Unix line ends if each has only one kind of line end. ``windows`` is
    whether the result gets those of Windows; ``None`` if nothing is converted.
    """

    windows: bool | None

    @classmethod
    def of(cls, before: bytes | None, wanted: bytes, mine: bytes) -> _Ends:
        kinds = [_end(before or b""), _end(wanted), _end(mine)]
        if None in kinds or b"\0" in wanted + mine:
            return cls(None)
        old, new, here = kinds
        # The pattern's change is taken, as for everything else.
        takes_new = here == b"" or (before is not None and here == old)
        return cls((new if takes_new else here) == b"\r\n")

    def plain(self, data: bytes) -> bytes:
        return data if self.windows is None else data.replace(b"\r\n", b"\n")

    def written(self, data: bytes) -> bytes:
        return data.replace(b"\n", b"\r\n") if self.windows else data


def _end(data: bytes) -> bytes | None:
    """The one line end of all lines; ``None`` if there are several kinds, empty if there is
    none."""
    windows, all_of_them = data.count(b"\r\n"), data.count(b"\n")
    if windows not in (0, all_of_them):
        return None
    return b"\r\n" if windows else b"\n" if all_of_them else b""


def _untouched(old: BaseFile, mine: File) -> bool:
    """Whether the project's file is as it was rendered, except for line ends."""
    if old.is_like(mine):
        return True
    if _end(mine.data) is None or (old.data is not None and _end(old.data) is None):
        return False
    unix = mine.data.replace(b"\r\n", b"\n")
    if old.data is None:
        return old.digest in (digest(unix), digest(unix.replace(b"\n", b"\r\n")))
    return b"\0" not in unix and old.data.replace(b"\r\n", b"\n") == unix

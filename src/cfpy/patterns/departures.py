"""``cfpy diff``: how a project differs from what its pattern rendered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cfpy.patterns.answers_file import MadeOf, read_answers
from cfpy.patterns.base_archive import read_base
from cfpy.patterns.kept_answers import filled, found_answers, stand_ins_of
from cfpy.patterns.merge import File
from cfpy.patterns.update import look_up
from cfpy.tools.context import Context

# Files that cfpy writes into a project later: the versions of its packages, and the record.
_WRITTEN = re.compile(r"pylock(\.[^/]+)?\.toml|cfpy\.state(\.[^/]+)?\.json")


@dataclass(frozen=True)
class Departure:
    """A file that differs from what the pattern rendered; ``before`` is ``None`` for a file that is
    not in the pattern, or was too large to keep, ``after`` for a deleted one."""

    name: str
    before: bytes | None
    after: bytes | None
    in_pattern: bool = True


def departures(ctx: Context, root: Path) -> tuple[MadeOf, tuple[Departure, ...]]:
    """The differences between a project and its pattern, in the version that it was created from.

    Raises:
        ProjectError: It was not created by cfpy, or its records are not valid.
        ToolNotFoundError: git is not installed.
    """
    root = root.resolve()
    record = read_answers(root)
    base = read_base(root)

    def content(name: str) -> bytes | None:
        found = look_up(root, name, set())
        return found.data if isinstance(found, File) else None

    # A line with a secret answer in the right place counts as rendered by the pattern.
    base = filled(base, found_answers(base, content, stand_ins_of(base)))
    found = []
    for name, old in base.items():
        mine = look_up(root, name, set())
        if not isinstance(mine, File):
            found.append(Departure(name, old.data, None))
        elif not old.is_like(mine):
            found.append(Departure(name, old.data, mine.data))
    if ctx.git.changes(root) is not None:
        for name in ctx.git.files(root):
            mine = look_up(root, name, set())
            if (
                name not in base
                and not name.startswith((".cfpy/", ".wrangler/"))
                and not _WRITTEN.fullmatch(name)
                and isinstance(mine, File)
            ):
                found.append(Departure(name, None, mine.data, in_pattern=False))
    return record, tuple(sorted(found, key=lambda departure: departure.name))

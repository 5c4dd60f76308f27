"""Which masks a pull applies: those of the database, by whatever binding they name it."""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.account.backups.targets import Target
from cfpy.account.neighbours import neighbours
from cfpy.account.owned.d1 import D1Database
from cfpy.account.session import Session
from cfpy.bindings.mask_checks import unknown_databases
from cfpy.errors import UsageError
from cfpy.project.masks import Mask, parse_mask


def masks_of(session: Session, source: Target, given: tuple[str, ...]) -> tuple[Mask, ...]:
    """The masks in ``cfpy.toml`` for the database ``source``, and those that were ``given``.

    Raises:
        UsageError: A mask in ``cfpy.toml`` is of no database, or a given one names no column.
        ProjectError: Another environment can't be read, so it is not known what it binds.
    """
    for finding in unknown_databases(session.project):
        raise UsageError(finding.message, hint=f"{finding.fix} Nothing was changed.")
    names = {"", source.binding, *source.others, *_elsewhere(session, source)}
    ours = [mask for mask in session.project.masks if mask.binding in names]
    return (*ours, *(parse_mask(text) for text in given))


def _elsewhere(session: Session, source: Target) -> Iterator[str]:
    """The bindings that the database has in other environments."""
    record, here = session.records.read(), session.account.id
    for other in neighbours(session.project, session.environment, here, record, strict=True):
        for item in other.all(D1Database):
            if item.means(source.name, source.id):
                yield item.binding

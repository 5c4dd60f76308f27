"""Finds what in pending migrations code that knows the old schema can't live with.

The migrations run in an empty SQLite in memory, first those that the database has had, then the
pending ones; what counts is how the schema before and the schema after differ. So a table that is
rebuilt in the way of sqlite.org/lang_altertable.html#otheralter has not changed, however many
statements that takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cfpy.project.sql_statements import statements, words_of
from cfpy.project.trial_schema import Column, Schema, TrialDatabase, TrialRule, TrialTable


@dataclass(frozen=True)
class SchemaFinding:
    """What a pending migration does to code that knows the old schema; ``line`` is that of the
    statement in ``file``, from 1."""

    file: str
    line: int
    message: str


def breaking_changes(
    applied: Sequence[tuple[str, str]], pending: Sequence[tuple[str, str]]
) -> tuple[SchemaFinding, ...]:
    """What in ``pending`` breaks code from before.

    Args:
        applied: The migrations that the database has had: the name and the content of each.
        pending: The ones that it has not had.
    """
    database = TrialDatabase()
    for _, text in applied:
        for statement in statements(text):
            # They did run in D1, whatever this SQLite says.
            database.run(statement.sql)
    changes = _Changes(database.schema())
    failed: list[SchemaFinding] = []
    for file, text in pending:
        for statement in statements(text):
            if said := database.run(statement.sql):
                failed.append(SchemaFinding(file, statement.line, said))
                continue
            renames = "RENAME" in words_of(statement.sql).split()
            changes.step(database.schema(), _Place(file, statement.line), renames=renames)
    found = {*changes.findings(), *failed}
    return tuple(sorted(found, key=lambda item: (_order(pending, item), item.message)))


def _order(pending: Sequence[tuple[str, str]], item: SchemaFinding) -> tuple[int, int]:
    return [file for file, _ in pending].index(item.file), item.line


@dataclass(frozen=True)
class _Place:
    file: str
    line: int


_GONE = TrialTable({}, frozenset())


@dataclass
class _Changes:
    """What statements did, one after the other, to the schema ``before``.

    ``blamed`` is the last statement that changed something, by what: a table, or a table and a
    column or rule. ``renamed`` has the new name of what was renamed. ``carried`` are rules from
    before whose text only follows the name of a table or column.
    """

    before: Schema
    blamed: dict[tuple[str, ...], _Place] = field(default_factory=dict)
    renamed: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    carried: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._last = self.before

    def step(self, new: Schema, place: _Place, *, renames: bool) -> None:
        """Remember what one statement changed."""
        old, self._last = self._last, new
        if old is new:
            return
        if renames:
            self._rename(old, new)
        for name in {*old, *new}:
            was, now = old.get(name, _GONE), new.get(name, _GONE)
            if was != now:
                self.blamed[name,] = place
            for column in {*was.columns, *now.columns}:
                if was.columns.get(column) != now.columns.get(column):
                    self.blamed[name, column] = place
            for rule in now.rules - was.rules:
                self.blamed[name, rule.text] = place

    def _rename(self, old: Schema, new: Schema) -> None:
        gone, came = old.keys() - new.keys(), new.keys() - old.keys()
        if len(gone) == len(came) == 1:
            self.renamed[*gone,] = (*came,)
        for name in old.keys() & new.keys():
            was, now = old[name], new[name]
            gone = was.columns.keys() - now.columns.keys()
            came = now.columns.keys() - was.columns.keys()
            if len(gone) == len(came) == 1:
                self.renamed[name, *gone] = (name, *came)
            if all(self._is_known(name, rule) for rule in was.rules - now.rules):
                self.carried |= {(name, rule.text) for rule in now.rules - was.rules}

    def _is_known(self, name: str, rule: TrialRule) -> bool:
        known = self.before.get(name, _GONE).rules
        return rule in known or (name, rule.text) in self.carried

    def findings(self) -> Iterator[SchemaFinding]:
        """What code that knows the schema before can't live with."""
        for name, was in self.before.items():
            now = self._last.get(name)
            if now is None:
                yield self._gone(name)
                continue
            if now.is_view and not was.is_view:
                said = f"{name} is now a view, which can't be written like a table"
                yield self._finding(said, name)
            for column, old in was.columns.items():
                new = now.columns.get(column)
                if new is None:
                    yield self._gone(name, column)
                elif was.is_view == now.is_view:
                    for said in _harder(old, new):
                        yield self._finding(f"{name}.{column} {said}", name, column)
            for column in now.columns.keys() - was.columns.keys():
                if now.columns[column].required:
                    said = f"{name}.{column} is new and NOT NULL, without a default"
                    yield self._finding(said, name, column)
            both = now.columns.keys() & was.columns.keys()
            order = [column for column in now.columns if column in both]
            if order != [column for column in was.columns if column in both] and not now.is_view:
                said = "has its columns in another order, on which INSERT without names relies"
                yield self._finding(f"{name} {said}", name)
            if both:
                yield from self._new_rules(name, was, now)
        for name in self._last.keys() - {self._end((name,))[0] for name in self.before}:
            yield from self._references(name)

    def _references(self, name: str) -> Iterator[SchemaFinding]:
        """What a new table refers to, so that older code can't delete it."""
        for rule in self._last[name].rules:
            if rule.keeps and rule.target in self.before and rule.target in self._last:
                said = (
                    f"refers to {rule.target} without ON DELETE: what it refers to can't be deleted"
                )
                yield self._finding(f"{name} {said}", name, rule.text)

    def _new_rules(self, name: str, was: TrialTable, now: TrialTable) -> Iterator[SchemaFinding]:
        known = {rule.text for rule in was.rules}
        for rule in now.rules:
            carried = (name, rule.text) in self.carried
            if carried and (not rule.target or rule.target in self._last):
                continue
            if rule.text not in known:
                yield self._finding(f"{name} {rule.said}", name, rule.text)

    def _gone(self, *what: str) -> SchemaFinding:
        """That a table or column is not there, with the statement that took it away."""
        last = self._end(what)
        table = self._last.get(last[0], _GONE)
        there = last[1] in table.columns if last[1:] else last[0] in self._last
        if last != what and there:
            return self._finding(f"{'.'.join(what)} is renamed", *what)
        # A table that was renamed before it was dropped took its columns with it.
        moved = self.renamed.get(what[:1])
        if last == what and moved and moved[0] not in self._last and moved in self.blamed:
            last = moved
        return self._finding(f"{'.'.join(what)} is dropped", *last)

    def _end(self, what: tuple[str, ...]) -> tuple[str, ...]:
        """The last name of a table or column that was renamed, or its own."""
        last, seen = what, {what}
        while (following := self.renamed.get(last)) and following not in seen:
            last = following
            seen.add(last)
        return last

    def _finding(self, message: str, *what: str) -> SchemaFinding:
        place = self.blamed.get(what) or self.blamed[what[:1]]
        return SchemaFinding(place.file, place.line, message)


def _harder(old: Column, new: Column) -> Iterator[str]:
    """What is refused now that was not before."""
    if new.computed and not old.computed:
        yield "is computed now (GENERATED): code can't write it"
        return
    if new.affinity != old.affinity:
        yield f"has another type: {old.affinity}, now {new.affinity}"
    if new.required and old.counts:
        yield "gets no number by itself now, and has no default"
    elif new.required and not old.required:
        yield "is NOT NULL now, without a default"
    elif bool(new.key) != bool(old.key):
        yield "is now part of the primary key" if new.key else "is no longer in the primary key"

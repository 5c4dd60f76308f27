"""Decides, once for all commands, which database or namespace of the account a project means.

Three places identify a resource: the configuration (a name, an id, or both), the record of what
cfpy created (a name and its id), and the account. If they do not agree, none of them is enough to
change or delete something, so the resource has a ``problem`` that quotes all three.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from cfpy.account.observed import Found


@dataclass(frozen=True)
class Reference:
    """One binding of a resource that has an id.

    ``name`` is the name in the file (``named``), or else the one that wrangler would use. ``id`` is
    empty until it is in the file.
    """

    name: str
    binding: str
    id: str
    named: bool = field(default=True, kw_only=True)
    jurisdiction: str = field(default="", kw_only=True)
    location: str = field(default="", kw_only=True)

    def means(self, name: str, id_: str) -> bool:
        """Whether it is of the resource that has this name and id in the account."""
        return same_id(self.id, id_) if self.id else self.name == name


@dataclass(frozen=True)
class Identified(Found):
    """A resource in the account whose id the configuration repeats. ``jurisdiction`` is ``None`` if
    the API does not return it."""

    name: str
    jurisdiction: str | None = ""


@dataclass(frozen=True)
class Resource:
    """A database (``d1``) or a namespace (``kv``), with any number of bindings.

    Attributes:
        name: Its name in the account, or the name with which it will be created.
        id: Empty until it exists.
        references: The bindings that refer to it, in the order of the file.
        problem: Why the configuration, the record and the account do not agree; empty if they do.
        missing: Whether the configuration has an id that the account does not have.
        unknown: The ids in the configuration that the account does not have.
        deleted: The one of them that cfpy created, according to the record; empty if none is.
    """

    kind: str
    name: str
    id: str
    references: tuple[Reference, ...]
    problem: str = ""
    missing: bool = False
    unknown: tuple[str, ...] = ()
    deleted: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def unwritten(self) -> tuple[str, ...]:
        """The bindings whose tables do not have the id yet."""
        return tuple(item.binding for item in self.references if item.id != self.id)

    @property
    def jurisdiction(self) -> str:
        return next((item.jurisdiction for item in self.references if item.jurisdiction), "")

    @property
    def location(self) -> str:
        return next((item.location for item in self.references if item.location), "")


def same_id(one: str, other: str) -> bool:
    """Whether two ids are of the same resource, in any spelling."""
    return one.strip().lower() == other.strip().lower()


def resolve(
    kind: str,
    references: Sequence[Reference],
    found: Mapping[str, Identified],
    created: Mapping[str, str],
) -> tuple[Resource, ...]:
    """The resources that ``references`` refer to, in the order of their first bindings.

    Args:
        kind: ``d1`` or ``kv``.
        references: The bindings of one environment.
        found: The resources of the account, by id.
        created: What cfpy created for the environment: ids by key, such as ``d1:shop-db``; an id is
            empty if the record does not have it.
    """
    ids = {item.name: id_ for id_, item in found.items()}
    groups: dict[tuple[str, str], list[Reference]] = {}
    for item in references:
        target = item.id if item.id in found else _by_name(item, references, ids)
        groups.setdefault((target, "" if target else item.name), []).append(item)
    new = {name for target, name in groups if not target}
    recorded = {id_ for key, id_ in created.items() if key.startswith(f"{kind}:")}
    agreed = recorded & {item.id for item in references}
    # Without a name in the file, two bindings can have the same one, such as DB and db. The record
    # is about one of them.
    held = {
        item.name
        for (target, _), members in groups.items()
        for item in members
        if target and target == _recorded(kind, item, created, ids)
    }
    return tuple(
        _resource(kind, target, members, found, created, new, agreed, held)
        for (target, _), members in groups.items()
    )


def _by_name(item: Reference, references: Sequence[Reference], ids: Mapping[str, str]) -> str:
    """The id for a binding without one: that of the account's resource with this name, or else the
    id of another binding with the same name. An id that the account does not have is a problem of
    the resource with that name."""
    if item.name in ids or item.id:
        return ids.get(item.name, "")
    twins = (i.id for i in references if i.name == item.name and i.named and i.id in ids.values())
    return next(twins, "") if item.named else ""


def _resource(
    kind: str,
    target: str,
    members: Sequence[Reference],
    found: Mapping[str, Identified],
    created: Mapping[str, str],
    new: Set[str],
    agreed: Set[str],
    held: Set[str],
) -> Resource:
    name = found[target].name if target else members[0].name
    problems = _problems(kind, target, members, found, created, new, agreed, held)
    unknown = tuple(dict.fromkeys(i.id for i in members if i.id and i.id not in found))
    recorded = {id_ for key, id_ in created.items() if key.startswith(f"{kind}:")}
    return Resource(
        kind,
        name,
        target,
        tuple(members),
        problem=next(problems, ""),
        missing=not target and any(item.id for item in members),
        unknown=unknown,
        deleted=next((id_ for id_ in unknown if id_ in recorded), ""),
    )


def _problems(
    kind: str,
    target: str,
    members: Sequence[Reference],
    found: Mapping[str, Identified],
    created: Mapping[str, str],
    new: Set[str],
    agreed: Set[str],
    held: Set[str],
) -> Iterator[str]:
    ids = {item.name: id_ for id_, item in found.items()}
    for item in members:
        own = ids.get(item.name, "")
        if item.id and item.id not in found and own:
            yield (
                f"the configuration names the id {item.id}, which the account does not have; the "
                f"account's {item.name} has the id {own}"
            )
        elif item.named and own and own != target:
            yield (
                f"the configuration names {item.name} with the id {item.id}, which in the account "
                f"is {found[target].name}; the account's {item.name} has the id {own}"
            )
        elif item.named and target and item.name in new:
            yield (
                f"the configuration names {item.name} with the id {item.id}, which in the account "
                f"is {found[target].name}; for another binding it would create {item.name}"
            )
        recorded = _recorded(kind, item, created, ids)
        # Bindings were exchanged if both ids are bound and in the record.
        fits = recorded == target or {recorded, target} <= agreed
        if recorded in found and not fits and (item.named or item.name not in held):
            yield _against_record(kind, item, target, recorded, found)
    if target:
        yield from _elsewhere(members, found[target].jurisdiction)
    wanted = sorted({item.jurisdiction for item in members if item.jurisdiction})
    if len(wanted) > 1:
        yield f"its bindings have different jurisdictions: {' and '.join(wanted)}"


def _recorded(
    kind: str, item: Reference, created: Mapping[str, str], ids: Mapping[str, str]
) -> str:
    """The id of what cfpy created under the name of a binding; empty if it created nothing."""
    key = f"{kind}:{item.name}"
    return created.get(key) or (ids.get(item.name, "") if key in created else "")


def _against_record(
    kind: str, item: Reference, target: str, recorded: str, found: Mapping[str, Identified]
) -> str:
    says = f"according to cfpy.state.json, cfpy created {item.name} with the id {recorded}"
    if found[recorded].name != item.name:
        says += f", which in the account is {found[recorded].name}"
    if item.id:
        known = item.id in found
        has = f"has as {found[item.id].name}" if known else "does not have"
        fix = f". If the configuration is right, remove {kind}:{item.name} from cfpy.state.json"
        said = f"the configuration names the id {item.id}, which the account {has}; {says}"
        return f"{said}{fix if known else ''}"
    if target:
        return f"the account's {item.name} has the id {target}; {says}"
    return f"the configuration has no id, and the account has no {item.name}; {says}"


def _elsewhere(members: Sequence[Reference], jurisdiction: str | None) -> Iterator[str]:
    for item in members:
        if item.jurisdiction and jurisdiction not in (None, item.jurisdiction):
            yield (
                f"the project wants it in the jurisdiction {item.jurisdiction}; the account has it "
                f"in {jurisdiction or 'none'}, and that can't be changed"
            )

"""Decides, once for all commands, which database or namespace of the account a project means.

Three places identify a resource: the configuration (a name, an id, or both), the record of what
cfpy created (a name and its id), and the account. If they do not agree, none of them is enough to
change or delete something, so the resource has a ``problem`` that quotes all three.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

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
    return _Resolving(kind, references, found, created).resources()


@dataclass(frozen=True)
class _Resolving:
    """The arguments of :func:`resolve`, and what follows from all of them."""

    kind: str
    references: Sequence[Reference]
    found: Mapping[str, Identified]
    created: Mapping[str, str]

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """The account's, by name."""
        return {item.name: id_ for id_, item in self.found.items()}

    @cached_property
    def recorded(self) -> Set[str]:
        """The ids of what cfpy created."""
        return {id_ for key, id_ in self.created.items() if key.startswith(f"{self.kind}:")}

    @cached_property
    def agreed(self) -> Set[str]:
        """Those of them that bindings name."""
        return self.recorded & {item.id for item in self.references}

    @cached_property
    def groups(self) -> Mapping[tuple[str, str], Sequence[Reference]]:
        """The bindings of each resource, by its id; by an empty id and a name if it is new."""
        groups: dict[tuple[str, str], list[Reference]] = {}
        for item in self.references:
            target = item.id if item.id in self.found else self._by_name(item)
            groups.setdefault((target, "" if target else item.name), []).append(item)
        return groups

    @cached_property
    def held(self) -> Set[str]:
        """The names of bindings of what cfpy created under the name. Without a name in the file,
        two bindings can have the same one, such as DB and db. The record is about one of them."""
        return {
            item.name
            for (target, _), members in self.groups.items()
            for item in members
            if target and target == self._created_for(item)
        }

    def resources(self) -> tuple[Resource, ...]:
        return tuple(
            self._resource(target, members) for (target, _), members in self.groups.items()
        )

    def _by_name(self, item: Reference) -> str:
        """The id for a binding without one: that of the account's resource with this name, or else
        the id of another binding with the same name. An id that the account does not have is a
        problem of the resource with that name."""
        if item.name in self.ids or item.id:
            return self.ids.get(item.name, "")
        named = (i for i in self.references if i.name == item.name and i.named)
        twins = (i.id for i in named if i.id in self.ids.values())
        return next(twins, "") if item.named else ""

    def _created_for(self, item: Reference) -> str:
        """The id of what cfpy created under the name of a binding; empty if it created nothing."""
        key = f"{self.kind}:{item.name}"
        return self.created.get(key) or (self.ids.get(item.name, "") if key in self.created else "")

    def _resource(self, target: str, members: Sequence[Reference]) -> Resource:
        unknown = tuple(dict.fromkeys(i.id for i in members if i.id and i.id not in self.found))
        return Resource(
            self.kind,
            self.found[target].name if target else members[0].name,
            target,
            tuple(members),
            problem=next(self._problems(target, members), ""),
            missing=not target and any(item.id for item in members),
            unknown=unknown,
            deleted=next((id_ for id_ in unknown if id_ in self.recorded), ""),
        )

    def _problems(self, target: str, members: Sequence[Reference]) -> Iterator[str]:
        found = self.found
        for item in members:
            own = self.ids.get(item.name, "")
            if item.id and item.id not in found and own:
                yield (
                    f"the configuration names the id {item.id}, which the account does not have; "
                    f"the account's {item.name} has the id {own}"
                )
            elif item.named and own and own != target:
                yield (
                    f"the configuration names {item.name} with the id {item.id}, which in the "
                    f"account is {found[target].name}; the account's {item.name} has the id {own}"
                )
            elif item.named and target and ("", item.name) in self.groups:
                yield (
                    f"the configuration names {item.name} with the id {item.id}, which in the "
                    f"account is {found[target].name}; for another binding it would create "
                    f"{item.name}"
                )
            recorded = self._created_for(item)
            # Bindings were exchanged if both ids are bound and in the record.
            fits = recorded == target or {recorded, target} <= self.agreed
            if recorded in found and not fits and (item.named or item.name not in self.held):
                yield _against_record(self.kind, item, target, recorded, found)
        if target:
            yield from _elsewhere(members, found[target].jurisdiction)
        wanted = sorted({item.jurisdiction for item in members if item.jurisdiction})
        if len(wanted) > 1:
            yield f"its bindings have different jurisdictions: {' and '.join(wanted)}"


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

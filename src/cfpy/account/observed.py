"""The observed state: what an account has, as far as a project needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

#: A kind, and the id of something of that kind in the account: its name if its kind has no ids.
Key = tuple[str, str]


@dataclass(frozen=True)
class Found:
    """Something that an account has. The modules in ``owned`` define a class for each kind."""

    kind: ClassVar[str]
    id: str

    @property
    def key(self) -> Key:
        return self.kind, self.id


_F = TypeVar("_F", bound=Found)


@dataclass(frozen=True)
class ObservedState:
    """What exists in the account. Only what the project uses is read."""

    account_id: str
    found: Mapping[Key, Found] = field(default_factory=dict)

    @classmethod
    def of(cls, account_id: str, found: Iterable[Found]) -> ObservedState:
        """The state of an account that has ``found``."""
        return cls(account_id, {item.key: item for item in found})

    def all(self, of: type[_F]) -> dict[str, _F]:
        """What was found of one class, by id."""
        return {item.id: item for item in self.found.values() if isinstance(item, of)}

    def get(self, of: type[_F], id_: str) -> _F | None:
        """The one with this id; ``None`` if there is none."""
        item = self.found.get((of.kind, id_))
        return item if isinstance(item, of) else None

"""The record of an environment: its account, and the ids of what cfpy created there.

Everything else is read from the account. cfpy must never delete what it did not create unless the
user asks for it, and only this record tells what it created.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cfpy.errors import ProjectError

#: Version of the file. It stays for additions and goes up for other changes. Version 1 had no ids.
RECORD_VERSION = 2


@dataclass(frozen=True)
class Placement:
    """``created`` maps the keys of actions, such as ``d1:shop-db``, to ids. An id is empty while it
    is unknown: before the resource exists, and for resources that only have a name. ``adopted`` is
    the same for what existed before: cfpy uses it, and does not delete it unless told."""

    account_id: str
    created: Mapping[str, str] = field(default_factory=dict)
    adopted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """The environments that cfpy has provisioned or adopted; ``""`` is the top level."""

    environments: Mapping[str, Placement]

    def account_id(self, environment: str) -> str:
        """The account of an environment; empty if it is not provisioned yet."""
        placement = self.environments.get(environment)
        return placement.account_id if placement else ""

    def created(self, environment: str) -> Mapping[str, str]:
        """What cfpy created for an environment: ids by key."""
        placement = self.environments.get(environment)
        return placement.created if placement else {}

    def with_created(self, environment: str, account_id: str, key: str, id_: str = "") -> Record:
        """The record after cfpy created ``key``, with its id once that is known."""
        placement = self.environments.get(environment, Placement(account_id))
        now = replace(placement, created={**placement.created, key: id_})
        return Record({**self.environments, environment: now})

    def with_adopted(self, environment: str, account_id: str, found: Mapping[str, str]) -> Record:
        """The record after an environment was adopted: ``found`` are ids by key."""
        placement = self.environments.get(environment, Placement(account_id))
        others = {key: id_ for key, id_ in found.items() if key not in placement.created}
        now = replace(placement, adopted={**placement.adopted, **others})
        return Record({**self.environments, environment: now})

    def without(self, environment: str, key: str, id_: str = "") -> Record:
        """The record after ``key``, or the resource with ``id_``, was deleted; an environment that
        has nothing left is removed, too."""
        environments = dict(self.environments)
        if placement := environments.pop(environment, None):
            created = _others(placement.created, key, id_)
            adopted = _others(placement.adopted, key, id_)
            if created or adopted:
                environments[environment] = replace(placement, created=created, adopted=adopted)
        return Record(environments)

    def as_dict(self) -> dict[str, Any]:
        """The record as a JSON object, for its file."""
        environments: dict[str, dict[str, Any]] = {}
        for name, item in sorted(self.environments.items()):
            created = dict(sorted(item.created.items()))
            environments[name] = {"account_id": item.account_id, "created": created}
            if item.adopted:
                environments[name]["adopted"] = dict(sorted(item.adopted.items()))
        return {"record_version": RECORD_VERSION, "environments": environments}


def _others(known: Mapping[str, str], key: str, id_: str) -> dict[str, str]:
    """``known`` without a key, and without what has the id."""
    return {
        name: value for name, value in known.items() if name != key and (not id_ or value != id_)
    }


def parse_record(data: Any, path: Path) -> Record:
    """Read a parsed record file.

    Raises:
        ProjectError: It is not a record, or was written by a newer cfpy.
    """
    try:
        version, environments = data["record_version"], data["environments"]
        if version not in (1, RECORD_VERSION):
            raise ProjectError(
                f"its record_version is {version!r}; this cfpy supports {RECORD_VERSION}",
                path=path,
                hint="Update cfpy.",
            )
        return Record(
            {
                str(name): Placement(
                    _account_id(item["account_id"]),
                    _ids(item["created"]),
                    _ids(item.get("adopted", {})),
                )
                for name, item in environments.items()
            }
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ProjectError(
            f"is not a valid record: {error}", path=path, hint="Restore it from git."
        ) from None


def _account_id(data: Any) -> str:
    """It becomes a part of addresses."""
    if not isinstance(data, str) or not re.fullmatch("[0-9a-fA-F]{32}", data):
        raise ValueError(f"account_id is {data!r}, but an id has 32 hexadecimal digits")
    return data


def _ids(data: Any) -> Mapping[str, str]:
    """Version 1 has a list of keys instead of a mapping."""
    if isinstance(data, list):
        return {str(key): "" for key in data}
    for key, id_ in data.items():
        if not isinstance(id_, str):
            raise TypeError(f"the id of {key} is {id_!r}, but must be a string")
    return dict(data)

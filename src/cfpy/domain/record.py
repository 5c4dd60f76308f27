"""What cfpy remembers of an environment: the account that it lives in, and what cfpy made there.

Everything else is read from the account. What cfpy did not make it must never delete unasked, and
nobody but cfpy knows which that is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cfpy.errors import ProjectError

#: Version of the file. Additions keep it, changes raise it.
RECORD_VERSION = 1


@dataclass(frozen=True)
class Placement:
    """``created`` holds the keys of actions, such as ``d1:shop-db``."""

    account_id: str
    created: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Record:
    """The environments that cfpy has provisioned; the top level of wrangler.toml is ``""``."""

    environments: Mapping[str, Placement]

    def account_id(self, environment: str) -> str:
        """The account of an environment; empty if it is nowhere yet."""
        placement = self.environments.get(environment)
        return placement.account_id if placement else ""

    def created(self, environment: str) -> frozenset[str]:
        """What cfpy made for an environment."""
        placement = self.environments.get(environment)
        return placement.created if placement else frozenset()

    def with_created(self, environment: str, account_id: str, key: str) -> Record:
        """The record after cfpy made ``key``."""
        placement = self.environments.get(environment, Placement(account_id))
        made = replace(placement, created=placement.created | {key})
        return Record({**self.environments, environment: made})

    def without(self, environment: str, key: str) -> Record:
        """The record after ``key`` is gone; an environment that holds nothing more goes too."""
        environments = dict(self.environments)
        if placement := environments.pop(environment, None):
            left = placement.created - {key}
            if left:
                environments[environment] = replace(placement, created=left)
        return Record(environments)

    def as_dict(self) -> dict[str, Any]:
        """The record as its file has it."""
        environments = {
            name: {"account_id": item.account_id, "created": sorted(item.created)}
            for name, item in sorted(self.environments.items())
        }
        return {"record_version": RECORD_VERSION, "environments": environments}


def parse_record(data: Any, path: Path) -> Record:
    """Read a parsed record file.

    Raises:
        ProjectError: It is not one, or a newer cfpy wrote it.
    """
    try:
        version, environments = data["record_version"], data["environments"]
        if version != RECORD_VERSION:
            raise ProjectError(
                f"its record_version is {version!r}, this cfpy knows {RECORD_VERSION}",
                path=path,
                hint="Use the newest cfpy.",
            )
        return Record(
            {
                str(name): Placement(str(item["account_id"]), frozenset(map(str, item["created"])))
                for name, item in environments.items()
            }
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ProjectError(
            f"is not a record of cfpy: {error}", path=path, hint="Take it from your last commit."
        ) from None

"""``cfpy backup list``: the backups of a project, and how far Time Travel goes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.account.backups.folder import FOLDER, local_backups
from cfpy.account.backups.manifest import BackupManifest
from cfpy.account.backups.targets import targets
from cfpy.account.bookmarks import back_to, reach
from cfpy.account.session import open_session
from cfpy.tools.context import Context


@dataclass(frozen=True)
class Reach:
    """How many days the Time Travel of a database goes back; 0 if not at all."""

    binding: str
    name: str
    days: int

    @property
    def described(self) -> str:
        """For people."""
        if not self.days:
            return "not at all: it has no history yet, or does not support it"
        return f"{self.days} day{'' if self.days == 1 else 's'}"


@dataclass(frozen=True)
class Listed:
    """The names of backups with their manifests, the newest first; and the databases of one
    environment."""

    backups: tuple[tuple[str, BackupManifest], ...]
    databases: tuple[Reach, ...]

    def as_dict(self, resolve: Callable[[str], str]) -> dict[str, Any]:
        """As JSON."""
        return {
            "backups": [
                {
                    "name": name,
                    "environment": manifest.environment,
                    "created": manifest.created,
                    "items": {item.key: item.count for item in manifest.items},
                    "whole": manifest.is_whole,
                    "skipped": list(manifest.skipped),
                    "too_large": list(manifest.too_large),
                    "missed": {i.key: len(i.missed) for i in manifest.items if i.missed},
                }
                for name, manifest in self.backups
            ],
            "databases": [
                {
                    "binding": item.binding,
                    "name": item.name,
                    "days": item.days,
                    "command": resolve(back_to(item.binding, "", "TIME")),
                }
                for item in self.databases
            ],
        }


def list_backups(ctx: Context, root: Path, environment: str, config: Path | None) -> Listed:
    """List the project's backups, and ask the account about its databases.

    Raises:
        CfpyError: The project can't be read, or the API can't be reached.
    """
    session = open_session(ctx, root, environment, config)
    data = session.account.data
    databases = tuple(
        Reach(target.binding, target.name, reach(data, target.id))
        for target in targets(session)
        if target.kind == "d1" and target.id
    )
    home = session.project.root / FOLDER
    found = ((path.relative_to(home).as_posix(), made) for path, made in local_backups(home.parent))
    return Listed(tuple(found), databases)

"""``cfpy backup create``: copies the data of an environment into a folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cfpy import __version__
from cfpy.account.backups.copying import Copying, TooLargeError
from cfpy.account.backups.folder import close, place_of, writing
from cfpy.account.backups.manifest import BackupManifest, Item
from cfpy.account.backups.targets import chosen, refuse_missing, targets
from cfpy.account.bookmarks import timestamp
from cfpy.account.session import open_session
from cfpy.errors import UsageError
from cfpy.project.lock import alone
from cfpy.tools.context import Context


@dataclass(frozen=True)
class CreateRequest:
    """``output`` is the folder of the backup; by default one below ``backups``. ``only`` and
    ``skip`` name kinds or resources, such as ``kv`` or ``kv:CACHE``."""

    root: Path
    environment: str
    output: Path | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    config: Path | None = None


@dataclass(frozen=True)
class Backup:
    """A whole backup."""

    folder: Path
    manifest: BackupManifest


def create(ctx: Context, request: CreateRequest) -> Backup:
    """Copy the data of an environment. Nothing in the account changes.

    Raises:
        UsageError: The account does not have a resource, the folder exists, or all that was chosen
            is too large.
        FilesystemError: The folder can't be written.
        WranglerError: A database can't be exported.
        CloudflareError: The API can't be reached, or fails. There is no folder then.
    """
    with alone(request.root, request.config):
        session = open_session(ctx, request.root, request.environment, request.config)
        found = targets(session)
        wanted = chosen(found, request.only, request.skip)
        if not wanted:
            raise UsageError(
                "there is nothing to back up: this environment has no D1, KV, R2 or Vectorize",
                hint="Nothing was created.",
            )
        refuse_missing(wanted)
        created = timestamp(datetime.now(UTC))
        root = session.project.root
        place = (request.output or place_of(root, request.environment, created)).absolute()
        # The toolchain is installed on first use: not in the middle.
        session.wrangler.argv()
        with writing(place, root) as folder:
            copying = Copying(
                session.account.data, session.wrangler.patient(), folder, ctx.progress
            )
            items: list[Item] = []
            too_large: list[TooLargeError] = []
            for target in wanted:
                # Who uses an application may fill a bucket: that must not end the backups of
                # everything else.
                try:
                    items.append(copying.copy(target))
                except TooLargeError as error:
                    too_large.append(error)
            if not items:
                raise too_large[0]
            manifest = BackupManifest(
                created=created,
                cfpy=__version__,
                worker=session.desired.worker,
                environment=request.environment,
                account_id=session.account.id,
                items=tuple(items),
                skipped=tuple(item.key for item in found if item not in wanted),
                too_large=tuple(error.reason for error in too_large),
            )
            close(folder, manifest)
        return Backup(place, manifest)

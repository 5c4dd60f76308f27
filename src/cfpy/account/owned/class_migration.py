"""Migrations of Durable Objects. A deployment deletes the objects whose class one deletes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import NO_SUCH_WORKER, Answers, Reading, nothing, there
from cfpy.account.owned.worker import ObservedWorker
from cfpy.errors import CloudflareError


@dataclass(frozen=True)
class ClassMigration:
    """One migration, with the classes that it deletes."""

    tag: str
    deleted: tuple[str, ...]


@dataclass(frozen=True)
class MigrationTag(Found):
    """The last migration that a Worker, its ``id`` here, has had."""

    kind = "class_migration"
    tag: str


class ClassMigrations(OwnedKind):
    name = "class_migration"

    def wanted(self, scope: Scope) -> Sequence[ClassMigration]:
        """All migrations, in order; none if none deletes a class."""
        tables = scope.inherited("migrations") or ()
        found = [
            ClassMigration(str(item.get("tag")), tuple(item.get("deleted_classes") or ()))
            for item in tables
        ]
        return found if any(item.deleted for item in found) else ()

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        if not desired.all(ClassMigration):
            return nothing
        task = reading.start(_tag, desired.worker)
        return lambda: there([task])

    def notices(self, now: Comparison) -> Iterator[str]:
        """As in wrangler (4.164.0, ``getMigrationsToUpload``): the migrations after the tag of the
        live Worker, or all of them if it has no tag that the file knows."""
        worker, wanted = now.desired.worker, now.desired.all(ClassMigration)
        if not now.observed.get(ObservedWorker, worker):
            return
        tags = [item.tag for item in wanted]
        found = now.observed.get(MigrationTag, worker)
        done = tags.index(found.tag) + 1 if found and found.tag in tags else 0
        for item in wanted[done:]:
            for name in item.deleted:
                yield (
                    f"the migration {item.tag} deletes the Durable Objects of {name}: a deployment "
                    "deletes all their data"
                )


def _tag(reading: Reading, worker: str) -> MigrationTag | None:
    try:
        found = reading.api.get(reading.path(f"workers/services/{worker}"))["result"]
    except CloudflareError as error:
        if error.api_code in NO_SUCH_WORKER:
            return None
        raise
    tag = found["default_environment"]["script"].get("migration_tag")
    return MigrationTag(worker, str(tag)) if tag else None

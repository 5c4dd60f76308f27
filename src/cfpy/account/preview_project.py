"""The project of a preview: the base's files, with a configuration that was derived from theirs."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from cfpy.account.owned.d1 import SEED
from cfpy.bindings.kinds.d1 import D1
from cfpy.bindings.previews import PreviewConfig
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import FilesystemError, UsageError
from cfpy.project.migrations import migrations_of
from cfpy.project.project import Project
from cfpy.tools.files import write_atomically

#: The configuration of a preview, while a command runs. wrangler finds the files that it names from
#: where it is, so it is in the project.
FILE = ".cfpy-preview.json"
_MIGRATIONS = ".wrangler/cfpy/preview-migrations"


@contextlib.contextmanager
def preview_project(
    base: Project, config: PreviewConfig, seed: str, *, dry_run: bool
) -> Iterator[Callable[[], Project]]:
    """The project of a preview, as a function that reads its files again.

    Args:
        base: The project.
        config: The derived configuration. It is in a file until the end, unless ``dry_run``.
        seed: A file of SQL for its database, ``BINDING=FILE`` if it has several; may be empty.
        dry_run: Whether to write no file.

    Raises:
        UsageError: The seed can't be used.
        FilesystemError: A file can't be written.
    """
    path = base.root / FILE
    if seed:
        config = _seeded(base, config, seed, dry_run=dry_run)
    if dry_run:
        yield lambda: _derived(base, config)
        return

    def load() -> Project:
        now = load_project(base.root, path)
        return replace(_derived(now, config), wrangler=now.wrangler)

    try:
        write_atomically(path, json.dumps(config.document, indent=2) + "\n")
        yield load
    finally:
        path.unlink(missing_ok=True)


def _derived(base: Project, config: PreviewConfig) -> Project:
    """``base`` with the derived configuration; what ``cfpy.toml`` has of a resource is about the
    preview's."""
    new = config.renamed
    return replace(
        base,
        config_name=FILE,
        wrangler=config.document,
        vectorize=tuple(
            replace(item, index_name=new.get(item.index_name, item.index_name))
            for item in base.vectorize
        ),
        r2=tuple(
            replace(item, bucket_name=new.get(item.bucket_name, item.bucket_name))
            for item in base.r2
        ),
        locations={(kind, new.get(name, name)): at for (kind, name), at in base.locations.items()},
        secrets=tuple(
            replace(item, environments=None) for item in base.secrets if item.is_for(config.source)
        ),
    )


def _seeded(base: Project, config: PreviewConfig, seed: str, *, dry_run: bool) -> PreviewConfig:
    """A seed is the last migration of the preview's database, so it is applied once, however often
    a run is repeated."""
    databases = config.document.get(D1.table) or []
    binding, _, file = seed.rpartition("=")
    chosen = [item for item in databases if binding in ("", item.get("binding"))]
    if len(chosen) != 1:
        names = ", ".join(str(item.get("binding")) for item in databases) or "none"
        raise UsageError(
            f"--seed {seed} is not for one database of the project: it has {names}",
            hint="For one of several: --seed BINDING=FILE.sql. Nothing was changed.",
        )
    try:
        sql = Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "") or "it is not UTF-8"
        raise UsageError(f"can't read {file}: {why}", hint="Nothing was changed.") from None
    [table] = chosen
    source = migrations_of(table)
    if dry_run:
        return config  # The plan shows the project's migrations: the copies are not there.
    _copy(base.root, source.directory, source.names(base.root), sql)
    new = {**table, "migrations_dir": _MIGRATIONS}
    if "migrations_pattern" in table:
        new["migrations_pattern"] = f"{_MIGRATIONS}/**/*.sql"
    tables = [new if item is table else item for item in databases]
    return replace(config, document={**config.document, D1.table: tables})


def _copy(root: Path, directory: str, names: tuple[str, ...], seed: str) -> None:
    target = root / _MIGRATIONS
    try:
        shutil.rmtree(target, ignore_errors=True)
        for name in names:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / directory / name, target / name)
        target.mkdir(parents=True, exist_ok=True)
        (target / SEED).write_text(seed, "utf-8")
    except OSError as error:
        raise FilesystemError(
            f"can't write {error.filename or target}: {error.strerror or error}",
            hint="Nothing was changed.",
        ) from error

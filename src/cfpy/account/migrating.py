"""Names the migration that failed: wrangler only prints the error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cfpy.account.failed_migration import failed_migration, line_of
from cfpy.errors import WranglerError

_NEXT = (
    "Fix {} and run the same command again. Nothing of that file was applied; the migrations "
    "before "
    "it stay applied."
)


@contextlib.contextmanager
def naming_the_file(database: str, root: Path, directory: str) -> Iterator[None]:
    """Wraps a command that applies migrations.

    Args:
        database: Its name, for the message.
        root: The project.
        directory: The directory of the migrations, relative to ``root`` or absolute.

    Raises:
        WranglerError: A migration failed; the message names its file, the line if SQLite's error
            shows it, and the migrations that were applied before it.
    """
    try:
        yield
    except WranglerError as error:
        failed = failed_migration(error.printed)
        if failed is None:
            raise
        path = root / directory / failed.name
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        try:
            line = line_of(path.read_bytes().decode().replace("\r\n", "\n"), error.output)
        except (OSError, UnicodeDecodeError):
            line = None
        where = f"{shown.as_posix()}:{line}" if line else shown.as_posix()
        lines = [f"can't apply the migrations of {database}: {where} failed", error.output]
        if failed.applied:
            lines.append(f"Applied before it: {', '.join(failed.applied)}")
        if failed.left:
            lines.append(f"Not tried: {', '.join(failed.left)}")
        raise WranglerError(
            "\n".join(lines),
            argv=error.argv,
            returncode=error.returncode,
            output=error.output,
            hint=_NEXT.format(shown.as_posix()) if "SQLITE" in error.output else error.hint,
            api_code=error.api_code,
            retry_after=error.retry_after,
            printed=error.printed,
        ) from None

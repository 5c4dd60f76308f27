"""Stores the record of what cfpy created in ``cfpy.state.json``, next to the configuration."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from cfpy.account.record import Record, parse_record
from cfpy.errors import FilesystemError, ProjectError
from cfpy.project.config_file import NAMES
from cfpy.project.encoded import read_text
from cfpy.tools.files import write_atomically

RECORD_FILE = "cfpy.state.json"


class RecordStore:
    """The record of one project. Thread-safe; processes must hold the project's lock."""

    def __init__(self, root: Path, config_name: str = "wrangler.toml") -> None:
        """``config_name`` is the configuration in ``root``. One whose name wrangler does not look
        for is another Worker, with its own record."""
        usual = config_name in NAMES
        self.path = root / (RECORD_FILE if usual else f"cfpy.state.{Path(config_name).stem}.json")
        self._lock = threading.Lock()

    def read(self) -> Record:
        """The record; empty if there is no file.

        Raises:
            ProjectError: The file can't be read, or is not a record.
        """
        if not self.path.exists():
            return Record({})
        text = read_text(self.path, ProjectError)
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            if conflict := next(_conflicts(text), 0):
                raise ProjectError(
                    "git has not merged it: it has conflict markers",
                    path=self.path,
                    line=conflict,
                    hint="Keep what both sides have, and remove the markers.",
                ) from None
            raise ProjectError(
                error.msg,
                path=self.path,
                line=error.lineno,
                column=error.colno,
                hint="Restore the file from git.",
            ) from None
        return parse_record(data, self.path)

    def change(self, edit: Callable[[Record], Record]) -> None:
        """Change the record with ``edit``, and write it; delete the file after its last
        environment.

        Raises:
            ProjectError: As :meth:`read`.
            FilesystemError: It can't be written. It is as it was.
        """
        with self._lock:
            before = self.read()
            after = edit(before)
            if after == before:
                return
            if after.environments:
                write_atomically(self.path, json.dumps(after.as_dict(), indent=2) + "\n")
                return
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                raise FilesystemError(f"can't delete {self.path}: {error.strerror}") from error


def _conflicts(text: str) -> Iterator[int]:
    """The lines where git begins a conflict."""
    return (n for n, line in enumerate(text.splitlines(), 1) if line.startswith("<<<<<<< "))

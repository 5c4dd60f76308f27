"""Reads the values of secrets that are given to a command."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from cfpy.errors import UsageError
from cfpy.project.dotenv_text import parse_dotenv


def read_secrets(file: Path | None) -> Mapping[str, str]:
    """Values by name, from a file with JSON or ``KEY=VALUE`` lines; ``-`` is standard input.

    Lines are read like in ``wrangler secret bulk``: lines that assign nothing are skipped.

    Raises:
        UsageError: It can't be read, or is not valid. No message quotes its content.
    """
    if file is None:
        return {}
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"can't read the secrets in {file}: {getattr(error, 'strerror', '') or 'not UTF-8'}"
        ) from None
    text = text.removeprefix("\ufeff")  # Some editors on Windows begin a file with it.
    if text.lstrip().startswith("{"):
        return _from_json(text, file)
    values = parse_dotenv(text)
    if not values:
        raise _not_secrets(file)
    return values


def _from_json(text: str, file: Path) -> Mapping[str, str]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError:
        # Its message would quote the line.
        raise _not_secrets(file) from None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise _not_secrets(file)
    return values


def _not_secrets(file: Path) -> UsageError:
    return UsageError(
        f"{file} is not a file of secrets",
        hint='Use a JSON object of strings, {"API_TOKEN": "..."}, or KEY=VALUE lines.',
    )

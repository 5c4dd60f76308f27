"""The format of a project's configuration: TOML or JSON with comments.

A pattern has one configuration, in either format; cfpy's own have a ``wrangler.toml``, which layers
can extend. A project that wants the other format gets the same configuration in it, and its other
files name that file.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from cfpy.errors import PatternError
from cfpy.patterns.merge import BaseFile, digest
from cfpy.project.config_file import configuration_in
from cfpy.project.jsonc_to_toml import to_toml
from cfpy.project.toml_to_jsonc import to_jsonc

_TOML = "wrangler.toml"
_ANY = re.compile(r"\bwrangler\.(toml|jsonc|json)\b")


class ConfigFormat(StrEnum):
    """The format of a project's configuration; also the suffix of its file."""

    TOML = "toml"
    JSONC = "jsonc"
    #: Has comments, too: it is the older name of JSONC. For projects that are converted by hand.
    JSON = "json"

    @property
    def file_name(self) -> str:
        """``wrangler.toml``, for example."""
        return f"wrangler.{self.value}"


def format_in(root: Path) -> ConfigFormat | None:
    """The format that the project in ``root`` uses; ``None`` without a configuration."""
    found = configuration_in(root)
    return ConfigFormat(found.suffix[1:]) if found else None


def named(text: str, wanted: ConfigFormat | None) -> str:
    """A message for people, with the name of the configuration file."""
    return _ANY.sub(wanted.file_name, text) if wanted else text


def converted(name: str, text: str, wanted: ConfigFormat) -> str:
    """The configuration ``text`` of a file ``name`` in another format.

    Raises:
        ValueError: It does not parse, or has a value that the other format does not have.
    """
    if name == wanted.file_name:
        return text
    if wanted is ConfigFormat.TOML:
        return to_toml(text)
    return to_jsonc(text) if name == _TOML else text


def in_format(files: Mapping[str, bytes], wanted: ConfigFormat) -> dict[str, bytes]:
    """The files of a rendered project, by name, with the configuration in the format ``wanted``;
    unchanged if there is none, or it has that format.

    Raises:
        ValueError: As :func:`converted`.
    """
    names = [form.file_name for form in ConfigFormat if form.file_name in files]
    if not names or wanted.file_name in names:
        return dict(files)
    [name] = names
    # With the spaces up to the next column, if it is in a table.
    mention = re.compile(rb"\b" + re.escape(name.encode()) + rb"\b( {2,})?")

    def renamed(match: re.Match[bytes]) -> bytes:
        return wanted.file_name.encode().ljust(len(match[0]) if match[1] else 0)

    result = {other: mention.sub(renamed, data) for other, data in files.items() if other != name}
    text = mention.sub(renamed, files[name]).decode("utf-8-sig")
    return result | {wanted.file_name: converted(name, text, wanted).encode()}


def with_format(base: Mapping[str, BaseFile], wanted: ConfigFormat | None) -> dict[str, BaseFile]:
    """What a pattern rendered earlier, with its configuration in the format ``wanted``; a
    configuration that can't be converted stays as it is."""
    result = dict(base)
    for form in ConfigFormat if wanted else ():
        before = base.get(form.file_name)
        if wanted and form is not wanted and before and before.data:
            with contextlib.suppress(ValueError, RecursionError):
                text = before.data.decode("utf-8-sig")
                data = converted(form.file_name, text, wanted).encode()
                result[wanted.file_name] = BaseFile(digest(data), before.executable, data)
                del result[form.file_name]
    return result


def convert(root: Path, wanted: ConfigFormat, pattern: str) -> None:
    """Convert the project in ``root``, which has just been rendered from ``pattern``.

    Raises:
        PatternError: The configuration can't be converted.
    """
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }
    try:
        changed = in_format(files, wanted)
    except (ValueError, RecursionError) as error:
        found = configuration_in(root)
        raise PatternError(
            f"pattern {pattern!r} creates a {found.name if found else 'configuration'} that can't "
            f"be converted to {wanted.file_name}: {error}",
            hint="Run the command without --config, and tell the pattern's author.",
        ) from error
    for name, data in changed.items():
        if files.get(name) != data:
            (root / name).write_bytes(data)
    for name in files.keys() - changed.keys():
        (root / name).unlink()

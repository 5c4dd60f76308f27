"""Reads the log lines of a Worker that are JSON, as those of the patterns are.

Workers Logs takes them apart; a person at a terminal needs a line and a traceback instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.local.traces import readable

_LEVELS = {"debug", "info", "log", "warn", "warning", "error", "critical", "fatal"}
_BAD = {"error", "critical", "fatal"}
_REQUEST = ("method", "path", "status")
_HIDDEN = {"level", "ms", *_REQUEST}


@dataclass(frozen=True)
class LogLine:
    """A log line for a person. ``request`` is the method, path and status of the request that it
    tells about, if it does; ``text`` is one line; ``error`` is empty, or a message or a traceback
    with the error last."""

    level: str
    text: str
    error: str
    request: tuple[str, str, int] | None

    @property
    def is_bad(self) -> bool:
        """Whether it reports an error."""
        return self.level in _BAD or bool(self.request and self.request[2] >= 500)


def parse(line: str) -> LogLine | None:
    """A line that is a JSON object with a ``level``; ``None`` for every other line."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    level = str(fields.get("level")).lower() if isinstance(fields, dict) else ""
    if level not in _LEVELS:
        return None
    request = _request(fields)
    # What is long comes below: a traceback, and the error of a service.
    blocks = {name: value for name, value in fields.items() if _is_block(name, value)}
    hidden = {"level", *blocks, *(_HIDDEN if request else ())}
    rest = [f"{name}={_shown(value)}" for name, value in fields.items() if name not in hidden]
    if request:
        took = fields.get("ms")
        duration = f" {took:.0f} ms" if isinstance(took, int | float) else ""
        head = f"{request[0]} {request[1]} {request[2]}{duration}"
    else:
        head = level
    text = "  ".join([head, " ".join(rest)] if rest else [head])
    error = "\n".join(readable(str(value)).rstrip("\n") for value in blocks.values())
    return LogLine(level, text, error, request)


def _request(fields: Mapping[str, Any]) -> tuple[str, str, int] | None:
    method, path, status = (fields.get(name) for name in _REQUEST)
    if isinstance(method, str) and isinstance(path, str) and type(status) is int:
        return method, path, status
    return None


def _is_block(name: str, value: object) -> bool:
    return isinstance(value, str) and bool(value) and ("\n" in value or name == "error")


def _shown(value: object) -> str:
    if isinstance(value, str) and value and not any(c.isspace() or c in '"=' for c in value):
        return value
    return json.dumps(value, ensure_ascii=False)

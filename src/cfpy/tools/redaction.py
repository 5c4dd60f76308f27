"""Keeps secret values out of what cfpy prints and logs.

Every message goes through ``cli/console.py``, which uses :class:`KnownSecrets`. Values come from
the environment, and from code that handles a secret: the token of wrangler's login, a secret that
was given or typed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any

HIDDEN = "***"
#: Variables that hold a secret in any form.
SECRET_VARIABLES = (
    *("CLOUDFLARE_API_TOKEN", "CF_API_TOKEN", "CLOUDFLARE_API_KEY", "CF_API_KEY"),
    *("CLOUDFLARE_ACCESS_CLIENT_SECRET", "WRANGLER_CF_AUTHORIZATION_TOKEN"),
    *("CFPY_AI_API_KEY", "CFPY_AI_EMBEDDINGS_KEY"),
)
# Shorter values are words such as "on": hiding them would hide half of a message.
_SHORTEST = 3
# A value of at least this length is hidden everywhere, also in the middle of a word.
_LONG = 8
# The same for a part of a value.
_PART = 12
# The name and the password in front of a host: https://name:password@host.
_IN_ADDRESS = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^/@\s\"'<>]*:[^@\s\"'<>]*@")


class KnownSecrets:
    """The secret values of one run. Thread-safe."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._patterns: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self.add(*values)

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> KnownSecrets:
        """The secrets in environment variables."""
        return cls(environ[name] for name in SECRET_VARIABLES if name in environ)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._patterns)} values)"

    def add(self, *values: str) -> None:
        """Hide these values from now on, in each form in which a message may quote them."""
        with self._lock:
            for value in values:
                for form in _forms(value):
                    edge = "" if len(form) >= _LONG else r"\b"
                    before = edge if re.match(r"\w", form) else ""
                    after = edge if re.search(r"\w$", form) else ""
                    self._patterns[form] = f"{before}{re.escape(form)}{after}"
            # The longest first; otherwise a part of one would be shown.
            ordered = sorted(self._patterns, key=len, reverse=True)
            joined = "|".join(self._patterns[form] for form in ordered)
            self._pattern = re.compile(joined) if joined else None

    def redact(self, text: str) -> str:
        """``text`` without the secrets, and without passwords in addresses."""
        text = _IN_ADDRESS.sub(rf"\g<scheme>{HIDDEN}@", text)
        pattern = self._pattern
        return pattern.sub(HIDDEN, text) if pattern else text

    def redact_all(self, document: Any) -> Any:
        """A JSON document with each of its strings redacted, keys included."""
        if isinstance(document, str):
            return self.redact(document)
        if isinstance(document, Mapping):
            return {self.redact_all(key): self.redact_all(item) for key, item in document.items()}
        if isinstance(document, list | tuple):
            return [self.redact_all(item) for item in document]
        return document


def _forms(value: str) -> set[str]:
    """A value as it is, and as repr, JSON and a URL show it; the same for each of its lines."""
    # Imported only if there is a secret: most commands have none, and start faster without.
    import json
    from urllib.parse import quote

    plain = value.strip()
    lines = [line.strip() for line in plain.splitlines()] if "\n" in plain else []
    # A list of names and tokens may be quoted in part. A URL has parts that are not secret.
    # So does a line of a settings file: the name of its variable.
    parts = [part for part in re.split(r"[\s,;:=]+", plain) if not re.search(r"[/.@]", part)]
    parts = [part for part in parts if part not in SECRET_VARIABLES]
    found = {plain, *(part for part in (*lines, *parts) if len(part) >= _PART)}
    for text in tuple(found):
        # In os.environ, a byte that is not UTF-8 is a lone surrogate.
        clean = text.encode("utf-8", "surrogatepass")
        found |= {repr(text)[1:-1], repr(clean)[2:-1], json.dumps(text)[1:-1], quote(clean)}
        found |= {json.dumps(text, ensure_ascii=False)[1:-1], quote(clean, safe="")}
    return {form for form in found if len(form) >= _SHORTEST}

"""Names that Cloudflare accepts."""

from __future__ import annotations

import re

from cfpy.errors import UsageError

#: A Worker's name is a DNS label of workers.dev, so at most 63 characters
#: (developers.cloudflare.com/workers/wrangler/configuration). Patterns name their resources
#: after it (`myapp-docs`), and the strictest of those, a Vectorize index, takes 64 bytes: this
#: leaves room for the suffix.
MAX_PROJECT_NAME = 54

_VALID = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


def check_project_name(name: str) -> str:
    """Return ``name`` if it can name a Worker.

    Raises:
        UsageError: It can't; the hint offers the nearest name that can.
    """
    if _VALID.fullmatch(name) and len(name) <= MAX_PROJECT_NAME:
        return name
    suggestion = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:MAX_PROJECT_NAME].strip("-")
    raise UsageError(
        f"{name!r} can't name a Worker: use lower-case letters, digits and inner dashes, "
        f"at most {MAX_PROJECT_NAME} characters",
        hint=f"Try: {suggestion}" if suggestion else "Try: myapp",
    )

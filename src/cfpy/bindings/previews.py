"""Derives the configuration of a preview: what an environment has, with names of its own. Pure.

The names depend on the Worker and the preview's name only, so each machine finds the same ones. A
hash keeps ``feature/A`` and ``feature-a`` apart, and names that had to be shortened.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.bindings.asked import LONGEST_NAME
from cfpy.bindings.becoming import Renamer
from cfpy.bindings.environments import derive, effective
from cfpy.errors import UsageError
from cfpy.tools.invocation import command

_HASH = 6
_LONGEST_SLUG = 13
_LONGEST_ENVIRONMENT = len("preview--") + _LONGEST_SLUG + _HASH
# A label of a host name has 63 characters; the URL of a version puts eight and a hyphen before the
# Worker's name (developers.cloudflare.com/workers/configuration/previews).
_LONGEST_WORKER = 63 - 9


@dataclass(frozen=True)
class PreviewConfig:
    """The configuration of a preview, all at the top level of a file of its own: ``document``.

    ``source`` is the environment that it is derived from, empty for the top level. ``renamed`` has
    the new names of resources by the old ones, ``shared`` the bindings that it shares with its
    source, by table.
    """

    worker: str
    source: str
    document: Mapping[str, Any]
    renamed: Mapping[str, str]
    shared: Mapping[str, tuple[str, ...]]


def preview_worker(worker: str, name: str) -> str:
    """The Worker of the preview ``name`` of the Worker ``worker``; 54 characters at most."""
    return f"{preview_prefix(worker)}{_environment(worker, name)}"


def preview_prefix(worker: str) -> str:
    """What the names of all previews of a Worker begin with."""
    return f"{_shortened(worker, _LONGEST_WORKER - _LONGEST_ENVIRONMENT - 1)}-"


def _environment(worker: str, name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_LONGEST_SLUG].strip("-")
    return "-".join(part for part in ("preview", slug, _hash(f"{worker}/{name}")) if part)


def derive_preview(config: Mapping[str, Any], source: str, name: str) -> PreviewConfig:
    """Derive the preview ``name`` from an environment of a parsed configuration.

    It has no routes, custom domains and cron triggers: it is at workers.dev, and does nothing that
    nobody asked it for.

    Args:
        config: The configuration.
        source: The environment; empty for the top level.
        name: The name of the preview, such as a branch.

    Raises:
        UsageError: There is no such environment, or the preview has no name.
    """
    if not name.strip():
        hint = f"Name it: {command('preview', 'up', 'NAME')}. Nothing was changed."
        raise UsageError("a preview needs a name", hint=hint)
    worker = str(config["name"])
    own = ("route", "routes", "previews", "triggers")
    flat = {key: value for key, value in effective(config, source).items() if key not in own}
    rename = _PreviewRenamer(str(flat["name"]), _environment(worker, name), worker, name)
    new = derive(flat, rename.environment, rename)
    here = {"name": new.worker, "workers_dev": True, "triggers": {"crons": []}}
    # As JSON has it: a date of TOML is a string there.
    document = json.loads(json.dumps({**flat, **new.tables, **here}, default=str))
    return PreviewConfig(new.worker, source, document, new.renamed, new.shared)


class _PreviewRenamer(Renamer):
    def __init__(self, source: str, environment: str, worker: str, name: str) -> None:
        super().__init__(source, environment, preview_worker(worker, name))

    def bounded(self, name: str) -> str:
        return _shortened(name, LONGEST_NAME)


def _shortened(name: str, longest: int) -> str:
    """``name`` if it is not too long; otherwise its beginning, and a hash of all of it."""
    if len(name) <= longest:
        return name
    return f"{name[: longest - _HASH - 1].rstrip('-_')}-{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH]

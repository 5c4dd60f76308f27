"""The ``[build]`` of a project: its own command, which runs before the Worker is read.

The defaults are wrangler's: developers.cloudflare.com/workers/wrangler/custom-builds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfpy.project.project import Project

_WATCHED = "./src"


def build_settings(project: Project) -> dict[str, Any] | None:
    """The custom build of the project: its command, its working directory, and the directories
    (absolute) that start it again when they change. ``None`` if there is no build."""
    build = project.wrangler.get("build")
    if not isinstance(build, Mapping) or not build.get("command"):
        return None
    watched = build.get("watch_dir", _WATCHED)
    names = watched if isinstance(watched, list) else [watched]
    return {
        "command": str(build["command"]),
        "cwd": str(project.root / str(build.get("cwd", "."))),
        "watch": [str(project.root / str(name)) for name in names],
    }


def with_own_build(config: dict[str, Any], root: Path) -> dict[str, Any]:
    """``config`` with wrangler's default for what [build] watches written out, so that the path can
    be relocated, and with an absolute ``cwd``: wrangler takes that as it is, relative to its own
    working directory."""
    build = config.get("build")
    if not isinstance(build, Mapping) or not build.get("command"):
        return config
    cwd = str((root / str(build.get("cwd", "."))).absolute())
    return {**config, "build": {"watch_dir": _WATCHED, **build, "cwd": cwd}}

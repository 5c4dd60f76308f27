"""The ``[build]`` of a project: a command of its own that runs before the Worker is read.

The defaults are wrangler's: developers.cloudflare.com/workers/wrangler/custom-builds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfpy.domain.project import Project

_WATCHED = "./src"


def build_settings(project: Project) -> dict[str, Any] | None:
    """The custom build of the project: its command, where it runs, and the directories whose
    changes start it again, absolute. None if there is none."""
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


def with_watched(config: dict[str, Any]) -> dict[str, Any]:
    """``config`` with wrangler's default for what a [build] watches, which has to move with it."""
    build = config.get("build")
    if not isinstance(build, Mapping) or not build.get("command"):
        return config
    return {**config, "build": {"watch_dir": _WATCHED, **build}}

"""Where wrangler reads the modules of a Worker that it does not bundle.

It reads them from their directory at every ``change`` that a file system watcher reports, even in
the middle of a save. An editor that truncates a file before it writes can leave an empty module,
since a second change within 50 ms is dropped (``runBuild`` in wrangler 4.164.0; observed in 7 of 28
saves). A new file is not noticed at all. Its watcher ignores paths with ``.wrangler`` in them, so
cfpy gives it a link there, and tells it when to read, by changing its configuration, once the
files are complete.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cfpy.project.project import Project

_LINK = "modules"


def module_root(project: Project, entry: Path) -> Path | None:
    """The directory of the modules if wrangler reads all files below it, and ``None`` if it bundles
    them (esbuild watches the content of what it reads), or watches the directories of a custom
    build by itself."""
    config = project.wrangler
    if not (project.is_python or config.get("no_bundle")) or config.get("build"):
        return None
    root = project.root / str(config["base_dir"]) if config.get("base_dir") else entry.parent
    return root if entry.is_relative_to(root) else None


def link_modules(root: Path, derived: Path) -> Path:
    """Create the link to ``root`` in the directory of the derived configuration."""
    link = derived / _LINK
    if link.is_symlink() and link.readlink() == root.absolute():
        return link
    link.unlink(missing_ok=True)
    link.symlink_to(root.absolute(), target_is_directory=True)
    return link


def below_link(config: dict[str, Any], root: Path, entry: Path, link: Path) -> dict[str, Any]:
    """``config``, a derived configuration, with the modules below ``link``."""
    changed = {**config, "main": str(link / entry.relative_to(root))}
    if config.get("base_dir"):
        changed["base_dir"] = link.name
    return changed


def read_again(worker: Path) -> None:
    """Tell wrangler to read everything again: ``worker``, a derived configuration, gets another
    size and keeps its meaning."""
    text = worker.read_text("utf-8")
    worker.write_text(text[:-1] if text.endswith("\n\n") else f"{text}\n", "utf-8")

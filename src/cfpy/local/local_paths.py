"""Rewrites the paths in a configuration for another directory.

wrangler resolves most paths of its configuration relative to the directory of that file. A derived
configuration is in ``.wrangler/cfpy``, so its paths are rewritten. The keys that hold paths come
from the ``config-schema.json`` of the pinned wrangler; a test fails on one that is in neither list
here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

#: Keys that hold a path; ``*`` is each item of a list or each value of a table. Most go through
#: ``path.join(directory, value)`` in wrangler, which ignores a leading ``/``; some through
#: ``path.resolve``. A relative path is right for both.
PATHS = (
    "base_dir",
    "tsconfig",
    "build.watch_dir",
    "build.watch_dir.*",
    "site.bucket",
    "site.entry-point",
    "wasm_modules.*",
    "text_blobs.*",
    "data_blobs.*",
    "containers.*.image_build_context",
    "containers.*.images.*.dockerfile",
    "containers.*.images.*.build_context",
    "unsafe.capnp.base_path",
    "unsafe.capnp.source_schemas.*",
    "unsafe.capnp.compiled_schema",
)
#: Keys that hold a path, or a name such as that of a package or an image in a registry.
SOMETIMES_PATHS = ("alias.*", "containers.*.image")
#: Keys whose descriptions mention files or paths, but that do not depend on the place of the
#: configuration. ``main`` is set by the caller.
NO_PATHS = {
    "$schema": "for editors",
    "main": "the caller sets it",
    "build.cwd": "absolute already: wrangler takes it as it is",
    "assets.directory": "absolute already: wrangler resolves it",
    "d1_databases.*.migrations_dir": "absolute already: wrangler resolves it",
    "d1_databases.*.migrations_pattern": "the same",
    "pages_build_output_dir": "only for Pages; wrangler dev refuses it",
    "rules": "globs below base_dir, which defaults to the directory of main",
    "find_additional_modules": "true or false",
    "preserve_file_names": "true or false",
    "python_modules.exclude": "globs below python_modules",
    "site.include": "patterns below the bucket",
    "site.exclude": "patterns below the bucket",
    "assets.base_path": "a path in URLs",
    "assets.run_worker_first": "patterns of URLs",
    "assets.html_handling": "how URLs are read",
    "containers.*.authorized_keys": "keys, not files",
    "containers.*.trusted_user_ca_keys": "keys, not files",
    "dev.container_engine": "a socket, absolute",
    "artifacts": "a service of Cloudflare",
}


def relocate(config: Mapping[str, Any], root: Path, directory: Path) -> dict[str, Any]:
    """``config``, whose paths are relative to ``root``, with paths relative to ``directory``."""
    prefix = os.path.relpath(root, directory)

    def move(value: str) -> str:
        # wrangler joins: "/x" is below its directory, like "./x". A path outside stays outside.
        outside = Path(value).is_absolute() and Path(value).exists()
        return os.path.relpath(value, directory) if outside else f"{prefix}/{value}"

    def move_sometimes(value: str) -> str:
        return move(value) if value.startswith(".") or (root / value).is_file() else value

    moved: Any = config
    for keys in PATHS:
        moved = _change(moved, keys.split("."), move)
    for keys in SOMETIMES_PATHS:
        moved = _change(moved, keys.split("."), move_sometimes)
    return dict(moved)


def _change(value: Any, keys: list[str], change: Callable[[str], str]) -> Any:
    """A copy of ``value`` with the strings at ``keys`` changed; other types stay as they are."""
    if not keys:
        return change(value) if isinstance(value, str) else value
    first, rest = keys[0], keys[1:]
    if isinstance(value, Mapping):
        if first == "*":
            return {key: _change(item, rest, change) for key, item in value.items()}
        if first in value:
            return {**value, first: _change(value[first], rest, change)}
    elif isinstance(value, list) and first == "*":
        return [_change(item, rest, change) for item in value]
    return value

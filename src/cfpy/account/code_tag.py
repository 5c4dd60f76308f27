"""Identifies the code of a version, so that it is recognised in the account.

A version's tag is ``cfpy-CODE-SETTINGS``. ``CODE`` is a hash of all modules and static assets of
the upload: it is the same in all environments. ``SETTINGS`` is a hash of what else an upload has:
bindings, variables and the compatibility date.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cfpy.bindings.environments import effective
from cfpy.project.project import Project
from cfpy.tools.git import Git

# Together at most 25 characters, which wrangler and the dashboard show in full.
_TAG = re.compile(r"cfpy-([0-9a-f]{12})-([0-9a-f]{6})")
# `wrangler deploy --outdir` writes the name of the Worker and the time into it.
_NOT_CODE = ("README.md",)
# What installers write about themselves, into python_modules/*.dist-info.
_OF_INSTALLERS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
# What an upload does not have: wrangler sets it by other requests, or it only names things.
_NOT_UPLOADED = frozenset({"name", "route", "routes", "triggers", "workers_dev", "preview_urls"})


def modules_hash(out_dir: Path) -> str:
    """The hash of the modules that ``wrangler deploy --outdir`` wrote."""
    return _hash(
        (path, name)
        for path, name in _files(out_dir)
        if name not in _NOT_CODE
        and path.suffix != ".map"
        and not (path.parent.suffix == ".dist-info" and path.name in _OF_INSTALLERS)
    )


def version_tag(modules: str, project: Project, environment: str) -> str:
    """The tag of an upload.

    Args:
        modules: The result of :func:`modules_hash`.
        project: As it is deployed: with all ids.
        environment: One of its environments; empty for the top level.
    """
    tables = effective(project.wrangler, environment)
    folders = [project.root / folder for folder in _folders(tables)]
    assets = _hash(item for folder in folders for item in _files(folder))
    code = hashlib.sha256(f"{modules} {assets}".encode()).hexdigest()[:12]
    settings = {key: value for key, value in tables.items() if key not in _NOT_UPLOADED}
    text = json.dumps(settings, sort_keys=True, default=str)
    return f"cfpy-{code}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def code_in(tag: str) -> str:
    """The code in a version's tag; empty if cfpy did not deploy the version."""
    found = _TAG.fullmatch(tag)
    return found[1] if found else ""


def commit_message(git: Git, root: Path) -> str:
    """Where the code is from, for a version's message; empty outside a repository."""
    commit = git.read(root, "rev-parse", "--short=12", "--verify", "--quiet", "HEAD")
    if not commit:
        return ""
    changed = git.read(root, "status", "--porcelain", "--", ".")
    return f"commit {commit}{' with changes' if changed else ''}"


def _folders(tables: Mapping[str, Any]) -> Iterator[str]:
    for table, key in (("assets", "directory"), ("site", "bucket")):
        value = tables.get(table)
        if isinstance(value, Mapping) and isinstance(value.get(key), str):
            yield value[key]


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    found = (path for path in folder.rglob("*") if path.is_file())
    named = ((path, path.relative_to(folder).as_posix()) for path in found)
    yield from sorted(named, key=lambda item: item[1])


def _hash(files: Iterable[tuple[Path, str]]) -> str:
    """The hash of names and contents, in the order of ``files``."""
    whole = hashlib.sha256()
    for path, name in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{name} {content}\n".encode())
    return whole.hexdigest()

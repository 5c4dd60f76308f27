"""``cfpy adopt``: makes a Worker that cfpy did not create one that it can operate.

It reads what the Worker has in the account and writes it into the project's files. It changes
nothing in the account, and no line of code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from cfpy.account.conflicts import conflict_error
from cfpy.account.observed import ObservedState
from cfpy.account.owned.vectorize import ObservedIndex
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.plan import Action, Do
from cfpy.account.resources import desired_state
from cfpy.account.session import Session, open_session, refuse_broken
from cfpy.account.unknown_ids import without_unknown_ids
from cfpy.bindings.add import SETTINGS_HEAD
from cfpy.bindings.registry import OWNED
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import NotLoggedInError
from cfpy.project.changes import NewContent, apply
from cfpy.project.config_text import edited, read
from cfpy.project.edits import Append, Edit, Put
from cfpy.project.lock import alone
from cfpy.project.project import Project, VectorizeIndex
from cfpy.project.secret import Secret
from cfpy.tools.context import Context
from cfpy.tools.files import refuse_read_only
from cfpy.tools.installed import installation

_SETTINGS = "cfpy.toml"
#: The workflow of `--ci`.
WORKFLOW = ".github/workflows/ci.yml"
# What a project can have besides: where each goes, and what it is made of.
_TESTS = {
    "tests/conftest.py": ("templates", "base", "template", "tests", "conftest.py"),
    "tests/test_worker.py": ("adopted", "test_worker.py"),
}
_EXTRAS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "tests": _TESTS,
    "ci": {WORKFLOW: ("adopted", "ci.yml")},
    "agents": {"AGENTS.md": ("adopted", "AGENTS.md")},
}


@dataclass(frozen=True)
class AdoptRequest:
    """What to adopt. ``extras`` are among ``tests``, ``ci`` and ``agents``: files to add.
    ``remove_ids`` is whether ids that the account does not have are removed."""

    root: Path
    environment: str
    extras: tuple[str, ...]
    dry_run: bool
    config: Path | None = None
    remove_ids: bool = False


@dataclass(frozen=True)
class Adopted:
    """What was adopted, or would be.

    ``resources`` are the ids of what the account has, by key; ``missing`` are the keys of what it
    does not have, which ``cfpy provision`` creates. ``secrets`` are the names of those in the
    account that ``cfpy.toml`` did not have. ``before`` and ``after`` are the texts of the files
    that change, by name; ``kept`` are files that exist already. ``removed`` are the removed ids by
    binding. ``logged_in`` is whether the account was read: without a login, only files are added.
    """

    worker: str
    deployed: bool
    resources: Mapping[str, str]
    missing: tuple[str, ...]
    secrets: tuple[str, ...]
    before: Mapping[str, str]
    after: Mapping[str, str]
    kept: tuple[str, ...]
    removed: Mapping[str, str]
    logged_in: bool = True


def run(ctx: Context, request: AdoptRequest) -> Adopted:
    """Adopt a Worker. Without a login, only add the files that are asked for.

    Raises:
        NotLoggedInError: Nobody is logged in, and no file is asked for.
        PlanConflictError: The project and the account do not agree. Nothing was changed.
        CfpyError: As :func:`cfpy.account.session.open_session`.
        FilesystemError: A file can't be written. Nothing was changed.
    """
    with alone(request.root, request.config, dry_run=request.dry_run):
        try:
            opened = open_session(ctx, request.root, request.environment, request.config)
        except NotLoggedInError:
            if request.remove_ids or not request.extras:
                raise
            return _files_alone(request)
        session, removed, removals = (
            without_unknown_ids(opened) if request.remove_ids else (opened, {}, ())
        )
        refuse_broken(session)
        observed = session.observe()
        worker = observed.get(ObservedWorker, session.desired.worker)
        plan = session.plan()
        steps = [action for action in plan.actions if action.kind in OWNED]
        # An index that neither cfpy.toml nor the account has can't be created yet.
        indexes = {item.index_name for item in session.desired.all(VectorizeIndex)}
        absent = indexes - observed.all(ObservedIndex).keys()
        missing = tuple(
            item.key
            for item in steps
            if item.do is Do.CREATE or (item.kind == "vectorize" and item.name in absent)
        )
        _refuse([item for item in plan.conflicts if item.key not in missing])
        found = {item.key: item.id or item.name for item in steps if item.key not in missing}
        described = {secret.name for secret in session.desired.all(Secret)}
        secrets = tuple(sorted(worker.secrets - described)) if worker else ()
        before, after = _edited(session, steps, observed, secrets, removals)
        extra, kept = _extras(session.project, request.extras)
        adopted = Adopted(
            session.desired.worker,
            worker is not None,
            found,
            missing,
            secrets,
            {**before, **dict.fromkeys(extra, "")},
            {**after, **extra},
            kept,
            removed,
        )
        if not request.dry_run:
            opened.refuse_edited()
            # It is written last.
            refuse_read_only(session.records.path)
            changed = {name: NewContent(text.encode()) for name, text in adopted.after.items()}
            apply(session.project.root, changed)
            account_id = session.account.id
            session.records.change(
                lambda record: record.with_adopted(session.environment, account_id, found)
            )
        return adopted


def _files_alone(request: AdoptRequest) -> Adopted:
    """Add the files, which have nothing of the account."""
    project = load_project(request.root, request.config)
    worker = desired_state(project, request.environment).worker
    extra, kept = _extras(project, request.extras)
    if not request.dry_run:
        apply(project.root, {name: NewContent(text.encode()) for name, text in extra.items()})
    before = dict.fromkeys(extra, "")
    return Adopted(worker, False, {}, (), (), before, extra, kept, {}, logged_in=False)


def _refuse(conflicts: list[Action]) -> None:
    if conflicts:
        raise conflict_error(
            conflicts,
            "Change the configuration or the account so that they agree. Nothing was changed.",
        )


def _edited(
    session: Session,
    steps: list[Action],
    observed: ObservedState,
    secrets: tuple[str, ...],
    removals: tuple[Edit, ...],
) -> tuple[dict[str, str], dict[str, str]]:
    """The texts of the configuration and of ``cfpy.toml``, before and after; only those that
    change."""
    project = session.project
    before = {project.config_name: project.config_path.read_bytes().decode()}
    settings = project.root / _SETTINGS
    before[_SETTINGS] = settings.read_bytes().decode() if settings.is_file() else ""
    _, config = read(project.config_path)
    ids = (*removals, *_ids(session, steps, config))
    described = tuple(_descriptions(session, observed, secrets))
    after = {project.config_name: edited(project.config_path, before[project.config_name], ids)}
    after[_SETTINGS] = before[_SETTINGS]
    if described:
        after[_SETTINGS] = edited(settings, before[_SETTINGS] or SETTINGS_HEAD, described)
    changed = [name for name in after if after[name] != before[name]]
    return {name: before[name] for name in changed}, {name: after[name] for name in changed}


def _ids(session: Session, steps: list[Action], config: Mapping[str, Any]) -> Iterator[Edit]:
    """Ids of existing resources that the configuration does not name yet."""
    scope = ("env", session.environment) if session.environment else ()
    tables: Any = config["env"][session.environment] if session.environment else config
    for action in steps:
        kind = OWNED[action.kind]
        for binding in action.bindings if action.do is Do.ADOPT else ():
            for number, item in enumerate(kind.entries(tables)):
                if item.get("binding") == binding:
                    path = (*scope, *kind.table.split("."), number, kind.filled_in)
                    yield Put(path, action.id, after="binding")


def _descriptions(
    session: Session, observed: ObservedState, secrets: tuple[str, ...]
) -> Iterator[Edit]:
    """Vectorize indexes as they are in the account, and the names of secrets."""
    for index in session.desired.all(VectorizeIndex):
        found = observed.get(ObservedIndex, index.index_name)
        if found is None or index.described:
            continue
        described: dict[str, Any] = {
            "index_name": index.index_name,
            "dimensions": found.dimensions,
            "metric": found.metric,
        }
        metadata = sorted(found.metadata_indexes, key=lambda item: item.property)
        if metadata:
            described["metadata_indexes"] = [
                {"property": item.property, "type": item.type} for item in metadata
            ]
        yield Append(("vectorize",), described)
    yield from _secrets(session, secrets)


def _secrets(session: Session, names: tuple[str, ...]) -> Iterator[Edit]:
    """The names of secrets: with the environment if there are several, which may not have the
    same."""
    described = {secret.name: number for number, secret in enumerate(session.project.secrets)}
    for name in names:
        if name in described:
            known = session.project.secrets[described[name]].environments or ()
            path = ("secrets", described[name], "environments")
            yield Put(path, [*known, session.environment], after="name")
        elif session.project.wrangler.get("env"):
            yield Append(("secrets",), {"name": name, "environments": [session.environment]})
        else:
            yield Append(("secrets",), {"name": name})


def _extras(project: Project, names: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
    """New files by path, and those that exist already."""
    new, kept = {}, []
    pinned = installation().pinned_requirement
    for path, source in (item for name in names for item in _EXTRAS[name].items()):
        if (project.root / path).exists():
            kept.append(path)
            continue
        if path == WORKFLOW and not pinned:
            # CI could not install this cfpy: `cfpy ci init` has workflows without it.
            continue
        text = files("cfpy").joinpath(*source).read_text("utf-8")
        text = text.replace("REQUIREMENT", json.dumps(pinned))
        new[path] = text.replace("CONFIG", project.config_name)
    return new, tuple(kept)

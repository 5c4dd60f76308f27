"""``cfpy add``: adds a binding to an existing project, with the files that it needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cfpy.bindings.additions import kind_called, plan_addition
from cfpy.bindings.asked import Addition, Options
from cfpy.bindings.existing_class import settled
from cfpy.bindings.handler_addition import Handling, handling
from cfpy.bindings.kind import BindingKind
from cfpy.bindings.sources import read_source, sources
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import ProjectError, UsageError
from cfpy.project.changes import NewContent, apply
from cfpy.project.config_text import edited
from cfpy.project.import_names import taken_name
from cfpy.project.lock import alone
from cfpy.project.project import Project

#: The head of a new ``cfpy.toml``.
SETTINGS_HEAD = (
    "# Settings that wrangler has no keys for. `cfpy dev` and `cfpy provision` read them.\n"
)

_SECRET = re.compile(r"\.git|(\.dev\.vars|\.env)(\.(?!example$).+)?")


@dataclass(frozen=True)
class AddRequest:
    """What to add to the project in ``root``. ``ignored`` is whether git ignores a file."""

    root: Path
    kind: str
    name: str
    environment: str
    options: Options
    dry_run: bool
    config: Path | None = None
    ignored: Callable[[Path], bool] = lambda _: False


@dataclass(frozen=True)
class Added:
    """What was added, or would be. ``files`` has the new content of each changed or new file, and
    ``before`` its old content, empty if it is new. ``lacking`` are environments that do not inherit
    the binding, and ``again`` the words of the command that adds it there. ``snippet`` has
    the lines to add to the Worker. ``note`` names the handler that gets its events, or why there is
    no new one, or the runtime that it needs; empty if there is nothing to say.
    ``runtime`` is the one that runs it here, empty if both do."""

    kind: BindingKind
    environment: str
    addition: Addition
    files: dict[str, str]
    before: dict[str, str]
    snippet: str
    note: str
    runtime: str
    lacking: tuple[str, ...]
    again: tuple[str, ...]


def run(request: AddRequest) -> Added:
    """Add a binding.

    Raises:
        UsageError: It already exists, or the request can't be fulfilled.
        ProjectError: The project's files are missing or not valid, or can't be edited.
        FilesystemError: Writing failed. Nothing was changed.
    """
    kind = kind_called(request.kind)
    with alone(request.root, request.config, dry_run=request.dry_run):
        project = load_project(request.root, request.config)
        if not isinstance(project.wrangler.get("name"), str):
            raise ProjectError("`name` is missing", path=project.config_path)
        addition = plan_addition(
            project.wrangler, kind, request.name, request.environment, request.options
        )
        addition, uses = settled(project, addition, request.ignored)
        before, files, handled = _changed(project, kind, request, addition)
        if not request.dry_run:
            apply(project.root, {name: NewContent(text.encode()) for name, text in files.items()})
    environments = project.wrangler.get("env") or {}
    inherited = kind.inherited or bool(request.environment)
    note = handled.note
    if project.is_python and kind.fails:
        note = f"{kind.label} {addition.binding}: {kind.fails}."
    note = " ".join(filter(None, (uses, addition.note, note)))
    workerd = project.is_python and "--runtime workerd" in kind.fails
    return Added(
        kind,
        request.environment,
        addition,
        files,
        before,
        # A class that was there has methods of its own.
        "" if uses else _snippet(project, kind, addition, handled),
        note,
        "workerd" if workerd else "",
        () if inherited else tuple(environments),
        _words(request),
    )


def _snippet(project: Project, kind: BindingKind, addition: Addition, handled: Handling) -> str:
    uses = (kind.python if project.is_python else kind.javascript).format(b=addition.binding)
    return "\n".join(filter(None, (uses, handled.snippet)))


def _words(request: AddRequest) -> tuple[str, ...]:
    """The command that adds the same binding, without the project and environment."""
    given, usual = request.options, Options()
    words = ["add", request.kind, request.name, *(["--consumer"] if given.consumer else [])]
    for name, value, default in (
        ("--id", given.id, usual.id),
        ("--dimensions", given.dimensions, usual.dimensions),
        ("--metric", given.metric, usual.metric),
        ("--directory", given.directory, usual.directory),
    ):
        words += [] if value == default else [name, str(value)]
    return tuple(words)


def _changed(
    project: Project, kind: BindingKind, request: AddRequest, addition: Addition
) -> tuple[dict[str, str], dict[str, str], Handling]:
    """All files that change, with their old and new content, and the handler that the addition
    triggers."""
    config = project.config_path.name
    before = {config: read_source(project.config_path)}
    files = {config: edited(project.config_path, before[config], addition.config)}
    if addition.settings:
        path = project.root / "cfpy.toml"
        before["cfpy.toml"] = read_source(path) if path.is_file() else ""
        files["cfpy.toml"] = edited(path, before["cfpy.toml"] or SETTINGS_HEAD, addition.settings)
    for name, text in addition.files.items():
        path = project.root / name
        if kind.name == "assets":
            _refuse_private(project, path.parent)
        # An environment uses the migrations and classes of the top level.
        if path.exists() and not addition.reused and not request.environment:
            raise UsageError(f"{name} already exists", hint="Choose another NAME.")
        if not path.exists():
            _refuse_shadowed(project, path)
            before[name], files[name] = "", text
    changed = sources(project, kind, addition)
    handled = Handling()
    if kind.handler is not None and (request.options.consumer or not kind.on_request):
        event = addition.resource or addition.binding
        handled = handling(
            project, request.environment, kind.handler, event, changed, request.ignored
        )
        changed |= handled.files
    for path, text in changed.items():
        name = path.relative_to(project.root).as_posix()
        if text != (now := read_source(path)):
            before[name], files[name] = now, text
    return before, files, handled


def _refuse_private(project: Project, folder: Path) -> None:
    """Refuse a folder of assets that a link leads elsewhere, or with files of secrets."""
    root, real = project.root.resolve(), folder.resolve()
    main = (root / str(project.wrangler.get("main", "."))).resolve()
    secrets = (path for path in sorted(real.rglob(".*")) if _SECRET.fullmatch(path.name))
    if not real.is_relative_to(root):
        why = "leads out of the project"
    elif main.is_relative_to(real):
        why = "leads to the Worker's main module"
    elif secret := next(secrets, None):
        why = f"has {secret.relative_to(real).as_posix()}"
    else:
        return
    raise UsageError(
        f"{folder.relative_to(project.root).as_posix()} {why}, and all files in it would be public",
        hint="Name another --directory. Nothing was changed.",
    )


def _refuse_shadowed(project: Project, path: Path) -> None:
    if path.suffix == ".py" and (why := taken_name(project, path.stem)):
        raise UsageError(
            f"{path.relative_to(project.root).as_posix()} could not be imported: {why}",
            hint="Choose another NAME. Nothing was changed.",
        )

"""``cfpy add``: adds a binding to an existing project, with the files that it needs."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

from cfpy.bindings.additions import kind_called, plan_addition
from cfpy.bindings.asked import Addition, Export, Options
from cfpy.bindings.kind import BindingKind, Handler
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import ProjectError, UsageError
from cfpy.project.changes import NewContent, apply
from cfpy.project.config_text import edited
from cfpy.project.handler_source import with_python_handler, with_script_handler
from cfpy.project.import_names import taken_name
from cfpy.project.line_ends import edited as with_line_ends
from cfpy.project.lock import alone
from cfpy.project.project import Project
from cfpy.project.python_source import (
    chosen_by,
    handler_line,
    python_files,
    with_binding,
    with_export,
)

# Folders of what a build writes.
_BUILT = {"dist", "build", "node_modules"}
_STUB = Path("typings", "bindings.pyi")
#: The head of a new ``cfpy.toml``.
SETTINGS_HEAD = (
    "# Settings that wrangler has no keys for. `cfpy dev` and `cfpy provision` read them.\n"
)


@dataclass(frozen=True)
class AddRequest:
    """What to add to the project in ``root``."""

    root: Path
    kind: str
    name: str
    environment: str
    options: Options
    dry_run: bool
    config: Path | None = None


@dataclass(frozen=True)
class Added:
    """What was added, or would be. ``files`` has the new content of each changed or new file, and
    ``before`` its old content, empty if it is new. ``lacking`` are environments that do not inherit
    the binding, and ``again`` the words of the command that adds it there. ``note`` names the
    handler that gets its events, or the runtime that it needs; empty if there is nothing to say.
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
        before, files = _changed(project, kind, request, addition)
        if not request.dry_run:
            apply(project.root, {name: NewContent(text.encode()) for name, text in files.items()})
    environments = project.wrangler.get("env") or {}
    inherited = kind.inherited or bool(request.environment)
    handled = _handles(kind, request)
    note = _note(project, kind, files, addition.resource) if handled else ""
    missing = handled and not note
    if project.is_python and kind.fails:
        note = f"{kind.label} {addition.binding}: {kind.fails}."
    workerd = project.is_python and "--runtime workerd" in kind.fails
    return Added(
        kind,
        request.environment,
        addition,
        files,
        before,
        _snippet(project, kind, handles=missing).format(b=addition.binding),
        note,
        "workerd" if workerd else "",
        () if inherited else tuple(environments),
        _words(request),
    )


def _handles(kind: BindingKind, request: AddRequest) -> bool:
    """Whether the addition triggers a handler of the Worker."""
    return kind.handler is not None and (request.options.consumer or not kind.on_request)


def _note(project: Project, kind: BindingKind, files: dict[str, str], resource: str) -> str:
    """A note about the handler that the addition triggers; empty if the Worker has none."""
    handler, main = kind.handler, project.wrangler.get("main")
    if handler is None or not isinstance(main, str) or not (project.root / main).is_file():
        return ""
    now = (project.root / main).read_text("utf-8", errors="replace")
    changed = files.get(Path(main).as_posix())
    source = now if changed is None else changed
    line = handler_line(source, handler.name, python=project.is_python)
    if not line:
        return ""
    where = f"{main}:{line}"
    if changed is not None:
        return f"{where} has the new handler {handler.name}: it gets {handler.gets}."
    said = f"{where} already has the handler {handler.name}; it gets these events, too. "
    chooses = chosen_by(source, handler.name, handler.tells) if project.is_python else ""
    if chooses:
        return f"{said}{chooses}({handler.tells}) chooses the code: add {resource} there."
    return f"{said}Check {handler.tells}."


def _snippet(project: Project, kind: BindingKind, *, handles: bool) -> str:
    if project.is_python:
        return kind.python + (kind.python_handler if handles else "")
    return kind.javascript + (kind.javascript_handler if handles else "")


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
) -> tuple[dict[str, str], dict[str, str]]:
    """All files that change, with their old and new content."""
    config = project.config_path.name
    before = {config: _read(project.config_path)}
    files = {config: edited(project.config_path, before[config], addition.config)}
    if addition.settings:
        path = project.root / "cfpy.toml"
        before["cfpy.toml"] = _read(path) if path.is_file() else ""
        files["cfpy.toml"] = edited(path, before["cfpy.toml"] or SETTINGS_HEAD, addition.settings)
    for name, text in addition.files.items():
        path = project.root / name
        # An environment uses the migrations and classes of the top level.
        if path.exists() and not addition.reused and not request.environment:
            raise UsageError(f"{name} already exists", hint="Choose another NAME.")
        if not path.exists():
            _refuse_shadowed(project, path)
            before[name], files[name] = "", text
    sources = _sources(project, kind, addition)
    if kind.handler is not None and _handles(kind, request):
        sources |= _handled(project, kind.handler, sources)
    for path, text in sources.items():
        name = path.relative_to(project.root).as_posix()
        if text != (now := _read(path)):
            before[name], files[name] = now, text
    return before, files


def _refuse_shadowed(project: Project, path: Path) -> None:
    if path.suffix == ".py" and (why := taken_name(project, path.stem)):
        raise UsageError(
            f"{path.relative_to(project.root).as_posix()} could not be imported: {why}",
            hint="Choose another NAME. Nothing was changed.",
        )


def _sources(project: Project, kind: BindingKind, addition: Addition) -> dict[Path, str]:
    """Modules that change: the main module exports a class, and another one types the bindings."""
    changed: dict[Path, str] = {}
    if addition.export is not None:
        entry = project.entry
        export = _python_export if project.is_python else _script_export
        changed[entry] = with_line_ends(_read(entry), partial(export, entry, addition.export))
    if project.is_python and kind.python_type:
        for path in python_files(project.entry.parent):
            text = changed.get(path) or _read(path)
            typed = with_line_ends(text, partial(_typed, path, addition.binding, kind.python_type))
            if typed != text:
                changed[path] = typed
                changed |= _stub(project.root, kind.python_type)
                break
    return changed


def _handled(project: Project, handler: Handler, changed: Mapping[Path, str]) -> dict[Path, str]:
    """The main module with the handler, if it has none and a place for one; and its type."""
    main = Path(str(project.wrangler.get("main")))
    path = project.root / main
    # What a build writes is not the source.
    built = project.wrangler.get("build") or _BUILT & set(main.parts)
    if built or any(part.startswith(".") for part in main.parts) or not path.is_file():
        return {}
    text, new = changed.get(path) or _read(path), handler.new

    def add(source: str) -> str:
        if handler_line(source, new.name, python=project.is_python):
            return source
        if project.is_python:
            return with_python_handler(source, new) or source
        typed = main.suffix in (".ts", ".tsx", ".mts")
        return with_script_handler(source, new, typed=typed) or source

    # Broken code is not the subject here: it stays, and the handler is shown.
    with contextlib.suppress(SyntaxError):
        handled = with_line_ends(text, add)
        if handled != text:
            return {path: handled, **_stub(project.root, new.type)}
    return {}


def _stub(root: Path, type_: str) -> dict[Path, str]:
    """The stub of a project whose pattern did not know the type yet, with the type."""
    path = root / _STUB
    text = _read(path) if path.is_file() else ""
    if not text or re.search(rf"^class {type_}\b", text, re.MULTILINE):
        return {}
    ours = files("cfpy").joinpath("templates", "base", "template", *_STUB.parts).read_text("utf-8")
    [source] = [
        ast.get_source_segment(ours, node)
        for node in ast.parse(ours).body
        if isinstance(node, ast.ClassDef) and node.name == type_
    ]
    return {path: with_line_ends(text, lambda body: f"{body.rstrip()}\n\n{source}\n")}


def _typed(path: Path, binding: str, type_: str, text: str) -> str:
    with _located(path):
        return with_binding(text, binding, type_) or text


def _python_export(entry: Path, export: Export, text: str) -> str:
    own = [path.stem for path in entry.parent.glob("*.py")]
    packages = [path.parent.name for path in entry.parent.glob("*/__init__.py")]
    with _located(entry):
        return with_export(text, export.module, export.name, [*own, *packages])


def _script_export(_entry: Path, export: Export, text: str) -> str:
    line = f'export {{ {export.name} }} from "./{export.module}";\n'
    if line in text:
        return text
    ending = "" if text.endswith("\n") or not text else "\n"
    return f"{text}{ending}\n{line}"


@contextlib.contextmanager
def _located(path: Path) -> Iterator[None]:
    try:
        yield
    except SyntaxError as error:
        raise ProjectError(
            error.msg, path=path, line=error.lineno, column=error.offset, hint="Fix it first."
        ) from None


def _read(path: Path) -> str:
    # Not read_text(), which would turn \r\n into \n.
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"can't be read: {error}", path=path) from error

"""The handler that a binding triggers: `cfpy add` adds it, or shows it and explains why."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfpy.bindings.kind import Handler
from cfpy.bindings.sources import located, not_source, read_source, stub
from cfpy.errors import ProjectError
from cfpy.project.edits import Handled, NewHandler
from cfpy.project.line_ends import plain, with_ends_of
from cfpy.project.project import Project
from cfpy.project.python_handler import with_python_handler
from cfpy.project.python_source import chosen_by
from cfpy.project.script_handler import with_script_handler
from cfpy.project.script_syntax import first_error, is_typed, syntax_of

_ENTRY = re.compile(r"\bDefault\b")
# From this compatibility date on, a Python Worker's functions get no events, unless it opts out
# (pythonNoGlobalHandlers in workerd's compatibility-date.capnp).
_NO_FUNCTIONS_SINCE = "2025-08-14"


@dataclass(frozen=True)
class Handling:
    """What happens to the handler: the modules that change, with their new text; a ``note`` on
    where the handler is, or why cfpy added none; and then its code in ``snippet``."""

    note: str = ""
    snippet: str = ""
    files: Mapping[Path, str] = field(default_factory=dict)


def handling(
    project: Project,
    environment: str,
    handler: Handler,
    event: str,
    changed: Mapping[Path, str],
    ignored: Callable[[Path], bool],
) -> Handling:
    """Find a handler in the Worker's main module, or add it if the module surely has none.

    Args:
        environment: The environment that gets the binding; empty for the top level.
        event: The name of the queue, or the schedule, that triggers the handler.
        changed: Modules that change already, with their new text.
        ignored: Whether git ignores a file.

    Raises:
        ProjectError: The main module can't be read, or is not valid Python, JavaScript or
            TypeScript.
    """
    scope = {**project.wrangler, **_environment(project, environment)}
    main = scope.get("main")
    if not isinstance(main, str) or not (project.root / main).is_file():
        return _refused("", "the project has no main module", handler.new)
    path = project.root / main
    text = changed.get(path) or read_source(path)
    source, new = plain(text), handler.new
    why_not = not_source(project.root, main, ignored)
    python = path.suffix == ".py"
    if not why_not:
        _refuse_faulty(path, source)
    handled = (
        with_python_handler(source, new, functions=_calls_functions(scope))
        if python
        else with_script_handler(source, new, path.suffix)
    )
    if why_not and (handled.why or handled.new):
        return _refused(main, why_not, new)
    if handled.why:
        functions = _calls_functions(scope) and _ENTRY.search(source) is None
        return _refused(main, handled.why, new, functions=functions)
    if not handled.new:
        return Handling(_there(main, handler, handled, event))
    files = {
        path: with_ends_of(text, handled.source),
        **(stub(project.root, new.type) if python else {}),
    }
    note = f"{main}:{handled.line} has the new handler {new.name}: it gets {handler.gets}."
    return Handling(note, files=files)


def _refuse_faulty(path: Path, source: str) -> None:
    """Refuse a module that does not parse: whether it has the handler can't be known."""
    if path.suffix == ".py":
        with located(path):
            ast.parse(source)
    elif line := first_error(syntax_of(source, path.suffix)):
        language = "TypeScript" if is_typed(path.suffix) else "JavaScript"
        raise ProjectError(f"not valid {language}", path=path, line=line, hint="Fix it first.")


def _environment(project: Project, name: str) -> Mapping[str, Any]:
    environments = project.wrangler.get("env") or {}
    scope = environments.get(name) if name else {}
    return scope if isinstance(scope, Mapping) else {}


def _there(main: str, handler: Handler, handled: Handled, event: str) -> str:
    """What to do with a handler that the Worker has already."""
    where = f"{main}:{handled.line}"
    said = f"{where} already has the handler {handler.name}; it gets these events, too."
    chooser, line = "", 0
    if main.endswith(".py"):
        chooser, line = chosen_by(handled.source, handler.name, handler.tells)
    if chooser:
        chooses = f"{chooser}({handler.tells}) in {main}:{line} chooses the code"
        return f"{said} {chooses}: add a case for {event} there."
    return f"{said} {handler.tells} distinguishes them: add a case for {event} there."


def _calls_functions(scope: Mapping[str, Any]) -> bool:
    """Whether the runtime calls functions such as ``on_fetch`` of a Python Worker."""
    flags = scope.get("compatibility_flags") or []
    if "disable_python_no_global_handlers" in flags:
        return True
    old = str(scope.get("compatibility_date") or _NO_FUNCTIONS_SINCE) < _NO_FUNCTIONS_SINCE
    return old and "python_no_global_handlers" not in flags


def _refused(main: str, why: str, new: NewHandler, *, functions: bool = False) -> Handling:
    where = f" to {main}" if main else ""
    note = f"cfpy added no handler{where}: {why}. If the Worker has none, add the one shown."
    return Handling(note, _snippet(main, new, functions=functions))


def _snippet(main: str, new: NewHandler, *, functions: bool) -> str:
    """The code of the handler, in the form that the main module needs."""
    if not main.endswith(".py"):
        head = f"// In the default export:\nasync {new.name}({new.parameter}, env, ctx) {{"
        return "".join(
            f"{line}\n" for line in [head, *(f"  {line}" for line in new.javascript), "}"]
        )
    if functions:
        head = f"# In the main module:\nasync def on_{new.name}({new.parameter}, env, ctx):"
    else:
        arguments = f"self, {new.parameter}, env=None, ctx=None"
        head = f"# In the class Default:\nasync def {new.name}({arguments}):"
    return "".join(f"{line}\n" for line in [head, *(f"    {line}" for line in new.python)])

"""Adds what workerd provides to Python Workers and plain Pyodide does not have. Runs first in each
interpreter."""

import ast
import importlib
import importlib.machinery
import importlib.util
import os
import site
import sys
from contextlib import suppress
from inspect import isawaitable

SOURCES = "/session/metadata"
MODULES = "/session/python_modules"
STAND_INS = "/session/stand-ins"


def keep_bytecode_right():
    """Fix two faults of Python's own check of its bytecode cache.

    A truncated file is compiled again. And the project's modules are checked by their content: with
    a check by time (in whole seconds) and size, a second edit within a second would be missed, and
    all projects share one cache.
    """
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader, name):
        own = loader.path.startswith(SOURCES) and not sys.dont_write_bytecode
        if own:
            check_by_content(loader.path)
        try:
            return original(loader, name)
        except (EOFError, ValueError):
            with suppress(OSError):
                os.unlink(importlib.util.cache_from_source(loader.path))
            if own:
                check_by_content(loader.path)
            return original(loader, name)
        except SyntaxError as error:
            name_file(error, loader.path)
            raise

    importlib.machinery.SourceFileLoader.get_code = get_code


def name_file(error, path):
    """Add the file and the line to a SyntaxError that does not have them: Python gives neither for a
    null byte, and no line for an encoding that it does not know."""
    error.filename = error.filename or path
    if not error.lineno:
        with open(path, "rb") as file:
            before, null, _ = file.read().partition(b"\0")
        error.lineno = before.count(b"\n") + 1 if null else 1


def check_by_content(path):
    """Write a module's bytecode with the hash of its source, so that Python compares the hash."""
    cached = importlib.util.cache_from_source(path)
    with suppress(OSError), open(cached, "rb") as file:
        # docs.python.org/3/reference/import.html#pyc-invalidation: flags follow the magic number.
        if file.read(8)[4:] == b"\3\0\0\0":
            return
    import py_compile

    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    with suppress(OSError):
        # The import reports code that does not compile.
        py_compile.compile(path, cached, invalidation_mode=mode, quiet=2)


async def call(instance, handler, *args):
    """Call a handler like workerd: arguments and result pass through the SDK's conversions."""
    from pyodide.code import relaxed_call
    from workers import python_from_rpc, python_to_rpc

    method = getattr(instance, handler, None)
    if method is None:
        raise TypeError(f"Handler does not export a {handler}() function.")
    converted = [python_from_rpc(arg) for arg in args]
    try:
        # fetch may have fewer parameters than arguments; other handlers must accept all.
        result = relaxed_call(method, *converted) if handler == "fetch" else method(*converted)
        if isawaitable(result):
            result = await result
    except (SystemExit, KeyboardInterrupt) as error:
        raise only_of_handler(error) from None
    if handler == "fetch":
        refuse_other_answer(result)
    return python_to_rpc(result)


def only_of_handler(error):
    """The same error for the caller of a handler alone. The event loop raises those that end a
    program a second time, outside of every handler, as if the interpreter had crashed."""
    name = type(error).__name__
    same = type(name, (Exception,), {"__module__": "builtins"})(*error.args)
    return same.with_traceback(error.__traceback__)


class NotAResponse(TypeError):
    """What fetch() returned can't be a response."""


def refuse_other_answer(answer):
    """Refuse what can't be a response, as workerd does, and name it."""
    kind = type(answer).__name__
    if answer is None:
        what = "None: is a `return` missing?"
    elif isawaitable(answer):
        what = f"a {kind}: await it"
    elif isinstance(answer, dict | list | tuple):
        what = f"a {kind}: return Response.json(...)"
    elif isinstance(answer, str | bytes | int | float):
        what = f"a {kind}: return Response(...)"
    else:
        return
    raise NotAResponse(
        "Incorrect type for Promise: the Promise did not resolve to 'Response'. "
        f"fetch() returned {what}"
    )


def import_entry(name):
    """Import the main module."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == "src":
            error.add_note("The main module's folder is not a package: import without `src.`")
        raise


def import_vendored(entry):
    """Import the modules from python_modules that the entry module imports at its top level."""
    with open(entry, "rb") as file:
        source = file.read()
    try:
        # From bytes, as in an import: they may have a byte order mark, or name their encoding.
        body = ast.parse(source, entry).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # The import reports it.
    for node in body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            continue
        for name in names:
            spec = importlib.util.find_spec(name.partition(".")[0])
            if spec is not None and spec.origin and spec.origin.startswith(MODULES):
                importlib.import_module(name)


keep_bytecode_right()
# As in workerd: the standard library, python_modules, site-packages, the project's own modules.
packages = [path for path in sys.path if path.endswith("/site-packages")]
own = [path for path in sys.path if path not in packages]
sys.path[:] = [*own, STAND_INS, MODULES, *packages]
importlib.import_module("_cfpy_reasons")
# Processes the SDK's .pth file, which plain sys.path entries would not do.
site.addsitedir(MODULES)
sys.path.append(SOURCES)

"""Adds what workerd provides to Python Workers and plain Pyodide does not have. Runs first in each
interpreter."""

import ast
import importlib
import importlib.machinery
import importlib.util
import os
import site
import sys
import types
from contextlib import nullcontext, suppress
from functools import partial
from inspect import isawaitable

SOURCES = "/session/metadata"
MODULES = "/session/python_modules"
STAND_INS = "/session/stand-ins"


class PatchedLoader:
    """A loader that runs a module's body inside the SDK's patch for it."""

    def __init__(self, loader, patch):
        self._loader = loader
        self._patch = patch

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        with self._patch(module):
            self._loader.exec_module(module)


class PatchFinder:
    """Finds modules that have a patch, and wraps their loader."""

    def __init__(self, patches):
        self._patches = patches

    def find_spec(self, name, path=None, target=None):
        patch = self._patches.get(name)
        if patch is None:
            return None
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    spec.loader = PatchedLoader(spec.loader, patch)
                    return spec
        return None


def install_cloudflare_package():
    """`_cloudflare`, built into workerd: the SDK's .pth file registers its import patches there.

    One of them lets anyio run without threads, which sync FastAPI routes need. Patches against
    entropy at import are accepted but not used: there is no deploy-time snapshot here.
    """
    patches = {}

    def register_exec(name, patch=None):
        if patch is None:
            return partial(register_exec, name)
        if name == "anyio.to_thread":
            patches[name] = patch
        return patch

    def register_nothing(name, patch=None):
        return partial(register_nothing, name) if patch is None else patch

    manager = types.ModuleType("_cloudflare.import_patch_manager")
    manager.register_exec_patch = register_exec
    manager.register_create_patch = register_nothing
    manager.register_after_snapshot = register_nothing
    manager.register_before_first_request = register_nothing
    manager.block_calls = lambda module, *, allowlist=(): None
    entropy = types.ModuleType("_cloudflare.allow_entropy")
    entropy.allow_bad_entropy_calls = lambda count: nullcontext()
    entropy.in_request_context = lambda: True
    package = types.ModuleType("_cloudflare")
    package.__path__ = []
    package.__spec__ = importlib.machinery.ModuleSpec("_cloudflare", None, is_package=True)
    for module in (package, manager, entropy):
        sys.modules[module.__name__] = module
    sys.meta_path.insert(0, PatchFinder(patches))


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

    importlib.machinery.SourceFileLoader.get_code = get_code


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

    method = getattr(instance, handler)
    converted = [python_from_rpc(arg) for arg in args]
    # fetch may have fewer parameters than arguments; other handlers must accept all.
    result = relaxed_call(method, *converted) if handler == "fetch" else method(*converted)
    if isawaitable(result):
        result = await result
    return python_to_rpc(result)


def import_vendored(entry):
    """Import the modules from python_modules that the entry module imports at its top level."""
    with open(entry, encoding="utf-8") as file:
        body = ast.parse(file.read(), entry).body
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
install_cloudflare_package()
# As in workerd: the standard library, python_modules, site-packages, the project's own modules.
packages = [path for path in sys.path if path.endswith("/site-packages")]
own = [path for path in sys.path if path not in packages]
sys.path[:] = [*own, STAND_INS, MODULES, *packages]
importlib.import_module("_cfpy_reasons")
# Processes the SDK's .pth file, which plain sys.path entries would not do.
site.addsitedir(MODULES)
sys.path.append(SOURCES)

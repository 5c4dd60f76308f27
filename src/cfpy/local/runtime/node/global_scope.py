"""What workerd refuses in a Worker's global scope, and why the SDK's patches still import. Runs
before bootstrap.py.

A module is imported once for many requests, so workerd gives it no entropy and no clock. Its words
are those of src/pyodide/internal/topLevelEntropy in github.com/cloudflare/workerd (2026-11-17).
"""

import functools
import importlib.machinery
import os
import sys
import types
from contextlib import contextmanager, nullcontext

# JavaScript's part: `open` is whether requests are served, `allowed` how often C code may ask for
# entropy before that.
import _cfpy_scope as scope

EIO = 29  # as Emscripten numbers it


class Patches:
    """What the SDK registered for one module."""

    def __init__(self):
        self.create = nullcontext
        self.execute = nullcontext
        self.before_first_request = None


patches = {}
blocked = {}
first_request = []


def patches_of(name):
    return patches.setdefault(name, Patches())


def registering(part):
    """A function or decorator that registers `part` of a module's patches."""

    def register(name, patch=None):
        if patch is None:
            return functools.partial(register, name)
        setattr(patches_of(name), part, patch)
        return patch

    return register


class PatchedLoader:
    """A loader that creates and runs a module inside its patches."""

    def __init__(self, loader, found):
        self._loader = loader
        self._found = found

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        with self._found.create(spec):
            return self._loader.create_module(spec)

    def exec_module(self, module):
        if self._found.before_first_request:
            first_request.append(functools.partial(self._found.before_first_request, module))
        with self._found.execute(module):
            self._loader.exec_module(module)


class PatchFinder:
    """Finds modules that have patches, and wraps their loader."""

    def find_spec(self, name, path=None, target=None):
        if name not in patches:
            return None
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    spec.loader = PatchedLoader(spec.loader, patches[name])
                    return spec
        return None


def own_of(module):
    """A module's own names, whatever its class makes of them."""
    return types.ModuleType.__getattribute__(module, "__dict__")


class BlockedModule(types.ModuleType):
    """A module whose functions must wait for the first request: they would use a bad seed."""

    def __init__(self, module, allowed):
        super().__init__(module.__name__)
        own_of(self).update(_cfpy_module=module, _cfpy_allowed=frozenset(allowed))

    def __getattribute__(self, name):
        own = own_of(self)
        module = own["_cfpy_module"]
        if name == "__dict__":
            return module.__dict__
        value = getattr(module, name)
        if scope.open or not callable(value) or name in own["_cfpy_allowed"]:
            return value

        @functools.wraps(value)
        def refused(*args, **options):
            if scope.open:
                return value(*args, **options)
            raise RuntimeError(f"Cannot use {module.__name__}.{name}() outside of request context")

        return refused

    def __setattr__(self, name, value):
        setattr(own_of(self)["_cfpy_module"], name, value)

    def __delattr__(self, name):
        delattr(own_of(self)["_cfpy_module"], name)

    def __dir__(self):
        return dir(own_of(self)["_cfpy_module"])


def block_calls(module, *, allowlist=()):
    blocked[module.__name__] = module
    sys.modules[module.__name__] = BlockedModule(module, allowlist)


@contextmanager
def allow_bad_entropy_calls(count):
    """Let C code ask for entropy `count` times: it gets a constant.

    workerd raises an error if one of them is left over. A package's next version may ask less
    often, which is no reason to stop here.
    """
    before = scope.allowed
    scope.allowed = count
    try:
        yield
    finally:
        scope.allowed = before


def needing_entropy(function, *, is_seeded=lambda *args: False):
    """The function, which fails outside of requests like C's getentropy() does."""

    @functools.wraps(function)
    def checked(*args):
        if not scope.open and not scope.allowed and not is_seeded(*args):
            raise OSError(EIO, "Cannot get entropy outside of request context")
        return function(*args)

    return checked


class CountedNames:
    """Names for temporary files without entropy."""

    def __init__(self):
        self._count = 0

    def __iter__(self):
        return self

    def __next__(self):
        self._count += 1
        return f"{self._count:08d}"


def install_cloudflare_package():
    """`_cloudflare`, built into workerd: the SDK's .pth file registers its import patches there."""
    manager = types.ModuleType("_cloudflare.import_patch_manager")
    manager.register_create_patch = registering("create")
    manager.register_exec_patch = registering("execute")
    manager.register_before_first_request = registering("before_first_request")
    manager.register_after_snapshot = registering("after_snapshot")  # there is none here
    manager.block_calls = block_calls
    entropy = types.ModuleType("_cloudflare.allow_entropy")
    entropy.allow_bad_entropy_calls = allow_bad_entropy_calls
    entropy.in_request_context = lambda: scope.open
    package = types.ModuleType("_cloudflare")
    package.__path__ = []
    package.__spec__ = importlib.machinery.ModuleSpec("_cloudflare", None, is_package=True)
    for module in (package, manager, entropy):
        sys.modules[module.__name__] = module


def close_global_scope():
    """Refuse entropy until open_global_scope(). Pyodide itself has imported these modules."""
    import _random
    import random
    import tempfile

    urandom, seed, names = os.urandom, _random.Random.seed, tempfile._RandomNameSequence
    os.urandom = random._urandom = needing_entropy(urandom)
    _random.Random.seed = needing_entropy(seed, is_seeded=lambda _, *a: a not in ((), (None,)))
    tempfile._RandomNameSequence = CountedNames
    block_calls(random, allowlist=("Random", "SystemRandom"))
    manager = sys.modules["_cloudflare.import_patch_manager"]
    manager.register_exec_patch("multiprocessing.process", lambda _: allow_bad_entropy_calls(1))
    finder = PatchFinder()
    sys.meta_path.insert(0, finder)

    def restore():
        os.urandom = random._urandom = urandom
        _random.Random.seed = seed
        tempfile._RandomNameSequence = names
        tempfile._name_sequence = None
        sys.meta_path.remove(finder)
        sys.modules.update(blocked)
        random.seed()

    first_request.append(restore)


def open_global_scope():
    """From now on requests are served."""
    scope.open = True
    for restore in first_request:
        restore()


install_cloudflare_package()
close_global_scope()

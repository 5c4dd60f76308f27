"""Says why something fails that would fail without a reason, or without a trace in the log."""

import sys
import traceback

# Modules of the standard library that npm's Pyodide 0.28 (Python 3.13) does not have. workerd does.
ABSENT = {"lzma", "_lzma", "ssl", "_ssl"}


class AbsentFinder:
    """Asked last: says why a module that workerd has is not here."""

    def find_spec(self, name, path=None, target=None):
        if name not in ABSENT:
            return None
        raise ModuleNotFoundError(
            f"No module named {name!r}: --runtime node does not have it with Python 3.13. Use "
            "--runtime workerd, or Python 3.14: compatibility_date 2026-09-08 or later.",
            name=name,
        )


class LoadedFinder:
    """Finds the modules of ``AFTER``, and calls its function once one of them is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name not in AFTER:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        return next((self._watched(spec) for spec in specs if spec is not None), None)

    def _watched(self, spec):
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            AFTER[spec.name](module)

        spec.loader.exec_module = exec_module
        return spec


def report_exceptions(signals):
    signals.got_request_exception.connect(report, weak=False)


def report(**_):
    """With ``DEBUG = False``, Django answers an exception with a page that does not show it, and by
    default logs it nowhere."""
    from django.conf import settings

    if not settings.DEBUG and sys.exception():
        traceback.print_exc()


def name_bindings(sdk):
    """Let the SDK's ``env`` name the bindings that there are when it does not have one."""
    wrapper = getattr(sdk, "_EnvWrapper", None)
    find = vars(wrapper).get("__getattr__") if wrapper else None
    if find is None:
        return

    def __getattr__(self, name):
        try:
            return find(self, name)
        except AttributeError:
            # Python itself asks any object for those.
            if name.startswith("_"):
                raise
            text = f"env has no binding {name}; it has: {names_of(self)}"
        raise AttributeError(text, name=name)

    wrapper.__getattr__ = __getattr__


def names_of(env):
    from js import Object

    return ", ".join(sorted(Object.keys(env._env))) or "none"


AFTER = {"django.core.signals": report_exceptions, "workers.rpc": name_bindings}
sys.meta_path.insert(0, LoadedFinder())
sys.meta_path.append(AbsentFinder())

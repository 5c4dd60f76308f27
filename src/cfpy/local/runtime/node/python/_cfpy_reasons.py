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


class DjangoFinder:
    """Finds ``django.core.signals``, and connects :func:`report` to it."""

    def find_spec(self, name, path=None, target=None):
        if name != "django.core.signals":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        return next((self._connecting(spec) for spec in specs if spec is not None), None)

    def _connecting(self, spec):
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            module.got_request_exception.connect(report, weak=False)

        spec.loader.exec_module = exec_module
        return spec


def report(**_):
    """With ``DEBUG = False``, Django answers an exception with a page that does not show it, and by
    default logs it nowhere."""
    from django.conf import settings

    if not settings.DEBUG and sys.exception():
        traceback.print_exc()


sys.meta_path.insert(0, DjangoFinder())
sys.meta_path.append(AbsentFinder())

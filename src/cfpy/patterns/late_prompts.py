"""Imports copier without the libraries that ask on a terminal.

copier imports questionary and prompt_toolkit even if it asks nothing; that is about a third of the
time that it needs. While :func:`late_prompts` is active, an import of them finds stand-ins. Each
name that copier takes from them loads the real library when it is called. Only :class:`Choice` does
not: copier builds one for each valid answer, whether it asks or not.

A name that is not listed here is not found in a stand-in, so that copier (in a version that does
not exist yet) is imported with the real libraries.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass
class Choice:
    """One valid answer, with the attributes of questionary's ``Choice`` that copier uses.

    Without a ``value``, it is the title.
    """

    title: str
    value: Any = None
    disabled: str | None = None
    checked: bool = False

    def __post_init__(self) -> None:
        if self.value is None:
            self.value = self.title

    def real(self) -> Any:
        """The choice for questionary."""
        from questionary import Choice as Real

        return Real(self.title, self.value, disabled=self.disabled, checked=bool(self.checked))


def _late(module: str, name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(importlib.import_module(module), name)(*arguments, **options)

    return call


class _Lexer:
    """A class of pygments by name: copier passes it on to :func:`_highlighted`."""

    def __init__(self, name: str) -> None:
        self.name = name


def _highlighted(lexer: _Lexer) -> Any:
    from prompt_toolkit.lexers import PygmentsLexer

    return PygmentsLexer(getattr(importlib.import_module("pygments.lexers.data"), lexer.name))


#: What copier 9 imports of each module.
STAND_INS: dict[str, dict[str, Any]] = {
    "questionary": {name: _late("questionary", name) for name in ("confirm", "unsafe_prompt")},
    "questionary.prompts.common": {"Choice": Choice},
    "prompt_toolkit.lexers": {"PygmentsLexer": _highlighted},
    "pygments.lexers.data": {name: _Lexer(name) for name in ("JsonLexer", "YamlLexer")},
}


@contextlib.contextmanager
def late_prompts() -> Iterator[None]:
    """Replace the modules of :data:`STAND_INS` for imports; not if one is already loaded."""
    if any(name in sys.modules for name in STAND_INS):
        yield
        return
    for name, members in STAND_INS.items():
        stand_in = ModuleType(name)
        vars(stand_in).update(members)
        sys.modules[name] = stand_in
    try:
        yield
    finally:
        for name in STAND_INS:
            del sys.modules[name]


def import_copier() -> None:
    """Import copier; without the libraries that ask, if this copier allows it."""
    if "copier" in sys.modules:
        return
    with _uncollected(), late_prompts():
        try:
            importlib.import_module("copier")
        except ImportError:
            for name in [name for name in sys.modules if name.partition(".")[0] == "copier"]:
                del sys.modules[name]
        else:
            return
    importlib.import_module("copier")


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: what an import creates stays, and there is a lot of it."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.freeze()
            gc.enable()

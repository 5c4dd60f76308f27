"""What is true of one kind of binding: :class:`BindingKind`. Pure.

``kinds/`` has one for each table of wrangler's configuration that binds a name, or that an
environment has to repeat; ``registry`` lists them. Everything that treats kinds differently asks
them here, and names none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import SAME, Becoming
from cfpy.bindings.finding import Finding
from cfpy.errors import ProjectError
from cfpy.project.edits import NewHandler
from cfpy.project.names import is_placeholder


class Shape(StrEnum):
    """What a kind's table looks like in the configuration."""

    #: Any number of tables: ``[[kv_namespaces]]``.
    ARRAY = "a list of tables"
    #: One table: ``[ai]``.
    TABLE = "a table"
    #: One table whose keys are the names: ``[vars]``.
    VALUES = "a table of values"


class Stance(StrEnum):
    """How cfpy treats a key of a table."""

    USED = "used"
    # wrangler reads it when it deploys or runs the Worker; cfpy neither reads nor changes it.
    PASSED = "passed on"
    # Only `wrangler dev` uses it.
    LOCAL = "local only"
    REFUSED = "refused"


class LocalStance(StrEnum):
    """How a kind of binding works in the node runtime, where Python runs outside workerd: through a
    proxy of workerd's own (``real``), through a Worker of cfpy (``stand-in``), or not at all."""

    REAL = "real"
    STAND_IN = "stand-in"
    FAILS = "fails"


@dataclass(frozen=True)
class Local:
    """How a kind works with ``--runtime node``.

    ``why`` is the reason if it fails. ``members`` are the methods that code may call and
    ``properties`` those that it may read where it fails: each raises an error with the reason.
    """

    stance: LocalStance
    why: str = ""
    members: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()


REAL = Local(LocalStance.REAL)
STAND_IN = Local(LocalStance.STAND_IN)
_IN_WORKERD = "it does not work with --runtime node; use --runtime workerd"
_CLASSES = "classes in Python need --runtime workerd"
_REMOTE = "it runs only on Cloudflare; deploy the Worker to try it"


def in_workerd(*members: str) -> Local:
    """It works only where Python runs in workerd."""
    return Local(LocalStance.FAILS, _IN_WORKERD, members)


def python_class(*members: str) -> Local:
    """It binds a class of the main module, which is in Python."""
    return Local(LocalStance.FAILS, _CLASSES, members)


def remote_only(*members: str) -> Local:
    """It has no local simulator."""
    return Local(LocalStance.FAILS, _REMOTE, members)


@dataclass(frozen=True)
class Handler:
    """A method of the Worker that a kind triggers: ``new`` is what ``cfpy add`` adds if there is
    none, ``tells`` what names the event in it, and ``gets`` what it is called for."""

    new: NewHandler
    tells: str
    gets: str

    @property
    def name(self) -> str:
        return self.new.name


@dataclass(frozen=True, kw_only=True)
class BindingKind:
    """One kind of binding: all that is true of it.

    What it is in the configuration:

    - ``table``, with a dot for a nested table; its ``shape``, and ``label``, its name for people.
    - ``binding_key``: the key of a binding's name; empty if the table binds none.
    - ``required``: the keys that wrangler requires; ``strings``: other keys that are strings, and
      ``lists``: keys that are lists of strings.
    - ``keys``: all keys that wrangler knows, with what cfpy does with each; empty for a table that
      cfpy treats as a whole: ``stance``.
    - ``becomes``: what an entry is in a new environment. ``inherited`` is whether an environment
      without the table has that of the top level.
    - ``name_keys``: the keys with the names of resources, the entry's own first; without one in
      the file it is the name of the binding if ``named_as_bound``. ``settings`` is the table of
      ``cfpy.toml`` with settings by this name, ``id_key`` the key of the id that ``cfpy provision``
      writes. Empty if there is none.
    - ``entry_key``: what identifies an entry of a table that binds no name.

    - ``check`` finds what is wrong with its tables in a scope, and wrangler does not report.

    What it is in an account:

    - ``owned``: the kind in cfpy's plans and records of resources that ``cfpy provision`` creates.
    - ``subcommand``: wrangler's, with ``create`` and ``delete``.
    - ``api_type``: its type in Cloudflare's API, if the API shows the binding's target, and
      ``api_keys``, which may name the target there.
    - ``permission`` of a token, as the dashboard names it, and ``permission_of``: the first parts
      of API paths and wrangler's subcommands that need it.
    - ``meter``: a meter of the price book, with which ``--each`` can add unmeasured usage; the part
      before the dot is its service. ``free`` if it costs nothing. With neither, an estimate names
      the binding as left out.

    What it is in a program:

    - ``local``: how it runs on this machine; ``None`` if it binds nothing. ``js_class`` is the
      class by which the Workers SDK picks the Python wrapper; empty for plain values.
      ``python_type`` is in ``typings/bindings.pyi``.

    How ``cfpy add`` adds it; ``name`` is empty for a kind that it does not add:

    - ``add`` returns the changes, and ``example`` is what a user types after ``cfpy add KIND``.
      ``python`` and ``javascript`` use the binding ``{b}``; other
      braces are doubled. They are empty if it binds nothing.
    - ``handler``: what it triggers in the Worker, only with ``--consumer`` if ``on_request``. It is
      added, or shown if cfpy is not sure that the Worker has none.
    - ``binds``: whether NAME becomes a binding; otherwise ``add`` checks NAME itself.
    """

    table: str
    label: str
    shape: Shape = Shape.ARRAY
    binding_key: str = "binding"
    required: tuple[str, ...] = ("binding",)
    strings: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    keys: Mapping[str, Stance] = field(default_factory=dict)
    stance: Stance = Stance.PASSED
    becomes: Becoming = SAME
    inherited: bool = False
    name_keys: tuple[str, ...] = ()
    named_as_bound: bool = False
    settings: str = ""
    id_key: str = ""
    entry_key: str = ""
    check: Callable[[Mapping[str, Any]], Iterable[Finding]] | None = None

    owned: str = ""
    subcommand: str = ""
    api_type: str = ""
    api_keys: tuple[str, ...] = ()
    permission: str = ""
    permission_of: tuple[str, ...] = ()
    meter: str = ""
    free: bool = False

    local: Local | None
    js_class: str = ""
    python_type: str = ""

    name: str = ""
    add: Callable[[Asked], Addition] | None = None
    example: str = ""
    python: str = ""
    javascript: str = ""
    handler: Handler | None = None
    on_request: bool = False
    binds: bool = True

    @property
    def once(self) -> bool:
        """Whether a Worker has at most one table of this kind."""
        return self.shape is not Shape.ARRAY

    @property
    def fails(self) -> str:
        """Why it does not work with ``--runtime node``; empty if it does."""
        return self.local.why if self.local else ""

    @property
    def filled_in(self) -> str:
        """The key that tells which resource it is, and that ``cfpy provision`` writes into a table
        without it: the id, or the name of a resource that has none."""
        return self.id_key or self.name_keys[0]

    def told_by(self, item: Mapping[str, Any]) -> str:
        """Which resource a table names, by :attr:`filled_in`; empty if it names none, or has a
        placeholder in its place."""
        told = str(item.get(self.filled_in) or "")
        return "" if is_placeholder(told) else told

    @property
    def service(self) -> str:
        """The service of the price book that has its meters; empty if there is none."""
        return self.meter.partition(".")[0]

    @property
    def outer(self) -> str:
        """The key of the configuration that has the table: ``queues`` for ``queues.producers``."""
        return self.table.partition(".")[0]

    def entries(self, scope: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The tables of this kind in a scope of the configuration.

        Raises:
            ProjectError: The value has another shape.
        """
        outer, _, inner = self.table.partition(".")
        value = scope.get(outer) or ({} if inner else [])
        if inner:
            if not isinstance(value, Mapping):
                raise ProjectError(f"`{outer}` is not a table ([{outer}])")
            value = value.get(inner) or []
        if self.shape is not Shape.ARRAY:
            value = [value] if value else []
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            header = f"[[{self.table}]]" if self.shape is Shape.ARRAY else f"[{self.table}]"
            wanted = "a list of tables" if self.shape is Shape.ARRAY else "a table"
            raise ProjectError(f"`{self.table}` is not {wanted} ({header})")
        return value

    def bound(self, scope: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each name that a scope binds to this kind, with its table.

        Raises:
            ProjectError: The value has another shape.
        """
        for item in self.entries(scope):
            if self.shape is Shape.VALUES:
                yield from ((str(name), {}) for name in item)
                continue
            names = item.get(self.binding_key)
            for name in names if isinstance(names, list) else [names]:
                if name:
                    yield str(name), item


def used(*keys: str) -> dict[str, Stance]:
    """Keys that cfpy uses."""
    return dict.fromkeys(keys, Stance.USED)


def passed(*keys: str) -> dict[str, Stance]:
    """Keys that only wrangler reads."""
    return dict.fromkeys(keys, Stance.PASSED)


def only_local(*keys: str) -> dict[str, Stance]:
    """Keys that only affect local runs."""
    return dict.fromkeys(keys, Stance.LOCAL)

"""``cfpy dev --with ../other``: more Workers in one run, for the bindings between them.

Workers in workerd run in the process of the main one and share its data, as with ``wrangler dev -c
a -c b``. Others have a process of their own; both kinds find each other in wrangler's registry of
the Workers on this machine.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import CfpyError, ProjectError, UsageError
from cfpy.local.choosing import choose_runtime
from cfpy.local.defaults import load_for_run
from cfpy.local.local_runtime import Event, LocalRuntime, LocalSession
from cfpy.local.preparation import DevRequest, Runtime, Shared, prepare
from cfpy.project.config_file import configuration_in
from cfpy.project.config_text import SUFFIXES
from cfpy.project.project import Project
from cfpy.tools.context import Context

# Where a Worker that runs next to the main one listens: only the registry has its address.
_LOOPBACK = "127.0.0.1"
_NAME = "Name the folder that has its wrangler.toml or wrangler.jsonc, or that file."


@dataclass(frozen=True)
class Beside:
    """A Worker that runs next to the main one; ``runtime`` is where its code runs."""

    project: Project
    session: LocalSession
    runtime: Runtime

    @property
    def name(self) -> str:
        return str(self.project.wrangler.get("name"))


def load_beside(
    project: Project, places: Sequence[Path], say: Callable[[str], None] = lambda _text: None
) -> tuple[Project, ...]:
    """The projects of ``--with``: each place is a folder, or the configuration itself, as for
    ``wrangler dev -c``. ``say`` is called with what a person should know.

    Raises:
        ProjectError: A configuration is not valid, or has no name.
        UsageError: There is no configuration, or two of the Workers are the same, have the same
            name or are in one folder.
    """
    found = {str(project.wrangler.get("name")): project.root.resolve()}
    projects = []
    for place in places:
        folder, config = place_of(place)
        named = load_project(folder, config)
        # Bindings find it by its name, so the default is not enough.
        if not named.wrangler.get("name"):
            raise ProjectError("`name` is missing", path=named.config_path)
        other = load_for_run(folder, config, say=say)
        name = str(other.wrangler["name"])
        if name in found:
            raise UsageError(
                f"--with {place}: the Worker {name} is also in {found[name]}",
                hint="Each Worker of a run needs a name of its own, and runs once.",
            )
        if other.root.resolve() in found.values():
            raise UsageError(
                f"--with {place}: its folder {other.root} has another Worker of this run",
                hint="cfpy keeps the files of a run in the Worker's folder: move one of the two.",
            )
        found[name] = other.root.resolve()
        projects.append(other)
    return tuple(projects)


def place_of(place: Path) -> tuple[Path, Path | None]:
    """The folder of a Worker of ``--with``, and its configuration if that is named.

    Raises:
        UsageError: There is none.
    """
    if place.is_dir():
        if configuration_in(place) is None:
            raise UsageError(
                f"--with {place}: there is no configuration of a Worker in this folder", hint=_NAME
            )
        return place, None
    if not place.exists():
        raise UsageError(f"--with {place}: it does not exist", hint=_NAME)
    if place.suffix not in SUFFIXES:
        raise UsageError(f"--with {place}: it is not the configuration of a Worker", hint=_NAME)
    return place.parent, place


def prepare_beside(
    ctx: Context,
    projects: Sequence[Project],
    request: DevRequest,
    shared: Shared,
    *,
    main: Runtime,
) -> tuple[Beside, ...]:
    """Prepare each of ``projects`` for a run next to the main Worker.

    Args:
        ctx: The tools of the run.
        projects: The result of :func:`load_beside`.
        request: The request for the main Worker.
        shared: What all Workers of the run share.
        main: Where the main Worker runs.

    Raises:
        ProjectError: Its Python runs in Node, which does not have that version.
        CfpyError: As in ``prepare``.
    """
    prepared = []
    for project in projects:
        in_workerd = not project.is_python or (
            main is Runtime.WORKERD and request.runtime is Runtime.WORKERD
        )
        runtime = Runtime.WORKERD if in_workerd else Runtime.NODE
        choose_runtime(project, runtime)
        inside = runtime is main is Runtime.WORKERD
        own = dataclasses.replace(
            request,
            root=project.root,
            host=_LOOPBACK,
            port=0,
            persist_to=request.state if inside else project.root / ".wrangler" / "state",
            environment="",
            config=project.config_path,
            env_files=(),
        )
        own.state.mkdir(parents=True, exist_ok=True)
        on_node = runtime is Runtime.NODE
        front = shared.own.front if inside else f"{project.wrangler['name']}-{shared.own.front}"
        company = dataclasses.replace(shared, own=dataclasses.replace(shared.own, front=front))
        session = prepare(ctx, project, own, company, on_node=on_node).session
        prepared.append(Beside(project, session, runtime))
    return tuple(prepared)


class Together:
    """Runs the main Worker and others, each in its own runtime, and stops all of them with the
    first that ends."""

    def __init__(
        self,
        main: Callable[[], LocalRuntime],
        others: Sequence[tuple[str, Callable[[], LocalRuntime]]],
    ) -> None:
        self._feed: SimpleQueue[tuple[str, Event | CfpyError | None]] = SimpleQueue()
        self._runtimes: list[LocalRuntime] = []
        self._waiting = {name for name, _ in others}
        try:
            for name, start in (*others, ("", main)):
                runtime = start()
                self._runtimes.append(runtime)
                arguments = (name, runtime)
                threading.Thread(target=self._forward, args=arguments, daemon=True).start()
        except BaseException:
            self.stop()
            raise

    def events(self) -> Iterator[Event]:
        """The events of all; the main Worker is ready when all are."""
        ready: Event | None = None
        while True:
            name, item = self._feed.get()
            if isinstance(item, CfpyError):
                raise item
            if item is None:
                return
            if item.kind == "ready":
                self._waiting.discard(name)
                ready = ready if name else item
                if ready and not self._waiting:
                    yield ready
                    ready = None
            elif not name:
                yield item
            elif item.kind != "request":
                yield Event(item.kind, _named(name, item.data))

    def stop(self) -> None:
        for runtime in reversed(self._runtimes):
            runtime.stop()

    def _forward(self, name: str, runtime: LocalRuntime) -> None:
        try:
            for event in runtime.events():
                self._feed.put((name, event))
            self._feed.put((name, None))
        except CfpyError as error:
            if name:
                error.message = f"the Worker {name}, from --with: {error.message}"
            self._feed.put((name, error))


def _named(name: str, data: Any) -> dict[str, Any]:
    """What an event of another Worker says, with the name of that Worker."""
    text = {key: f"[{name}] {data[key]}" for key in ("text", "path") if key in data}
    # Its address is not that of the run.
    return {**{key: data[key] for key in data if key != "url"}, **text}

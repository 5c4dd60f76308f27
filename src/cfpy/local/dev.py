"""``cfpy dev``: runs the project on this machine, without a Cloudflare account."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cfpy.account.wrangler import Wrangler
from cfpy.bindings.kinds.cron import schedules
from cfpy.errors import CfpyError, ProjectError
from cfpy.local import bundle
from cfpy.local.access import access_note, local_access
from cfpy.local.beside import Beside, Together, load_beside, prepare_beside
from cfpy.local.choosing import attempts, choose_runtime, without_bundle
from cfpy.local.data_lock import alone_with, alone_with_each
from cfpy.local.defaults import load_for_run
from cfpy.local.dev_registry import registry_folder, running_workers
from cfpy.local.env_files import EnvFiles
from cfpy.local.faulty_edits import (
    FileWarnings,
    fault_of_edit,
    read_files,
    wait_for_fix,
    watched_files,
)
from cfpy.local.gate import Gate
from cfpy.local.held_events import Held
from cfpy.local.import_warnings import ImportWarnings
from cfpy.local.local_ai import chat_note, documents_note, local_ai
from cfpy.local.local_runtime import (
    Event,
    LocalRuntime,
    LocalSession,
    NodeRuntime,
    StartFailedError,
)
from cfpy.local.only_workerd import NEEDS_WORKERD
from cfpy.local.own_names import own_names
from cfpy.local.preparation import DevRequest, Prepared, Runtime, Shared, derived_directory, prepare
from cfpy.local.watching import look
from cfpy.local.workerd_runtime import BundleUnavailableError, WorkerdRuntime
from cfpy.project.project import Project
from cfpy.tools.context import Context

_SLOW_STOP_SECONDS = 2.0


@dataclass(frozen=True)
class DevInfo:
    """What a session consists of, in words for the banner.

    ``runtime_note`` explains the choice of the runtime; ``embeddings`` and ``chat`` name the
    stand-ins for Workers AI, and ``documents`` that for its conversion of documents (empty if the
    project does not bind it); ``access`` is who is signed in (empty if the project is not behind
    Cloudflare Access); ``vectorize_delay`` is after
    how many seconds a mutation of its Vectorize index is visible, ``None`` if it has none;
    ``crons`` are the schedules of its cron triggers; ``secrets_file`` names the files with the
    secrets; ``left_out`` are bindings that do not work here, with what you can do about it.
    """

    runtime: Runtime
    runtime_note: str
    embeddings: str
    chat: str
    vectorize_delay: float | None
    crons: tuple[str, ...]
    secrets_file: str
    state: Path
    left_out: Mapping[str, str]
    documents: str = ""
    access: str = ""

    @property
    def only_in_workerd(self) -> list[str]:
        """What of ``left_out`` works with ``--runtime workerd``."""
        return [name for name, why in self.left_out.items() if NEEDS_WORKERD in why]


def run(
    ctx: Context,
    request: DevRequest,
    on_start: Callable[[DevInfo], None],
    on_event: Callable[[Event], None],
) -> None:
    """Run the project until it is interrupted.

    Args:
        ctx: The tools of the run.
        request: What to run.
        on_start: Called when a runtime is about to start.
        on_event: Called for each event of the runtime, ``ready`` among them.

    Raises:
        ProjectError: The project's files are missing or not valid, or a file of secrets is.
        UsageError: Its local data or the port is in use, it can't listen on the host, or a CFPY_AI
            variable is not valid.
        FilesystemError: The local data can't be kept there.
        ToolNotFoundError: Node, wrangler or the Worker's packages can't be installed.
        WranglerError: A migration failed.
        LocalRuntimeError: The runtime could not start, or exited by itself.
        KeyboardInterrupt: Ctrl-C; everything was stopped.
    """

    # Checked first, because everything before the start of the server takes a while: what is wrong
    # with the files comes before a port that is only taken for now.
    env_files = read_files(request)
    gate = Gate(request.host, request.port)
    try:
        _run_behind(gate, ctx, request, env_files, on_start, on_event)
    finally:
        gate.stop()


def _run_behind(
    gate: Gate,
    ctx: Context,
    request: DevRequest,
    env_files: EnvFiles,
    on_start: Callable[[DevInfo], None],
    on_event: Callable[[Event], None],
) -> None:
    """Run until it is interrupted, again and again behind the same port."""
    # Whether it ever was ready, and whether it is with the files as they are.
    served = serving = False

    def note(event: Event) -> None:
        nonlocal served, serving
        if event.kind == "ready":
            served = serving = True
            event = _outside(gate, event)
        if event.kind == "start_failed":
            # It waits for a fix by itself.
            served = True
            event = _outside(gate, event) if "url" in event.data else event
        on_event(event)

    warn = FileWarnings(request, on_event)
    # After a change of the configuration, cfpy.toml, .dev.vars or a migration, everything is read
    # again.
    again = True
    while again:
        watched = watched_files(request, env_files.watched)
        before = look(watched)
        serving = False
        warn()
        try:
            again = _run_once(gate, ctx, request, on_start, note)
        except CfpyError as error:
            # A faulty edit does not end the session: a typo, a package or a flag that there is not.
            failed = isinstance(error, StartFailedError)
            if not served or not request.watch or (serving and not failed):
                raise
            wait_for_fix(ctx, error, watched, before, gate, on_event)


def _outside(gate: Gate, event: Event) -> Event:
    """Let requests through to what listens, and tell its address behind the gate."""
    inside = str(event.data["url"])
    gate.open(urlsplit(inside).port or 0)
    outside = gate.outside(inside)
    told = {"url": outside}
    for key in event.data.keys() & {"page", "text"}:
        told[key] = str(event.data[key]).replace(inside.rstrip("/"), outside.rstrip("/"))
    return Event(event.kind, {**event.data, **told})


def _run_once(
    gate: Gate,
    ctx: Context,
    request: DevRequest,
    on_start: Callable[[DevInfo], None],
    on_event: Callable[[Event], None],
) -> bool:
    """Run until the runtime exits (False) or the configuration changes (True)."""

    def say(text: str) -> None:
        on_event(Event("log", {"level": "warning", "text": text}))

    project = load_for_run(request.root, request.config, request.environment, say)
    runtime, note = choose_runtime(project, request.runtime)
    others = load_beside(project, request.beside, say)
    every = (project, *others)
    # Before the data, which may be in another place.
    for each in every:
        derived_directory(each)
    with (
        alone_with(request.state),
        local_ai(ctx, every, on_event) as (ai, embeddings_note),
        local_access(every) as access,
    ):
        own = own_names(each.wrangler for each in every)
        shared = Shared(ai, access, _workers(every), own, say)
        for attempt, why in attempts(runtime, note):
            on_node = attempt is Runtime.NODE
            prepared = prepare(ctx, project, request, shared, on_node=on_node)
            beside = prepare_beside(ctx, others, request, shared, main=attempt)
            session = prepared.session
            told = (embeddings_note, chat_note(project, ai))
            on_start(_info(project, request, prepared, attempt, why, *told))
            # What workerd prints about a failed download, cfpy reports better.
            pyodide = project.is_python and attempt is Runtime.WORKERD
            tell = Held(
                ImportWarnings(project, on_event), bundle.forget_missing if pyodide else None
            )
            try:
                states = [each.session.state for each in beside]
                with alone_with_each(states, request.state):
                    started = _start_all(ctx, project, session, attempt, beside)
                    faults = functools.partial(fault_of_edit, request)
                    return _serve(gate, started, tell, faults)
            except BundleUnavailableError as error:
                bundle.remember_missing()
                if runtime is not Runtime.AUTO:
                    raise without_bundle(project, error) from None
            except CfpyError:
                tell.release()
                raise
    return False


def _info(
    project: Project,
    request: DevRequest,
    prepared: Prepared,
    runtime: Runtime,
    note: str,
    embeddings: str,
    chat: str,
) -> DevInfo:
    return DevInfo(
        runtime=runtime,
        runtime_note=note,
        embeddings=embeddings,
        vectorize_delay=_vectorize_delay(project, request),
        crons=_crons(project),
        chat=chat,
        secrets_file=prepared.secrets_file,
        state=prepared.session.state,
        left_out=prepared.left_out,
        documents=documents_note(project),
        access=access_note(project),
    )


def _serve(
    gate: Gate,
    runtime: LocalRuntime,
    on_event: Callable[[Event], None],
    fault: Callable[[str], Event | None],
) -> bool:
    """Run until the runtime exits (False), or is to be started again (True): not for an edit of the
    configuration that can't be used."""
    again = False
    try:
        for event in runtime.events():
            if event.kind != "config_changed":
                on_event(event)
                continue
            # A runtime that exited by itself reports this last.
            again = True
            faulty = fault(event.data["path"])
            on_event(faulty or event)
            if not faulty:
                break
    finally:
        gate.hold()
        with _told_if_slow(on_event):
            runtime.stop()
    return again


@contextlib.contextmanager
def _told_if_slow(on_event: Callable[[Event], None]) -> Iterator[None]:
    """Say why it takes so long, if it does: code in an endless loop can't be asked to end."""
    text = "The Worker's code still runs, maybe in an endless loop. cfpy ends it in some seconds."
    event = Event("log", {"level": "warning", "text": text})
    timer = threading.Timer(_SLOW_STOP_SECONDS, on_event, [event])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _start(ctx: Context, project: Project, session: LocalSession, runtime: Runtime) -> LocalRuntime:
    if runtime is Runtime.NODE:
        return NodeRuntime(ctx.toolchain, session)
    wrangler = Wrangler(ctx.runner, ctx.toolchain, project.root, config=session.worker)
    return WorkerdRuntime(ctx.toolchain, wrangler, session)


def _start_all(
    ctx: Context,
    project: Project,
    session: LocalSession,
    runtime: Runtime,
    beside: tuple[Beside, ...],
) -> LocalRuntime:
    """Start the Worker, and those next to it: in its own workerd where they share its data."""
    inside = tuple(each.session for each in beside if each.session.state == session.state)
    if inside:
        session = dataclasses.replace(session, beside=inside)
    start = functools.partial(_start, ctx, project, session, runtime)
    others = [
        (each.name, functools.partial(_start, ctx, each.project, each.session, each.runtime))
        for each in beside
        if each.session not in inside
    ]
    return Together(start, others) if others else start()


def _workers(projects: tuple[Project, ...]) -> frozenset[str]:
    """The names of the Workers that bindings find: those of the run, and others that run on this
    machine."""
    own = frozenset(str(each.wrangler["name"]) for each in projects)
    return own | running_workers(registry_folder(os.environ, Path.home()))


def _vectorize_delay(project: Project, request: DevRequest) -> float | None:
    return request.vectorize_delay if project.wrangler.get("vectorize") else None


def _crons(project: Project) -> tuple[str, ...]:
    # A schedule that is not valid fails the deployment, not a local run.
    with contextlib.suppress(ProjectError):
        return tuple(schedules(project.wrangler))
    return ()

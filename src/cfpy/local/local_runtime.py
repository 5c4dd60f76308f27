"""Starts a Worker on this machine: common types, and the runtime with Pyodide in Node.

All runtimes report to their caller with :class:`Event` objects. ``node`` runs the project's Python
in Pyodide inside a Node process, with bindings from a real workerd; it only needs packages from
PyPI and npm. The other runtime is in ``workerd_runtime.py``.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from cfpy.errors import CfpyError, LocalRuntimeError
from cfpy.local.dev_registry import registry_folder
from cfpy.local.env_files import EnvFiles
from cfpy.local.first_load import FirstLoad
from cfpy.local.refusal import refused
from cfpy.local.stuck import Attention, Stuck
from cfpy.local.traces import in_own_file
from cfpy.local.watching import Change, State, Watched, Watcher
from cfpy.tools.process import ChildProcess
from cfpy.tools.toolchain import NEWEST_PYTHON, Toolchain

RUNTIME_FILES = Path(__file__).parent / "runtime"

_KEPT_LINES = 30
_STUCK = "The Worker uses the processor without a pause, as in an endless loop."

_Item = str | Change | Stuck | None


@dataclass(frozen=True)
class Event:
    """Something that happened in the runtime.

    ``kind`` is one of ``ready`` (data: url, and page if there is one), ``request`` (method, path,
    status, ms), ``log`` (level, text), ``reloading`` (path), ``reloaded`` (ms), ``reload_failed``
    (text), ``start_failed`` (text: the Worker has not answered yet, and waits for a fix; url once
    requests are answered with the error) and ``config_changed`` (path).
    """

    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class LocalSession:
    """Describes what to run, and where.

    ``config`` is the name of the project's configuration file, ``worker`` and ``local_services``
    are derived configurations, like ``front``, that of the Worker which shows the page of a run in
    workerd. ``state`` is wrangler's ``--persist-to`` directory, ``env_files``
    are the files from which wrangler reads secrets, and ``service_secrets`` the secrets of the
    stand-ins, which are never written to disk. ``kinds`` are the classes of bindings by name,
    ``failing`` the replacements for those that do not work, ``build`` is the custom build.
    ``neurons`` are those for a million tokens of a model, ``input`` and ``output``. ``host`` is
    where the run listens: the runtime itself only listens on loopback, behind the gate.
    ``migrations`` are directories of SQL files. ``python`` is the version of the project's Python.
    ``beside`` are the Workers that run in the same workerd. If wrangler reads the modules of a
    directory only when told, that is ``module_root``. ``packages`` are the folders of the local
    Python packages.
    """

    project: Path
    config: str
    entry: Path
    worker: Path
    local_services: Path | None
    python_modules: Path
    kinds: Mapping[str, str]
    failing: Mapping[str, Mapping[str, Any]]
    build: Mapping[str, Any] | None
    env_files: EnvFiles
    migrations: tuple[Path, ...]
    neurons: Mapping[str, Mapping[str, float]]
    host: str
    state: Path
    cache: Path
    watch: bool
    service_secrets: Mapping[str, str] = field(repr=False)
    python: str = NEWEST_PYTHON
    beside: tuple[LocalSession, ...] = ()
    module_root: Path | None = None
    front: Path | None = None
    packages: tuple[Path, ...] = ()


class StartFailedError(LocalRuntimeError):
    """The Worker could not start; ``since`` is the state of ``watched``, the files that it was
    started with."""

    def __init__(self, message: str, *, hint: str = "", watched: Watched, since: State) -> None:
        super().__init__(message, hint=hint)
        self.watched = watched
        self.since = since


class LocalRuntime(Protocol):
    """A running Worker."""

    def events(self) -> Iterator[Event]:
        """Events until the runtime exits.

        Raises:
            LocalRuntimeError: It exited by itself.
            ProjectError: wrangler or Miniflare refuse the configuration.
        """
        ...

    def stop(self) -> None:
        """Stop it and all processes that it started."""
        ...


class NodeRuntime:
    """Pyodide in Node: ``local/runtime/node/dev.mjs`` sends the events as JSON lines."""

    def __init__(self, toolchain: Toolchain, session: LocalSession) -> None:
        self._config = session.config
        self._errors: deque[str] = deque(maxlen=_KEPT_LINES)
        self._feed: SimpleQueue[_Item] = SimpleQueue()
        self._attention = Attention(lambda: self._feed.put(Stuck()))
        # Before any file is read, so that the first edit is not missed.
        self._watcher = _watch_python(session, self._feed) if session.watch else None
        script = RUNTIME_FILES / "node" / "dev.mjs"
        argv = [str(toolchain.node.binary), "--experimental-wasm-jspi", "--no-warnings"]
        self._child = ChildProcess(
            [*argv, str(script)],
            cwd=session.project,
            env={**toolchain.environment(), **session.service_secrets},
            on_stderr=self._errors.append,
        )
        # Through standard input, because others can read an argument list or a file.
        self._child.write_line(json.dumps(_node_session(toolchain, session)))
        threading.Thread(target=self._listen, daemon=True).start()

    def events(self) -> Iterator[Event]:
        first = FirstLoad()
        while (item := self._feed.get()) is not None:
            if isinstance(item, Change):
                if item.configuration:
                    yield Event("config_changed", {"path": item.paths[0]})
                else:
                    self._child.write_line(json.dumps({"changed": item.paths}))
                    self._attention.sent(item.paths[0])
                continue
            if isinstance(item, Stuck):
                yield Event("log", {"level": "warning", "text": _STUCK})
                yield Event("config_changed", {"path": self._attention.edited})
                continue
            message = _parse_line(item)
            if message is None:
                self._errors.append(item)
            elif message.get("event") == "fatal":
                self.stop()
                text = in_own_file(str(message.get("text")), self._config)
                raise _fatal(str(message.get("code")), text)
            else:
                kind = str(message.pop("event", "log"))
                self._attention.event(kind)
                if kind != "heard":
                    yield from (Event(*told) for told in first.told(kind, message))
        status = self._child.wait()
        if status:
            raise died("the local runtime", status, self._errors)

    def stop(self) -> None:
        self._attention.stop()
        if self._watcher is not None:
            self._watcher.stop()
        self._child.stop()

    def _listen(self) -> None:
        for line in self._child.lines():
            self._feed.put(line)
        self._feed.put(None)


def _watch_python(session: LocalSession, feed: SimpleQueue[_Item]) -> Watcher:
    built = tuple(Path(directory) for directory in (session.build or {}).get("watch", ()))
    watched = Watched(
        session.project,
        session.config,
        sources=(session.entry.parent,),
        everything=built,
        migrations=session.migrations,
        settings=session.env_files.watched,
        packages=session.packages,
    )
    return Watcher(watched, feed.put)


def _node_session(toolchain: Toolchain, session: LocalSession) -> dict[str, Any]:
    return {
        "toolchain": str(toolchain.directory),
        "python": str(toolchain.python(session.python)),
        "project": str(session.project),
        "worker": str(session.worker),
        "local_services": None if session.local_services is None else str(session.local_services),
        "kinds": dict(session.kinds),
        "neurons": dict(session.neurons),
        "failing": dict(session.failing),
        "build": session.build,
        "dev_vars": session.env_files.dev_vars and str(session.env_files.dev_vars),
        "env_files": [str(path) for path in session.env_files.env_files],
        "given": session.env_files.given,
        "settings": [str(path) for path in session.env_files.settings],
        "entry": str(session.entry),
        "python_modules": str(session.python_modules),
        "host": session.host,
        "state": str(session.state / "v3"),
        "cache": str(session.cache),
        "registry": str(registry_folder(os.environ, Path.home())),
        "watch": session.watch,
        # A file that receives the billable usage: see benchmarks/usage.py.
        "meter": os.environ.get("CFPY_METER", ""),
    }


def _parse_line(line: str) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _fatal(code: str, text: str) -> CfpyError:
    if code == "configuration":
        return refused(text)
    hint = "Fix the error above and start again." if code == "entry_failed" else ""
    return LocalRuntimeError(text, hint=hint)


def died(what: str, status: int, lines: deque[str]) -> LocalRuntimeError:
    """The error for a runtime that exited by itself, with its last output."""
    tail = "\n".join(line for line in lines if line.strip())
    return LocalRuntimeError(f"{what} exited with status {status}:\n{tail}".rstrip(":\n"))

"""Starts a Worker on this machine: in workerd under ``wrangler dev``, or in Pyodide under Node.

Both speak to their caller in :class:`Event`\\ s. ``node`` runs the project's Python in Pyodide
inside a Node process, with bindings from a real workerd; it needs nothing but packages from PyPI
and npm. ``workerd`` runs it where Cloudflare would, and has to download a Pyodide bundle first.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cfpy.adapters.process import ChildProcess
from cfpy.adapters.toolchain import Toolchain
from cfpy.adapters.wrangler import Wrangler
from cfpy.errors import LocalRuntimeError, UsageError

RUNTIME_FILES = Path(__file__).parent.parent / "runtime"

# wrangler's table of all modules and what is around it: nothing that one can do something about.
_ASIDE = re.compile(r"[│┌├└]|Attaching additional modules|Total \(|If you think this is a bug")
# What workerd prints where it can't download Pyodide (observed with workerd 1.20261117.1).
_NO_BUNDLE = "Pyodide bundle failed"
_READY = re.compile(r"Ready on (https?://\S+)")
_REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*) (?P<status>\d{3}) .*\((?P<ms>\d+)ms\)")
_KEPT_LINES = 30


class BundleUnavailableError(LocalRuntimeError):
    """workerd could not download the Pyodide bundle that it runs Python with."""


@dataclass(frozen=True)
class Event:
    """Something that happened in the runtime.

    ``kind`` is one of ``ready`` (data: url, and page if there is one), ``request`` (method, path,
    status, ms), ``log`` (level, text), ``reloading`` (path), ``reloaded`` (ms), ``reload_failed``
    (text) and ``config_changed`` (path).
    """

    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Session:
    """What to run, and where.

    ``worker`` and ``local_services`` are derived wrangler configurations, ``state`` is wrangler's
    ``--persist-to`` directory, ``secrets`` are bindings that never touch the disk and
    ``service_secrets`` the same for the stand-ins. ``neurons`` are what a million tokens of a model
    cost, ``input`` and ``output``. ``port`` 0 takes a free one.
    """

    project: Path
    entry: Path
    worker: Path
    local_services: Path | None
    python_modules: Path
    kinds: Mapping[str, str]
    neurons: Mapping[str, Mapping[str, float]]
    host: str
    port: int
    state: Path
    cache: Path
    watch: bool
    secrets: Mapping[str, str] = field(repr=False)
    service_secrets: Mapping[str, str] = field(repr=False)


class LocalRuntime(Protocol):
    """A running Worker."""

    def events(self) -> Iterator[Event]:
        """Events until the runtime ends.

        Raises:
            LocalRuntimeError: It ended by itself.
        """
        ...

    def stop(self) -> None:
        """Stop it and everything that it started."""
        ...


class NodeRuntime:
    """Pyodide in Node: the events come from ``runtime/node/dev.mjs`` as JSON lines."""

    def __init__(self, toolchain: Toolchain, session: Session) -> None:
        self._errors: deque[str] = deque(maxlen=_KEPT_LINES)
        script = RUNTIME_FILES / "node" / "dev.mjs"
        argv = [str(toolchain.node.binary), "--experimental-wasm-jspi", "--no-warnings"]
        self._child = ChildProcess(
            [*argv, str(script)],
            cwd=session.project,
            env={**toolchain.environment(), **session.service_secrets},
            on_stderr=self._errors.append,
        )
        # By standard input, because an argument list and a file are readable by others.
        self._child.write_line(json.dumps(_node_session(toolchain, session)))

    def events(self) -> Iterator[Event]:
        for line in self._child.lines():
            message = _parse_line(line)
            if message is None:
                self._errors.append(line)
            elif message.get("event") == "fatal":
                self.stop()
                raise _fatal(str(message.get("code")), str(message.get("text")))
            else:
                yield Event(str(message.pop("event", "log")), message)
        status = self._child.wait()
        if status:
            raise _died("the local runtime", status, self._errors)

    def stop(self) -> None:
        self._child.stop()


class WorkerdRuntime:
    """``wrangler dev``: real workerd all through."""

    def __init__(self, toolchain: Toolchain, wrangler: Wrangler, session: Session) -> None:
        self._output: deque[str] = deque(maxlen=_KEPT_LINES)
        arguments = ["dev", "--local", "--config", str(session.worker)]
        if session.local_services is not None:
            arguments += ["--config", str(session.local_services)]
        arguments += ["--ip", session.host, "--port", str(session.port)]
        arguments += ["--persist-to", str(session.state), "--show-interactive-dev-session=false"]
        _link_modules(session)
        self._child = ChildProcess(
            wrangler.argv(*arguments),
            cwd=session.project,
            # `secrets.required` in the derived configurations makes wrangler take these.
            env={**toolchain.environment(), **session.secrets, **session.service_secrets},
            on_stderr=self._output.append,
        )

    def events(self) -> Iterator[Event]:
        for line in self._child.lines():
            self._output.append(line)
            if found := _READY.search(line):
                yield Event("ready", {"url": found[1].rstrip("/") + "/"})
            elif found := _REQUEST.search(line):
                data = found.groupdict()
                yield Event(
                    "request", {**data, "status": int(data["status"]), "ms": int(data["ms"])}
                )
            elif line.strip() and not _ASIDE.match(line):
                yield Event("log", {"level": "log", "text": line})
        status = self._child.wait()
        text = "\n".join(self._output)
        if _NO_BUNDLE in text:
            raise BundleUnavailableError(
                "workerd could not download the Pyodide bundle that it runs Python with",
                hint="Use --runtime node, which needs no download, or check the network.",
            )
        if status:
            raise _died("wrangler dev", status, self._output)

    def stop(self) -> None:
        self._child.stop()


def _node_session(toolchain: Toolchain, session: Session) -> dict[str, Any]:
    return {
        "toolchain": str(toolchain.directory),
        "project": str(session.project),
        "worker": str(session.worker),
        "local_services": None if session.local_services is None else str(session.local_services),
        "kinds": dict(session.kinds),
        "neurons": dict(session.neurons),
        "secrets": dict(session.secrets),
        "entry": str(session.entry),
        "python_modules": str(session.python_modules),
        "host": session.host,
        "port": session.port,
        "state": str(session.state / "v3"),
        "cache": str(session.cache),
        "watch": session.watch,
        # A file to count into what Cloudflare would bill: see benchmarks/usage.py.
        "meter": os.environ.get("CFPY_METER", ""),
    }


def _link_modules(session: Session) -> None:
    """wrangler looks for ``python_modules`` beside the configuration that it is given."""
    link = session.worker.parent / "python_modules"
    with contextlib.suppress(FileExistsError):
        link.symlink_to(session.python_modules, target_is_directory=True)


def _parse_line(line: str) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _fatal(code: str, text: str) -> LocalRuntimeError | UsageError:
    if code == "port_in_use":
        return UsageError(text, hint="Stop what listens there, or choose another --port.")
    hint = "Mend the error above and start again." if code == "entry_failed" else ""
    return LocalRuntimeError(text, hint=hint)


def _died(what: str, status: int, lines: deque[str]) -> LocalRuntimeError:
    tail = "\n".join(line for line in lines if line.strip())
    return LocalRuntimeError(f"{what} ended with status {status}:\n{tail}".rstrip(":\n"))

"""The runtime with workerd, as on Cloudflare: supervises ``wrangler dev``.

The output of ``wrangler dev`` about the Worker becomes events. It exits if workerd can't start, for
instance because of an error at the top of a module. After it was ready once, cfpy then waits for a
fix instead of exiting.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

from cfpy.account.wrangler import Wrangler
from cfpy.errors import LocalRuntimeError, UsageError
from cfpy.local.env_files import DEV_VARS, LOAD_ENV_FILES
from cfpy.local.local_runtime import Event, LocalSession, died
from cfpy.local.traces import in_project, reload_failed
from cfpy.local.watching import Change, State, Watched, Watcher, look
from cfpy.local.wrangler_output import Ready, Request, Said, WranglerOutput
from cfpy.tools.process import ChildProcess
from cfpy.tools.toolchain import Toolchain

# What workerd prints if it can't download Pyodide (observed with workerd 1.20261117.1).
_NO_BUNDLE = "Pyodide bundle failed"
_RELOADS = "Reloading local server"
_PORT_TAKEN = ("Address already in use", "EADDRINUSE")
# A port that wrangler chooses for itself (observed with wrangler 4.164).
_OWN_SOCKET = 'socket "direct:'
_MOST_STARTS = 3
_KEPT_LINES = 40
# How long a start may be silent: after an error that needs a fix, and in general.
_LAST_WORDS_SECONDS = 2.0
_SILENT_SECONDS = 180.0
_Line = tuple[str, bool]


class BundleUnavailableError(LocalRuntimeError):
    """workerd could not download the Pyodide bundle, which it needs to run Python."""


class WorkerdRuntime:
    """``wrangler dev`` with the real workerd."""

    def __init__(self, toolchain: Toolchain, wrangler: Wrangler, session: LocalSession) -> None:
        self._session = session
        self._kept: deque[str] = deque(maxlen=_KEPT_LINES)
        self._feed: SimpleQueue[_Line | Change | None] = SimpleQueue()
        beside = tuple(each.project for each in session.beside)
        watched = Watched(
            session.project, session.config, settings=session.env_files.watched, beside=beside
        )
        migrations = (path for each in (session, *session.beside) for path in each.migrations)
        self._watcher = self._watch(dataclasses.replace(watched, migrations=tuple(migrations)))
        self._everything = dataclasses.replace(watched, everything=(session.project, *beside))
        # The files as they were when workerd last loaded them.
        self._taken: State = {}
        for each in (session, *session.beside):
            _link_modules(each)
        self._dev_vars = [_link_dev_vars(each) for each in (session, *session.beside)]
        self._argv = wrangler.argv(*_arguments(session))
        self._environment = toolchain.environment()
        self._starts = 0
        self._child = self._start()

    def events(self) -> Iterator[Event]:
        output = WranglerOutput()
        ready = False
        while (item := self._next(output, ready=ready)) is not None:
            if isinstance(item, Change):
                yield Event("config_changed", {"path": item.paths[0]})
                continue
            said = output.read(item[0], on_stderr=item[1])
            if said is None:
                continue
            ready = ready or isinstance(said, Ready)
            if isinstance(said, Ready) or _RELOADS in item[0]:
                self._taken = look(self._everything)
                # What was said before is not about this version.
                self._kept.clear()
            if isinstance(said, Said):
                said = self._in_project(said)
            yield _event(said)
        yield from self._ended(was_ready=ready)

    def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        self._child.stop()
        for link in self._dev_vars:
            link.unlink(missing_ok=True)

    def _start(self) -> ChildProcess:
        self._starts += 1
        child = ChildProcess(
            self._argv,
            cwd=self._session.project,
            # Because of `secrets.required` in the configuration of the stand-ins, wrangler reads
            # these.
            env={
                **self._environment,
                **({LOAD_ENV_FILES: "true"} if self._session.env_files.given else {}),
                **self._session.service_secrets,
            },
            on_stderr=lambda line: self._feed.put((line, True)),
        )
        threading.Thread(target=self._listen, args=(child,), daemon=True).start()
        return child

    def _next(self, output: WranglerOutput, *, ready: bool) -> _Line | Change | None:
        """The next line or change; a start without progress ends here with the reason."""
        if ready:
            return self._feed.get()
        patience = _LAST_WORDS_SECONDS if output.not_built else _SILENT_SECONDS
        try:
            return self._feed.get(timeout=patience)
        except Empty:
            self.stop()
            what = (
                "the Worker can't be built"
                if output.not_built
                else f"wrangler dev is not ready, and was silent for {_SILENT_SECONDS:.0f} seconds"
            )
            raise LocalRuntimeError(
                f"{what}:\n{self._tail()}".rstrip(":\n"),
                hint="Fix the error above and start again.",
            ) from None

    def _ended(self, *, was_ready: bool) -> Iterator[Event]:
        """After it exited by itself: report why, or wait for a change and start again."""
        status = self._child.wait()
        # The last lines may come from the other stream.
        while (item := self._leftover()) is not None:
            said = WranglerOutput().read(item[0], on_stderr=item[1])
            if isinstance(said, Said):
                yield _event(self._in_project(said))
        text = self._tail()
        if _NO_BUNDLE in text:
            raise BundleUnavailableError(
                "workerd could not download the Pyodide bundle, which it needs to run Python",
                hint="Use --runtime node, which needs no download, or check the network.",
            )
        if any(words in text for words in _PORT_TAKEN):
            # wrangler chose the port, and another program was faster.
            chosen = not self._session.port or _OWN_SOCKET in text
            if chosen and not was_ready and self._starts < _MOST_STARTS:
                self._kept.clear()
                self._child = self._start()
                yield from self.events()
                return
            raise UsageError(
                f"port {self._session.port} of {self._session.host} is in use",
                hint="Stop the program that uses it, or choose another --port.",
            )
        if not status:
            return
        if not (was_ready and self._session.watch):
            raise died("wrangler dev", status, self._kept)
        # The traceback is in the log already.
        summary, *_ = reload_failed(f"the Worker can't start\n{text}").splitlines()
        yield Event("reload_failed", {"text": f"{summary}\nWaiting for a fix."})
        yield self._wait_for_change()

    def _wait_for_change(self) -> Event:
        if self._watcher is not None:
            self._watcher.stop()
        self._watcher = Watcher(self._everything, self._feed.put, since=self._taken)
        while True:
            if isinstance(item := self._feed.get(), Change):
                return Event("config_changed", {"path": item.paths[0]})

    def _in_project(self, said: Said) -> Said:
        """With paths that the user knows; kept for the report of a failure."""
        text = in_project(said.text, self._session.project, self._session.entry)
        self._kept.append(text)
        return Said(said.level, text)

    def _leftover(self) -> _Line | None:
        with contextlib.suppress(Empty):
            while True:
                if isinstance(item := self._feed.get_nowait(), tuple):
                    return item
        return None

    def _tail(self) -> str:
        return "\n".join(self._kept)

    def _watch(self, watched: Watched) -> Watcher | None:
        return Watcher(watched, self._feed.put) if self._session.watch else None

    def _listen(self, child: ChildProcess) -> None:
        for line in child.lines():
            self._feed.put((line, False))
        self._feed.put(None)


def _event(said: Ready | Request | Said) -> Event:
    if isinstance(said, Ready):
        return Event("ready", {"url": said.url})
    if isinstance(said, Request):
        return Event("request", vars(said))
    return Event("log", {"level": said.level, "text": said.text})


def _arguments(session: LocalSession) -> list[str]:
    # The derived configuration is for one environment, whatever the value of CLOUDFLARE_ENV.
    arguments = ["dev", "--local", "--env", "", "--config", str(session.worker)]
    for each in session.beside:
        arguments += ["--config", str(each.worker)]
    # One Worker of this name is enough for all.
    services = [each.local_services for each in (session, *session.beside) if each.local_services]
    for path in services[:1]:
        arguments += ["--config", str(path)]
    for path in session.env_files.env_files:
        arguments += ["--env-file", str(path)]
    arguments += ["--ip", session.host, "--port", str(session.port)]
    return [
        *arguments,
        *("--persist-to", str(session.state)),
        "--show-interactive-dev-session=false",
    ]


def _link_modules(session: LocalSession) -> None:
    """wrangler looks for ``python_modules`` next to its configuration."""
    link = session.worker.parent / "python_modules"
    with contextlib.suppress(FileExistsError):
        link.symlink_to(session.python_modules, target_is_directory=True)


def _link_dev_vars(session: LocalSession) -> Path:
    """It also looks for ``.dev.vars`` there: create a link, so that no secret is written
    anywhere."""
    link = session.worker.parent / DEV_VARS
    link.unlink(missing_ok=True)
    if session.env_files.dev_vars is not None:
        link.symlink_to(session.env_files.dev_vars)
    return link

"""The runtime with workerd, as on Cloudflare: supervises ``wrangler dev``.

The output of ``wrangler dev`` about the Worker becomes events. It exits if workerd can't start, for
instance because of an error at the top of a module.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

from cfpy.account.wrangler import Wrangler
from cfpy.errors import LocalRuntimeError
from cfpy.local.configuration import PAGE
from cfpy.local.env_files import DEV_VARS, ENV_SLOTS, LOAD_ENV_FILES
from cfpy.local.local_runtime import (
    RUNTIME_FILES,
    Event,
    LocalSession,
    StartFailedError,
    died,
)
from cfpy.local.module_root import read_again
from cfpy.local.page_log import PageLog
from cfpy.local.ports import LOOPBACK, is_loopback
from cfpy.local.refusal import Refusal
from cfpy.local.traces import in_own_file, in_project
from cfpy.local.watching import Change, State, Watched, Watcher, difference, look
from cfpy.local.wrangler_output import Ready, Reload, Request, Said, WranglerOutput
from cfpy.tools.process import ChildProcess
from cfpy.tools.toolchain import Toolchain

# What workerd prints if it can't download Pyodide (observed with workerd 1.20261117.1).
_NO_BUNDLE = "Pyodide bundle failed"
_PORT_TAKEN = ("Address already in use", "EADDRINUSE")
_GUARD = RUNTIME_FILES / "workerd" / "guard.mjs"
_MOST_STARTS = 3
_KEPT_LINES = 40
# How long a start may be silent: after an error that needs a fix, and in general.
_LAST_WORDS_SECONDS = 2.0
_SILENT_SECONDS = 180.0
_Line = tuple[str, bool]
_Edit = tuple[LocalSession, Change]


class BundleUnavailableError(LocalRuntimeError):
    """workerd could not download the Pyodide bundle, which it needs to run Python."""


class WorkerdRuntime:
    """``wrangler dev`` with the real workerd."""

    def __init__(self, toolchain: Toolchain, wrangler: Wrangler, session: LocalSession) -> None:
        self._session = session
        self._all = (session, *session.beside)
        self._kept: deque[str] = deque(maxlen=_KEPT_LINES)
        # What it said that has a meaning of its own, however much it said after it.
        self._noted: set[str] = set()
        self._feed: SimpleQueue[_Line | _Edit | None] = SimpleQueue()
        self._since: float | None = None
        self._name = json.loads(session.worker.read_text("utf-8"))["name"]
        self._log = PageLog()
        # Before any file is read, so that no edit is missed.
        self._watchers = [self._watch(each) for each in self._all if session.watch]
        self._everything = everything(session)
        # The files as they were before it started, or when it was last ready.
        self._taken: State = look(self._everything)
        for each in self._all:
            _link_packages(each)
        self._secrets = [link for each in self._all for link in _link_secrets(each)]
        self._argv = _guarded(wrangler.argv(*_arguments(session)))
        self._environment = toolchain.environment()
        self._starts = 0
        self._refusal = Refusal(session.config)
        self._child = self._start()

    def events(self) -> Iterator[Event]:
        for event in self._events():
            self._log.add(event)
            yield event

    def _events(self) -> Iterator[Event]:
        output = WranglerOutput()
        ready = False
        # Edits of modules that wrangler reads only when told, while it can't be told yet.
        waiting: list[_Edit] = []
        while (item := self._next(output, ready=ready)) is not None:
            if isinstance(item[1], Change):
                if item[1].configuration:
                    yield Event("config_changed", {"path": item[1].paths[0]})
                elif ready:
                    yield self._reload(*item)
                else:
                    waiting.append(item)
                continue
            said = output.read(item[0], on_stderr=item[1])
            if isinstance(said, Said) and not ready and self._refusal.takes(said):
                continue
            if isinstance(said, Ready):
                ready = True
                self._loaded()
            event = self._reloaded(said) if isinstance(said, Reload) else self._event(said)
            if event is not None:
                yield event
            if ready and waiting:
                yield self._reload(*waiting[-1])
                waiting.clear()
        yield from self._ended(output, was_ready=ready)

    def stop(self) -> None:
        for watcher in self._watchers:
            watcher.stop()
        self._child.stop()
        self._log.close()
        for link in self._secrets:
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
                **self._log.variables,
            },
            on_stderr=lambda line: self._feed.put((line, True)),
        )
        threading.Thread(target=self._listen, args=(child,), daemon=True).start()
        return child

    def _next(self, output: WranglerOutput, *, ready: bool) -> _Line | _Edit | None:
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
            raise self._failed(f"{what}:\n{self._tail()}".rstrip(":\n")) from None

    def _reload(self, session: LocalSession, change: Change) -> Event:
        """Tell wrangler to read everything again: its configuration was written."""
        self._since = time.monotonic()
        read_again(session.worker)
        return Event("reloading", {"path": change.paths[0]})

    def _reloaded(self, reload: Reload) -> Event | None:
        if not reload.done:
            self._since = self._since or time.monotonic()
            # What was said before is not about this version.
            self._forget()
            return None
        self._loaded()
        since, self._since = self._since or time.monotonic(), None
        return Event("reloaded", {"ms": (time.monotonic() - since) * 1000})

    def _loaded(self) -> None:
        self._forget()
        self._taken = look(self._everything)

    def _forget(self) -> None:
        self._kept.clear()
        self._noted.clear()

    def _ended(self, output: WranglerOutput, *, was_ready: bool) -> Iterator[Event]:
        """After it exited by itself: report why, or start again with what was saved since."""
        status = self._child.wait()
        # The last lines may come from the other stream.
        while (item := self._leftover()) is not None:
            if event := self._event(output.read(item[0], on_stderr=item[1])):
                yield event
        if _NO_BUNDLE in self._noted:
            raise BundleUnavailableError(
                "workerd could not download the Pyodide bundle, which it needs to run Python",
                hint="Use --runtime node, which needs no download, or check the network.",
            )
        taken = not self._noted.isdisjoint(_PORT_TAKEN)
        if taken and not was_ready and self._starts < _MOST_STARTS:
            # wrangler chose the port, and another program was faster.
            self._forget()
            self._child = self._start()
            yield from self._events()
            return
        if not status:
            return
        if self._refusal.lines:
            raise self._refusal.error
        if was_ready and self._session.watch:
            # What was saved may be half a file, or a newer one that it did not come to.
            if changed := difference(self._taken, look(self._everything)):
                path = os.path.relpath(changed[0], self._session.project)
                yield Event("config_changed", {"path": path})
                return
            raise self._failed(f"the Worker can't start\n{self._tail()}")
        why = died("wrangler dev", status, self._kept).message
        raise self._failed(f"the Worker can't start: {why}")

    def _failed(self, message: str) -> StartFailedError:
        hint = "Fix the error above and start again."
        return StartFailedError(message, hint=hint, watched=self._everything, since=self._taken)

    def _event(self, said: Ready | Reload | Request | Said | None) -> Event | None:
        if isinstance(said, Ready):
            return Event("ready", {"url": said.url, "page": page_address(self._session, said.url)})
        if isinstance(said, Request):
            if said.path == PAGE or said.path.startswith(f"{PAGE}/"):
                return None
            return Event("request", vars(said))
        if not isinstance(said, Said):
            return None
        # With paths that the user knows; kept for the report of a failure. wrangler prints the name
        # of a Worker before what it logs, because there is more than one.
        text = said.text.removeprefix(f"[{self._name}] ")
        text = in_project(text, self._session.project, self._session.entry)
        text = in_own_file(text, self._session.config)
        self._kept.append(text)
        self._noted.update(words for words in (_NO_BUNDLE, *_PORT_TAKEN) if words in text)
        return Event("log", {"level": said.level, "text": text})

    def _leftover(self) -> _Line | None:
        with contextlib.suppress(Empty):
            while True:
                item = self._feed.get_nowait()
                if item is not None and not isinstance(item[1], Change):
                    return item[0], item[1]
        return None

    def _tail(self) -> str:
        return "\n".join(self._kept)

    def _watch(self, session: LocalSession) -> Watcher:
        watched = Watched(
            session.project,
            session.config,
            everything=() if session.module_root is None else (session.module_root,),
            migrations=session.migrations,
            settings=session.env_files.watched,
            packages=session.packages,
        )
        return Watcher(watched, lambda change: self._feed.put((session, change)))

    def _listen(self, child: ChildProcess) -> None:
        for line in child.lines():
            self._feed.put((line, False))
        self._feed.put(None)


def page_address(session: LocalSession, url: str) -> str:
    """The address of the page; empty if the run does not listen on loopback."""
    return f"{url.rstrip('/')}{PAGE}" if session.front and is_loopback(session.host) else ""


def everything(session: LocalSession) -> Watched:
    """All files that a Worker of the run may consist of."""
    return Watched(
        session.project,
        session.config,
        everything=tuple(each.project for each in (session, *session.beside)),
        settings=session.env_files.watched,
        packages=tuple(folder for each in (session, *session.beside) for folder in each.packages),
        ignored=(session.state,),
    )


def _guarded(argv: list[str]) -> list[str]:
    """``argv``, a command line of node, with what ends it when cfpy is killed: wrangler itself does
    not notice."""
    return [argv[0], f"--import={_GUARD.as_uri()}", *argv[1:]]


def _arguments(session: LocalSession) -> list[str]:
    # The derived configuration is for one environment, whatever the value of CLOUDFLARE_ENV.
    first = [session.front] if session.front else []
    arguments = ["dev", "--local", "--env", ""]
    for path in (*first, session.worker):
        arguments += ["--config", str(path)]
    for each in session.beside:
        arguments += ["--config", str(each.worker)]
    # One Worker of this name is enough for all.
    services = [each.local_services for each in (session, *session.beside) if each.local_services]
    for path in services[:1]:
        arguments += ["--config", str(path)]
    for path in () if first else session.env_files.env_files:
        arguments += ["--env-file", str(path)]
    arguments += ["--ip", LOOPBACK, "--port", "0"]
    return [
        *arguments,
        *("--persist-to", str(session.state)),
        "--show-interactive-dev-session=false",
    ]


def _link_packages(session: LocalSession) -> None:
    """wrangler looks for ``python_modules`` next to its configuration."""
    link = session.worker.parent / "python_modules"
    with contextlib.suppress(FileExistsError):
        link.symlink_to(session.python_modules, target_is_directory=True)


def _link_secrets(session: LocalSession) -> list[Path]:
    """It also looks for files of secrets there: create links, so that no secret is written
    anywhere. ``--env-file`` would only be for the first Worker."""
    directory, files = session.worker.parent, session.env_files
    for name in (DEV_VARS, *ENV_SLOTS):
        (directory / name).unlink(missing_ok=True)
    named = [(DEV_VARS, files.dev_vars)] if files.dev_vars else []
    if session.front is not None:
        named += zip(ENV_SLOTS, files.env_files, strict=False)
    for name, file in named:
        (directory / name).symlink_to(file)
    return [directory / name for name, _ in named]

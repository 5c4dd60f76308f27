"""The Node host, spoken to as `cfpy dev` does: a session in, events out."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from cfpy.adapters.local_runtime import RUNTIME_FILES
from cfpy.adapters.toolchain import Toolchain, cache_directory
from dev_process import Dev

HOST_FILES = RUNTIME_FILES / "node"


class Host:
    """A running `dev.mjs` of a project whose code is `src/entry.py`.

    ``changes`` override single fields of the session. ``worker`` among them is merged into the
    derived wrangler configuration, which binds nothing of its own.
    """

    def __init__(
        self, toolchain: Toolchain, python_modules: Path, project: Path, changes: dict[str, Any]
    ) -> None:
        state = project / ".wrangler" / "state" / "v3"
        state.mkdir(parents=True, exist_ok=True)
        worker = project / ".wrangler" / "worker.json"
        config = {
            "name": "probe",
            "main": str(HOST_FILES / "shim_worker.js"),
            "compatibility_date": "2026-11-17",
        }
        worker.write_text(json.dumps(config | changes.pop("worker", {})), "utf-8")
        session = {
            "toolchain": str(toolchain.directory),
            "project": str(project),
            "worker": str(worker),
            "local_services": None,
            "kinds": {},
            "secrets": {},
            "entry": str(project / "src" / "entry.py"),
            "python_modules": str(python_modules),
            "host": "127.0.0.1",
            "port": 0,
            "state": str(state),
            "cache": str(cache_directory() / "pyodide"),
            "watch": True,
        }
        self.events: list[dict[str, Any]] = []
        self.stray: list[str] = []
        self.process = subprocess.Popen(
            [
                str(toolchain.node.binary),
                "--experimental-wasm-jspi",
                "--no-warnings",
                str(HOST_FILES / "dev.mjs"),
            ],
            env=toolchain.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(session | changes) + "\n")
        self.process.stdin.flush()
        threading.Thread(target=self._collect, daemon=True).start()
        threading.Thread(target=self._drain, daemon=True).start()

    def wait_for(self, event: str, text: str = "", seconds: float = 40.0) -> dict[str, Any]:
        """The first event of this kind, not yet waited for, that holds `text`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for found in list(self.events):
                if found["event"] == event and text in json.dumps(found):
                    self.events.remove(found)
                    return found
            time.sleep(0.02)
        raise AssertionError(f"no {event} {text!r} in {self.events}; {self.stray}")

    def ready(self) -> Dev:
        """Wait until requests are answered; returns what sends them."""
        return Dev(self.process, {"url": self.wait_for("ready")["url"]})  # type: ignore[arg-type]

    def end(self) -> int:
        """End of standard input, as when `cfpy` dies; returns the exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=20)

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def _drain(self) -> None:
        assert self.process.stderr is not None
        self.stray.extend(self.process.stderr)

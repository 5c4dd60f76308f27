"""Reports ``cfpy dev`` while it runs."""

from __future__ import annotations

from rich.text import Text

from cfpy.cli import drawing
from cfpy.cli.console import Output
from cfpy.local.dev import DevInfo
from cfpy.local.local_runtime import Event
from cfpy.local.only_workerd import NEEDS_WORKERD


class DevView:
    """Prints text as things happen, or one JSON document once it is ready."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._info: DevInfo | None = None
        self._announced = False

    def start(self, info: DevInfo) -> None:
        """Report that a runtime is about to start."""
        self._info = info
        note = f": {info.runtime_note}" if info.runtime_note else ""
        self._output.progress(f"Starting the {info.runtime} runtime{note}")
        names = [name for name, why in info.left_out.items() if NEEDS_WORKERD in why]
        if names:
            self._output.note(
                f"What uses {', '.join(names)} fails with this runtime, and works with "
                f"{NEEDS_WORKERD}",
                "yellow",
            )

    def event(self, event: Event) -> None:
        """Report an event of the runtime."""
        data = event.data
        if event.kind == "ready":
            self._output.lasts = True
            self._ready(str(data["url"]), data.get("pid"), str(data.get("page", "")))
        elif event.kind == "request":
            style = "red" if data["status"] >= 500 else "dim"
            self._output.note(
                f"{data['method']} {data['path']} {data['status']} {data['ms']:.0f} ms", style
            )
        elif event.kind == "log":
            self._output.note(str(data["text"]), "red" if data.get("level") == "error" else "")
        elif event.kind == "reloading":
            self._output.note(f"{data['path']} changed: reloading", "cyan")
        elif event.kind == "reloaded":
            self._output.note(f"reloaded in {data['ms']:.0f} ms", "cyan")
        elif event.kind == "reload_failed":
            self._output.note(str(data["text"]), "red")
        elif event.kind == "config_changed":
            self._output.note(f"{data['path']} changed: starting again", "cyan")

    def _ready(self, url: str, pid: int | None, page: str) -> None:
        assert self._info is not None
        info = self._info
        if self._output.json:
            # One document for each run, even if the configuration changes later.
            if not self._announced:
                self._output.data(
                    "dev",
                    {
                        "url": url,
                        "page": page,
                        "pid": pid,
                        "runtime": str(info.runtime),
                        "embeddings": info.embeddings,
                        "chat": info.chat,
                        "secrets_file": info.secrets_file,
                        "state": str(info.state),
                        "left_out": dict(info.left_out),
                    },
                )
            self._announced = True
            self._output.note(f"Ready on {url}")
            return
        table = drawing.table("", "", header=False)
        table.add_row("Ready", Text(url, style="bold cyan"))
        if page:
            table.add_row("Bindings", Text(page, style="cyan"))
        table.add_row("Runtime", Text(_runtime_text(info)))
        if info.embeddings:
            table.add_row("Embeddings", Text(info.embeddings))
        if info.vectorize:
            table.add_row("Vectorize", Text("a local stand-in, strict like the real one"))
        if info.chat:
            table.add_row("Chat", Text(info.chat))
        if info.secrets_file:
            # The page and the API ask for a token: newcomers do not know it yet.
            sample = info.secrets_file.endswith(".example")
            note = " (sample values; it has the token that the Worker asks for)" if sample else ""
            table.add_row("Secrets", Text(f"{info.secrets_file}{note}"))
        table.add_row("Data", Text(str(info.state)))
        for binding, why in info.left_out.items():
            table.add_row("Not available", Text(f"{binding}: {why}", style="yellow"))
        self._output.show(table, Text("Press Ctrl-C to stop.", style="dim"))


def _runtime_text(info: DevInfo) -> str:
    if info.runtime == "node":
        text = "node: Pyodide in Node, an emulation without Cloudflare's limits"
    else:
        text = "workerd, the runtime that Cloudflare runs"
    return f"{text} ({info.runtime_note})" if info.runtime_note else text

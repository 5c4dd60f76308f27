"""``cfpy dev``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote_plus

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    Environment,
    Json,
    ProjectDirectory,
    complete_from,
    context_of,
    project_at,
)
from cfpy.cli.worker_log import WorkerLog

if TYPE_CHECKING:
    from cfpy.local.dev import DevInfo
    from cfpy.local.local_runtime import Event

app = typer.Typer(rich_markup_mode=None)

EnvFiles = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="File of secrets; repeatable, the last wins [default: .dev.vars, or as wrangler dev].",
    ),
]
# How long a mutation of a Vectorize index stays invisible, in seconds. On Cloudflare it is tens of
# seconds. Code that relies on none fails here, too, and nobody has to wait for long.
_VECTORIZE_DELAY = 2.0


Delay = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0,
        max=3600,
        envvar="CFPY_VECTORIZE_DELAY",
        help="How long changes of a Vectorize index stay invisible.",
    ),
]
Others = Annotated[
    list[Path] | None,
    typer.Option(
        "--with",
        metavar="DIR",
        help="Also run the Worker in DIR, or of a file, for bindings to it; repeatable.",
    ),
]


@app.command()
def dev(
    ctx: typer.Context,
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="Port to listen on; 0 picks a free one."
        ),
    ] = 8787,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    runtime: Annotated[
        str,
        typer.Option(
            metavar="auto|node|workerd",
            help="Where the project's Python runs.",
            autocompletion=complete_from("auto|node|workerd"),
        ),
    ] = "auto",
    persist_to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where local data is kept [default: .wrangler/state]."),
    ] = None,
    env_file: EnvFiles = None,
    others: Others = None,
    vectorize_delay: Delay = _VECTORIZE_DELAY,
    watch: Annotated[bool, typer.Option(help="Reload when a file changes.")] = True,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Run the project locally, without a Cloudflare account.

    D1, KV, R2 and Queues are workerd's local versions; Workers AI and Vectorize are stand-ins.
    Data is kept in .wrangler/state. With --json, prints one document once it is ready. Crons run
    only by hand: each has an address, which is shown.

    To use your own models, set CFPY_AI_BASE_URL to an OpenAI-compatible endpoint, with
    CFPY_AI_CHAT_MODEL, CFPY_AI_EMBED_MODEL, CFPY_AI_API_KEY and CFPY_AI_TIMEOUT (seconds, 50 by
    default).

    With --with, it also runs other Workers, as `wrangler dev -c a -c b` does: bindings in
    `services` find them by their names.

    Example: cfpy dev --port 8788
    """
    from cfpy.cost.price_files import neurons_of_models
    from cfpy.local.dev import run as run_dev
    from cfpy.local.preparation import DevRequest, Runtime

    output = ctx.ensure_object(Output)
    if runtime not in list(Runtime):
        raise typer.BadParameter("use auto, node or workerd", param_hint="--runtime")
    root, file = project_at(output, cwd, config)
    given = (root, host, port, Runtime(runtime), persist_to, watch, env, file)
    files = tuple(env_file or ())
    folders = tuple(folder.resolve() for folder in others or ())
    request = DevRequest(*given, files, folders, vectorize_delay, neurons=neurons_of_models())
    view = DevView(output)
    run_dev(context_of(output), request, view.start, view.event)


class DevView:
    """Prints text as things happen, or one JSON document once it is ready."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._info: DevInfo | None = None
        self._announced = False
        # The rows of the banner that was shown.
        self._rows: list[tuple[str, str, str]] = []
        # What was said when a runtime started.
        self._told: set[str] = set()
        self._log = WorkerLog(output)

    def start(self, info: DevInfo) -> None:
        """Report that a runtime is about to start."""
        before, self._info = self._info, info
        # The banner has the reason. With --json there is none, and after another runtime that could
        # not start it would come late.
        reason = info.runtime_note if self._output.json else ""
        if before is not None and before.runtime is not info.runtime:
            reason = info.runtime_note.partition(";")[0]
        note = f": {reason}" if reason and self._is_new(reason) else ""
        self._output.progress(f"Starting the {info.runtime} runtime{note}")
        if info.only_in_workerd:
            names = ", ".join(info.only_in_workerd)
            fails = f"What uses {names} fails with this runtime, and works with --runtime workerd"
            if self._is_new(fails):
                self._output.note(fails, "yellow")

    def _is_new(self, text: str) -> bool:
        if text in self._told:
            return False
        self._told.add(text)
        return True

    def event(self, event: Event) -> None:
        """Report an event of the runtime."""
        data = event.data
        if event.kind == "ready":
            self._output.lasts = True
            self._ready(str(data["url"]), data.get("pid"), str(data.get("page", "")))
        elif event.kind == "request":
            self._log.request(data["method"], data["path"], data["status"], data["ms"])
        elif event.kind == "log":
            text = self._output.invocation.resolve(str(data["text"]))
            self._log.line(text, str(data.get("level")))
        elif event.kind == "reloading":
            self._output.note(f"{data['path']} changed: reloading", "cyan")
        elif event.kind == "reloaded":
            self._output.note(f"reloaded in {data['ms']:.0f} ms", "cyan")
        elif event.kind in ("reload_failed", "start_failed"):
            self._output.note(self._output.invocation.resolve(str(data["text"])), "red")
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
                        "documents": info.documents,
                        "secrets_file": info.secrets_file,
                        "state": str(info.state),
                        "left_out": dict(info.left_out),
                    },
                )
            self._announced = True
            self._output.note(f"Ready on {url}")
            return
        rows = _rows(info, url, page)
        if self._announced:
            # Most of it is still on the screen.
            self._output.note(f"Ready on {url}", "cyan")
            rows, self._rows = [row for row in rows if row not in self._rows], rows
            if not rows:
                return
        else:
            self._rows = rows
            rows = [("Ready", url, "bold cyan"), *rows]
        table = draw.table("", "", header=False)
        for name, text, style in rows:
            table.add_row(name, draw.Text(text, style=style))
        self._output.show(table)
        if not self._announced:
            self._output.show(draw.Text("Press Ctrl-C to stop.", style="dim"))
        self._announced = True


def _rows(info: DevInfo, url: str, page: str) -> list[tuple[str, str, str]]:
    """The rows of the banner below the address: a name, what it is, and the style."""
    rows = [("Bindings", page, "cyan")] if page else []
    rows.append(("Runtime", _runtime_text(info), ""))
    if info.vectorize_delay is not None:
        # Most Workers with a model but no index ask it for text alone.
        rows.append(("Embeddings", info.embeddings, ""))
        rows.append(("Vectorize", _vectorize_text(info.vectorize_delay), ""))
    if info.chat:
        rows.append(("Chat", info.chat, ""))
    if info.documents:
        rows.append(("Documents", info.documents, ""))
    if info.access:
        switch = f"; to switch, open {page}/access" if page else ""
        rows.append(("Access", f"{info.access}{switch}", ""))
    if info.secrets_file:
        note = _secrets_note(info)
        rows.append(("Secrets", f"{info.secrets_file}{note}", ""))
    rows += [("Cron", f"{cron}: to run it, open {cron_url(url, cron)}", "") for cron in info.crons]
    rows.append(("Data", str(info.state), ""))
    # What works in workerd was told at the start, because a Worker that uses it may not start.
    left_out = {
        name: why for name, why in info.left_out.items() if name not in info.only_in_workerd
    }
    rows += [("Not available", f"{name}: {why}", "yellow") for name, why in left_out.items()]
    return rows


def _secrets_note(info: DevInfo) -> str:
    if not info.secrets_file.endswith(".example"):
        return ""
    # The page and the API ask for a token, unless Access does: newcomers do not know it yet.
    return " (sample values)" if info.access else " (sample values, also of the token for the API)"


def cron_url(url: str, cron: str) -> str:
    """The address at which ``wrangler dev``, and the Node runtime, run a cron trigger by hand."""
    parameter = quote_plus(cron, safe="*/,-")
    return f"{url.rstrip('/')}/cdn-cgi/handler/scheduled?cron={parameter}"


def _vectorize_text(delay: float) -> str:
    after = f"changes are visible after {delay:g} s (--vectorize-delay)" if delay else "no delay"
    return f"a local stand-in, strict like the real one; {after}"


def _runtime_text(info: DevInfo) -> str:
    if info.runtime == "node":
        text = "node: Pyodide in Node, an emulation without Cloudflare's limits"
    else:
        text = "workerd, the runtime that Cloudflare runs"
    return f"{text} ({info.runtime_note})" if info.runtime_note else text

"""Makes the terminal session in the README, as SVG: real output of the commands shown.

    python docs/media/make.py

The pictures of the pages are made by `pytest tests/browser --update-media`.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
TOKEN = "local-development-token"
QUESTION = "How large is the mirror of the main telescope?"


def output(*command: str, cwd: Path) -> str:
    """What a command prints, colours and all."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "88"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def show(console: Console, command: str, text: str, lines: int | None = None) -> None:
    """Draw a command and the first lines of its output."""
    console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
    shown = text.rstrip().splitlines()
    for line in AnsiDecoder().decode("\n".join(shown[:lines])):
        console.print(line)
    if lines is not None and len(shown) > lines:
        console.print(Text("  ...", style="dim"))
    console.print()


def main() -> None:
    console = Console(record=True, width=92, file=io.StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        cfpy = (sys.executable, "-m", "cfpy")
        show(console, "cfpy patterns", output(*cfpy, "patterns", cwd=place))
        made = output(*cfpy, "new", "rag", "myapp", "--defaults", cwd=place)
        show(console, "cfpy new rag myapp", made, lines=12)
        project = place / "myapp"
        dev = subprocess.Popen(
            [*cfpy, "dev", "--json", "--port", "0", "--runtime", "node"],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert dev.stdout is not None
            data = json.loads(dev.stdout.readline())["data"]
            url = data["url"]
            banner = {"Ready": url, "Embeddings": data["embeddings"], "Chat": data["chat"]}
            show(console, "cfpy dev", "\n".join(f"{k:<11}{v}" for k, v in banner.items()))
            ingested = output(
                sys.executable, "scripts/ingest.py", "corpus", "--url", url, cwd=project
            )
            show(console, "python scripts/ingest.py corpus", ingested, lines=4)
            body = json.dumps({"query": QUESTION})
            request = urllib.request.Request(
                f"{url}query",
                data=body.encode(),
                headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
            )
            reply = json.load(urllib.request.urlopen(request, timeout=60))
            reply.pop("sources")
            command = f"curl -s $URL/query -H \"$AUTH\" --json '{body}' | jq 'del(.sources)'"
            show(console, command, json.dumps(reply, indent=2))
        finally:
            dev.terminate()
            dev.wait()
    svg = console.export_svg(title="cfpy")
    # rich asks a web host for its font: the picture shall need nothing from outside.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)
    (HERE / "session.svg").write_text(svg, "utf-8")


if __name__ == "__main__":
    main()

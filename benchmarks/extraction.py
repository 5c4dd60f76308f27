"""How much memory and processor time pipeline takes to read the largest file of each kind.

    python benchmarks/extraction.py [--project tests/golden/pipeline/defaults] [--only html ...]

Reads each file in a Pyodide of its own, in Node, with the code of a rendered project. The memory is
all that WebAssembly has afterwards, with the interpreter: it never shrinks. Added is the file
itself in JavaScript, as R2 hands it over. Ends with 1 if a file takes more than a Worker may.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cfpy.tools.process import SubprocessRunner
from cfpy.tools.toolchain import Toolchain

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "tests" / "golden" / "pipeline" / "defaults"
# What a Worker may use, with some room for the runtime, and cpu_ms of wrangler.toml.
MEMORY_MB, SECONDS = 110, 60
EMOJI = "😀"


def repeated(piece: str, prefix: str = "", suffix: str = "", codec: str = "utf-8") -> bytes:
    """As many of ``piece`` as fit into ``CAP`` bytes."""
    head, tail, each = prefix.encode(codec), suffix.encode(codec), piece.encode(codec)
    return head + each * ((CAP - len(head) - len(tail)) // len(each)) + tail


CAP = 5_000_000
PAGE = "<div><p>The whale is a <b>mammal</b> &amp; breathes <a href='/air'>air</a>.</p></div>\n"
FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("text/plain", lambda: b"x"),
    "text": ("text/plain", lambda: repeated("The whale is a mammal, and it breathes air.\n")),
    "text, one emoji": ("text/plain", lambda: repeated("The whale is a mammal.\n", EMOJI)),
    "text, emoji": ("text/plain", lambda: repeated(f"{EMOJI}aaaaaaaaaaaaaaa ")),
    "text, UTF-16": (
        "text/plain; charset=utf-16",
        lambda: repeated("Кит дышит воздухом.\n", "\ufeff", codec="utf-16-le"),
    ),
    "html": ("text/html", lambda: repeated(PAGE)),
    "html, one emoji": ("text/html", lambda: repeated(PAGE, EMOJI)),
    "html, many tags": ("text/html", lambda: repeated("<b>x</b>")),
    "html, many blocks": ("text/html", lambda: repeated("<p>x")),
    "html, entities": ("text/html", lambda: repeated("&amp;")),
    "html, one tag": ("text/html", lambda: repeated("a='b' ", "<p>x</p><a ")),
    "csv": ("text/csv", lambda: repeated('17,Ada,"London, UK",1.5\n', "id,name,city,size\n")),
    "csv, one emoji": ("text/csv", lambda: repeated("17,Ada,London\n", f"id,{EMOJI},city\n")),
    "csv, one column": ("text/csv", lambda: repeated("1\n", "n\n")),
    "csv, one cell": ("text/csv", lambda: repeated("x y ", 'id,note\n1,"', '"\n')),
    "csv, large cells": (
        "text/csv",
        lambda: (
            b"id,note\n"
            + b"".join(b'1,"' + b"x " * 499_990 + EMOJI.encode() + b'"\n' for _ in range(4))
        ),
    ),
    "csv, many cells": ("text/csv", lambda: repeated("," * 499_999 + "\n")),
    "csv, empty cells": ("text/csv", lambda: repeated(",")),
    "json": (
        "application/json",
        lambda: repeated('{"id": 17, "name": "Ada", "tags": ["x", "y"]}, ', "[", "1]"),
    ),
    "json, one emoji": ("application/json", lambda: repeated('"whale", ', f'["{EMOJI}", ', "1]")),
    "json, objects": ("application/json", lambda: repeated("{},", "[", "1]")),
    "json, numbers": ("application/json", lambda: repeated("1,", "[", "1]")),
    "json, one string": ("application/json", lambda: repeated("x", '"', '"')),
    "json, escapes": ("application/json", lambda: repeated("\\u00e9", '"', '"')),
}


def measure(project: Path, name: str) -> dict[str, float | str]:
    """Megabytes, seconds, and what came of a file."""
    toolchain = Toolchain(SubprocessRunner(), lambda _: None)
    media_type, make = FILES[name]
    pyodide = toolchain.directory / "node_modules" / "pyodide" / "pyodide.mjs"
    options = {"src": str(project / "src"), "pyodide": str(pyodide), "media_type": media_type}
    argv = [str(toolchain.node.binary), "--no-warnings", str(HERE / "extraction.mjs")]
    done = subprocess.run(
        [*argv, json.dumps(options)], input=make(), stdout=subprocess.PIPE, check=True
    )
    found: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--project", type=Path, default=GOLDEN)
    parser.add_argument("--only", nargs="+", metavar="KIND", default=[""])
    options = parser.parse_args()
    over = 0
    print("| a file of 5 MB | memory | processor | result |\n|---|---|---|---|")
    for name in FILES:
        if not name.startswith(tuple(options.only)):
            continue
        found = measure(options.project, name)
        megabytes, seconds = float(found["mb"]), float(found["seconds"])
        over += megabytes > MEMORY_MB or seconds > SECONDS
        print(f"| {name} | {megabytes:.0f} MB | {seconds:.1f} s | {found['result']} |", flush=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())

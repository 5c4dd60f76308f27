"""From nothing to an answer with a source, on this machine, with no Cloudflare account.

    python examples/first_light.py [--into DIR] [QUESTION]

Does what the README's first steps do by hand: `cfpy new rag myapp`, `cfpy dev`, ingest the sample
documents, ask. The project stays in ./myapp.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CFPY = [sys.executable, "-m", "cfpy"]
TOKEN = "local-development-token"  # what .dev.vars.example says
QUESTION = "How large is the mirror of the main telescope?"


def run(*command: str, cwd: Path) -> None:
    """Run a command, shown as a person would type it."""
    shown = " ".join(command).replace(" ".join(CFPY), "cfpy").replace(sys.executable, "python")
    print(f"$ {shown}", flush=True)
    subprocess.run(command, cwd=cwd, check=True)


@contextmanager
def running(project: Path) -> Iterator[str]:
    """`cfpy dev` on a free port; yields its URL, and stops it afterwards."""
    print("$ cfpy dev", flush=True)
    process = subprocess.Popen(
        [*CFPY, "dev", "--json", "--port", "0"], cwd=project, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        document = json.loads(process.stdout.readline())
        if not document["ok"]:
            sys.exit(document["error"]["message"])
        yield document["data"]["url"].rstrip("/")
    finally:
        process.terminate()
        process.wait()


def ask(url: str, question: str) -> dict[str, Any]:
    """`POST /query`."""
    request = urllib.request.Request(
        f"{url}/query",
        data=json.dumps({"query": question}).encode(),
        headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as response:
        reply: dict[str, Any] = json.load(response)
        return reply


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument("--into", type=Path, default=Path())
    options = parser.parse_args()
    project = options.into / "myapp"
    if not project.exists():
        run(*CFPY, "new", "rag", "myapp", "--defaults", "--into", str(options.into), cwd=Path())
    with running(project) as url:
        run(sys.executable, "scripts/ingest.py", "corpus", "--wait", "--url", url, cwd=project)
        reply = ask(url, options.question)
    print(f"\nQuestion: {options.question}\nAnswer:   {reply['answer']}")
    for citation in reply["citations"]:
        print(f"          [{citation['id']}] {citation['title']} ({citation['source']})")
    if not reply["citations"]:
        sys.exit("No passage answers that.")
    cfpy = Path(sys.executable).parent / "cfpy"
    print(f"\nNext: {cfpy} dev --cwd {project}, then open the page that it names.")


if __name__ == "__main__":
    main()

"""Makes the terminal session in the README, as SVG: real output of the commands shown.

    python docs/media/make.py

Those of single commands are made by `commands.py`, the pictures of pages by
`pytest tests/browser --update-media`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from drawing import output, recorder, save, show

HERE = Path(__file__).parent
TOKEN = "local-development-token"
QUESTION = "How large is the mirror of the main telescope?"


def main() -> None:
    console = recorder()
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
                sys.executable, "scripts/ingest.py", "corpus", "--wait", "--url", url, cwd=project
            )
            show(console, "python scripts/ingest.py corpus --wait", ingested, lines=4)
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
    save(console, HERE / "session.svg")


if __name__ == "__main__":
    main()

"""The README's steps, with an empty home and no Node."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cfpy.tools.toolchain import cache_directory

STEPS = Path(__file__).parents[2] / "docs" / "reference" / "first-steps.md"
TOKEN = "local-development-token"
ANSWERED = "How large is the mirror of the main telescope?"
UNANSWERED = "What is the capital of Mongolia?"
# A guard against waiting for ever.
EDIT_SECONDS = 300.0


def documented_steps() -> list[str]:
    """The first words of each row in the table of steps."""
    return re.findall(r"^\| `?(\w+ ?\w*)[^|]*\| \d+ s \|$", STEPS.read_text("utf-8"), re.MULTILINE)


class Walk:
    """A newcomer, who has this Python, a shell's usual tools and nothing else."""

    def __init__(self, root: Path) -> None:
        tools, home = root / "bin", root / "home"
        tools.mkdir()
        home.mkdir()
        for name, line in (("cfpy", "-m cfpy"), ("python3", "")):
            (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {line} "$@"\n')
            (tools / name).chmod(0o755)
        for name in ("sh", "git", "env"):
            found = next(
                Path(directory, name)
                for directory in os.environ["PATH"].split(os.pathsep)
                if Path(directory, name).is_file()
            )
            (tools / name).symlink_to(found)
        # The cache, or the walk would install 240 MB again.
        kept = {key: os.environ[key] for key in os.environ if key.endswith(("_CERT", "_CERTS"))}
        kept |= {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
        self.environment = {
            **kept,
            "PATH": str(tools),
            "HOME": str(home),
            "CFPY_CACHE_DIR": str(cache_directory()),
        }
        if "SSL_CERT_FILE" in os.environ:
            self.environment["SSL_CERT_FILE"] = os.environ["SSL_CERT_FILE"]
        self.directory = root
        self.steps: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A row of the table. How long it takes is up to the machine: `pytest -rP` shows it."""
        since = time.monotonic()
        yield
        self.steps.append(name)
        print(f"{name}: {time.monotonic() - since:.1f} s")

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def dev(self) -> Iterator[str]:
        argv = [str(self.directory.parent / "bin" / "cfpy"), "dev", "--port", "0", "--json"]
        process = subprocess.Popen(
            argv,
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            with self.step("cfpy dev"):
                document = json.loads(process.stdout.readline())
            yield document["data"]["url"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)


def ask(url: str, question: str) -> str:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    connection.request("POST", "/query", json.dumps({"query": question}), headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 200, body
    return str(json.loads(body)["answer"])


@pytest.mark.slow
def test_the_readme_from_new_to_cost(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    assert "rag" in walk.run("cfpy patterns")
    with walk.step("cfpy new"):
        walk.run("cfpy new rag mine --defaults")
    walk.directory /= "mine"
    with walk.dev() as url:
        walk.run(f"python3 scripts/ingest.py corpus --wait --url {url}")
        with walk.step("a question"):
            assert "1.2 metres" in ask(url, ANSWERED)
        prompt = walk.directory / "src" / "rag" / "answering.py"
        text = prompt.read_text("utf-8")
        changed = text.replace("I don't know: the documents don't say.", "Nobody told me.")
        assert changed != text
        with walk.step("an edit"):
            prompt.write_text(changed, "utf-8")
            deadline = time.monotonic() + EDIT_SECONDS
            while ask(url, UNANSWERED) != "Nobody told me.":
                assert time.monotonic() < deadline, "the edit was not taken over"
                time.sleep(0.2)
        prompt.write_text(text, "utf-8")
    with walk.step("cfpy test"):
        assert re.search(r"[1-9]\d* passed in", walk.run("cfpy test -q"))
    with walk.step("cfpy cost"):
        assert "Workers AI" in walk.run("cfpy cost")
    assert walk.steps == documented_steps()

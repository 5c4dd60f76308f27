"""Ingesting a large corpus into a running rag project: a novel of 105 chapters, 600 kB.

The peer of the time is the embedding model alone, on the very passages that the project made of the
novel: the difference is the Worker, D1, Vectorize and the way between them. The peer of the
memory (resident, of all processes that `cfpy dev` started) is the same after a tenth of the
chapters.
"""

from __future__ import annotations

import http.client
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "runtime"))

from comparison import Target  # noqa: E402

from cfpy.local.embeddings import load_embedder  # noqa: E402
from dev_process import start_dev  # noqa: E402

CORPUS = HERE.parent / "tests" / "data" / "moby-dick.jsonl"
TOKEN = {"Authorization": "Bearer local-development-token", "Content-Type": "application/json"}
BATCH = 5
TIME, MODEL = "a document of the novel", "the model alone: the same passages"
MEMORY, TENTH = "memory after the novel", "after a tenth of it"
TARGETS = (Target(TIME, MODEL, None), Target(MEMORY, TENTH, None, "MB"))


def measure(_rounds: int) -> dict[str, float]:
    """Seconds for each document, and megabytes."""
    documents = [
        {"id": f"chapter-{item['chapter']}", "title": item["title"], "text": item["text"]}
        for item in map(json.loads, CORPUS.read_text("utf-8").splitlines())
    ]
    tenth = len(documents) // 10
    with tempfile.TemporaryDirectory() as scratch:
        new = [sys.executable, "-m", "cfpy", "new", "rag", "shop", "--defaults", "--no-git"]
        subprocess.run(new, cwd=scratch, check=True, capture_output=True)
        project = Path(scratch, "shop")
        config = project / "wrangler.toml"
        config.write_text(config.read_text().replace("limit = ", "limit = 10000"))
        dev = start_dev(project, "--runtime", "node", forked=False)
        try:
            send(dev.url, [{"id": "first", "text": "What is loaded once is loaded."}])
            start = time.perf_counter()
            ingest(dev.url, documents[:tenth])
            after_a_tenth = memory(dev.process.pid)
            ingest(dev.url, documents[tenth:])
            seconds = time.perf_counter() - start
            after_all = memory(dev.process.pid)
        finally:
            dev.stop()
        passages = stored_passages(project)
    embedder = load_embedder()
    embedder.embed(passages[:8])
    start = time.perf_counter()
    embedder.embed(passages)
    alone = time.perf_counter() - start
    return {
        TIME: seconds / len(documents),
        MODEL: alone / len(documents),
        MEMORY: after_all,
        TENTH: after_a_tenth,
    }


def ingest(url: str, documents: list[dict[str, str]]) -> None:
    for start in range(0, len(documents), BATCH):
        send(url, documents[start : start + BATCH])


def send(url: str, documents: list[dict[str, str]]) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)
    connection.request("POST", "/documents", json.dumps({"documents": documents}), TOKEN)
    answer = connection.getresponse()
    if answer.status != 200:
        sys.exit(f"{answer.status}: {answer.read()!r}")
    connection.close()


def stored_passages(project: Path) -> list[str]:
    """The texts of the chunks in the project's local D1."""
    for path in (project / ".wrangler" / "state" / "v3" / "d1").rglob("*.sqlite"):
        with sqlite3.connect(path) as database:
            found = database.execute("SELECT name FROM sqlite_master WHERE name = 'chunks'")
            if found.fetchone():
                return [text for (text,) in database.execute("SELECT text FROM chunks")]
    sys.exit("the project holds no chunks")


def memory(pid: int) -> float:
    """Megabytes of a process and all below it, resident; Linux alone says so."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    pages, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        waiting += parents.get(one, [])
        pages += int(Path("/proc", str(one), "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

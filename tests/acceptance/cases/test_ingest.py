"""`scripts/ingest.py` of a rag project on folders as they are, against the running Worker.

The rendered project's own tests (`test_documents.py`, `test_files.py`, `test_sending.py`) have the
long tables: names, encodings, languages, faults of the network.
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from dev_process import Dev, start_dev

TOKEN = {"authorization": "Bearer local-development-token"}
# What is in the metadata of all that the script sends.
SENT = {"sent_by": "scripts/ingest.py"}


class Embeddings(http.server.BaseHTTPRequestHandler):
    """Embeds by counting words: five large files take no minutes."""

    def do_POST(self) -> None:
        assert self.path == "/v1/embeddings"
        texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
        data = [{"index": i, "embedding": self._vector(text)} for i, text in enumerate(texts)]
        body = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass

    @staticmethod
    def _vector(text: str) -> list[float]:
        vector = [0.0] * 64
        for word in text.lower().split():
            vector[zlib.crc32(word.encode()) % 64] += 1.0
        return vector


@dataclass
class Project:
    """A rag project and its running Worker."""

    path: Path
    dev: Dev

    def ingest(self, *arguments: object, **environment: str) -> tuple[int, list[str]]:
        """Run the script; its exit status and the lines of its standard output."""
        argv = [sys.executable, "scripts/ingest.py", *map(str, arguments), "--url", self.dev.url]
        env = {**os.environ, **environment}
        done = subprocess.run(argv, cwd=self.path, env=env, capture_output=True, text=True)
        # The note beside each case is no document.
        assert done.stderr in ("", "Left out: README\n")
        return done.returncode, done.stdout.splitlines()

    def get(self, path: str) -> Any:
        answer = self.dev.request("GET", path, headers=TOKEN)
        assert answer.status == 200, answer.body
        return answer.json()

    def document(self, title: str) -> dict[str, Any]:
        """The one document of this title."""
        documents = self.get("/documents?limit=200")["documents"]
        [found] = [document for document in documents if document["title"] == title]
        assert self.get(f"/documents/{quote(found['id'])}") == found
        return dict(found)

    def text(self, document: dict[str, Any], question: str) -> str:
        """The passage of a document that is nearest to a question."""
        sources = self.get("/search?" + urlencode({"q": question, "top_k": 10}))["sources"]
        return next(s["text"] for s in sources if s["document_id"] == document["id"])


@pytest.fixture(scope="module")
def project(
    vendored: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    path = tmp_path_factory.mktemp("ingest") / "shop"
    shutil.copytree(vendored("rag"), path, symlinks=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    env = {"CFPY_AI_BASE_URL": url, "CFPY_AI_EMBED_MODEL": "words"}
    dev = start_dev(path, "--runtime", "node", env=env)
    yield Project(path, dev)
    dev.stop()
    server.shutdown()


@pytest.mark.case("ingest-bom")
def test_a_byte_order_mark_hides_no_title(case: Path, project: Project) -> None:
    assert project.ingest(case) == (
        0,
        ["indexed    returns.md", "1 ingested, 0 unchanged, 0 skipped"],
    )
    document = project.document("Returns policy")
    assert document["id"] == "returns.md"
    assert project.text(document, "Thirty days.") == "Thirty days."


@pytest.mark.case("ingest-empty")
def test_an_empty_file_is_named_and_the_rest_goes_in(case: Path, project: Project) -> None:
    (case / "white.txt").write_text(" \n\n\t")
    assert project.ingest(case) == (
        1,
        [
            "indexed    fine.md",
            "1 ingested, 0 unchanged, 2 skipped",
            "  todo.md: the Worker refuses it: 'todo.md' is empty",
            "  white.txt: the Worker refuses it: 'white.txt' holds no text",
        ],
    )
    assert project.ingest(case)[1][0] == "unchanged  fine.md"


@pytest.mark.slow
@pytest.mark.case("ingest-large")
def test_five_large_files(case: Path, project: Project) -> None:
    # White space costs no chunks, and so no time.
    table = "".join(f"{f'row {n}':<30}{'one thing':<30}another\n" for n in range(15_000))
    for number in range(5):
        (case / f"book-{number}.md").write_text(f"# Book {number}\n\n{table}"[:900_000])
    (case / "too-large.md").write_text("x" * 1_000_001)
    status, lines = project.ingest(case)
    assert status == 1
    assert lines == [
        *(f"indexed    book-{number}.md" for number in range(5)),
        "5 ingested, 0 unchanged, 1 skipped",
        "  too-large.md: the Worker refuses it: 'too-large.md' holds 1,000,001 bytes of text, "
        "at most 1,000,000: split it",
    ]
    assert project.document("Book 4")["chunks"] > 100


@pytest.mark.case("ingest-latin1")
def test_latin_1_is_read_as_it_was_written(case: Path, project: Project) -> None:
    (case / "greek.txt").write_bytes("Καλημέρα κόσμε".encode("cp1253"))
    status, lines = project.ingest(case)
    assert status == 1
    assert lines[:3] == [
        "indexed    a.md",
        "indexed    menu.txt (read as Windows-1252)",
        "2 ingested, 0 unchanged, 1 skipped",
    ]
    assert "greek.txt: it is not UTF-8" in lines[3]
    assert "iconv" in lines[3]
    assert project.text(project.document("menu"), "café menu") == "café menu"


@pytest.mark.case("ingest-names")
def test_names_of_people(case: Path, project: Project) -> None:
    names = ["100 % wool #1?.md", 'the "best" of it\'s kind.md', "Cafe\u0301.md", "x" * 250 + ".md"]
    for number, name in enumerate(names):
        (case / name).write_text(f"# Odd name {number}\n\nA text.")
    assert project.ingest(case)[0] == 0
    assert project.ingest(case)[1][-1] == "0 ingested, 7 unchanged, 0 skipped"
    assert project.document("Opening hours")["source"] == "Opening hours.md"
    assert project.document("Über uns")["source"] == "Über uns.md"
    assert project.document("Odd name 0")["source"] == names[0]
    assert project.document("Odd name 2")["source"] == "Café.md"
    assert len(project.document("Odd name 3")["id"]) == 128
    document = project.document("Über uns")
    path = f"/documents/{quote(document['id'])}"
    assert project.dev.request("DELETE", path, headers=TOKEN).status == 204


@pytest.mark.case("ingest-upper")
def test_a_suffix_in_capitals(case: Path, project: Project) -> None:
    assert project.ingest(case)[1][0] == "indexed    README.MD"
    assert project.document("Readme")["id"] == "README.MD"


@pytest.mark.case("ingest-utf16")
def test_utf_16(case: Path, project: Project) -> None:
    (case / "bare.txt").write_bytes("Closing hours: six\r\n".encode("utf-16-le"))
    assert project.ingest(case) == (
        0,
        [
            "indexed    bare.txt (read as UTF-16LE)",
            "indexed    hours.txt (read as UTF-16LE)",
            "2 ingested, 0 unchanged, 0 skipped",
        ],
    )
    document = project.document("hours")
    assert project.text(document, "Opening hours: nine") == "Opening hours: nine to five"


@pytest.mark.case("ingest-version-name")
def test_a_version_is_no_language(case: Path, project: Project) -> None:
    (case / "release-1.3.de.md").write_text("# Ausgabe 1.3\n\nNeu: heller.")
    assert project.ingest(case)[0] == 0
    assert project.document("Release 1.2")["metadata"] == SENT
    assert project.document("Ausgabe 1.3")["metadata"] == {"lang": "de", **SENT}
    found = project.get("/search?" + urlencode({"q": "New: dark mode.", "lang": "de"}))["sources"]
    assert {source["document_id"] for source in found} == {"release-1.3.de.md"}


def test_a_proxy_is_not_asked_for_this_machine(project: Project) -> None:
    proxy = "http://127.0.0.1:9"
    status, lines = project.ingest("corpus", http_proxy=proxy, HTTP_PROXY=proxy, no_proxy="")
    assert (status, lines[-1]) == (0, "17 ingested, 0 unchanged, 0 skipped")

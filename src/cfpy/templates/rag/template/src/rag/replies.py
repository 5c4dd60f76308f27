"""The two shapes in which chat models answer, whole and streamed.

Llama's family answers `{"response": ...}`, newer models answer as OpenAI's API does:
`{"choices": [{"message": {"content": ...}}]}`, streamed as `choices[0].delta.content`.
"""

import codecs
import json
from collections.abc import Iterator
from typing import Any


def reply_text(reply: Any) -> str:
    """The text of a whole answer; empty where the model said nothing."""
    choices = reply.get("choices")
    if choices:
        return choices[0]["message"].get("content") or ""
    return reply.get("response") or ""


class TokenStream:
    """Takes a model's event stream apart, in whatever pieces its bytes arrive."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._buffer = ""

    def feed(self, data: bytes) -> Iterator[str]:
        """Texts of the events that `data` completes."""
        self._buffer += self._decoder.decode(data)
        *lines, self._buffer = self._buffer.split("\n")
        for line in lines:
            payload = line.removeprefix("data:").strip()
            if line.startswith("data:") and payload != "[DONE]":
                text = _token(json.loads(payload))
                if text:
                    yield text


def _token(event: dict[str, Any]) -> str:
    choices = event.get("choices")
    if choices:
        return choices[0].get("delta", {}).get("content") or ""
    # Some Llama models stream a number as a JSON number.
    response = event.get("response")
    return "" if response is None else str(response)

"""Server-sent events, both ways (html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any

#: The data that ends a chat model's stream.
END = "[DONE]"


def encode_event(name: str, data: Any) -> bytes:
    """One event; ``data`` is sent as JSON, which keeps it on one line."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return f"event: {name}\ndata: {text}\n\n".encode()


class EventDecoder:
    """Takes bytes as the network cuts them, gives the data of each event."""

    def __init__(self) -> None:
        # A character may be cut in two as well.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""

    def feed(self, piece: bytes) -> Iterator[str]:
        """The data of the events that ``piece`` completes."""
        text = (self._rest + self._decoder.decode(piece)).replace("\r\n", "\n")
        *events, self._rest = text.split("\n\n")
        for event in events:
            lines = [
                line.removeprefix("data:").removeprefix(" ")
                for line in event.split("\n")
                if line.startswith("data:")
            ]
            if lines:
                yield "\n".join(lines)

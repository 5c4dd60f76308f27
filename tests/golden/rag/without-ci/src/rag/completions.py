"""The dialects of Workers AI's chat models.

Llama models answer ``{"response": ...}``; Gemma 4, GLM and other newer ones answer in OpenAI's
shape, ``{"choices": [{"message": ...}]}``. Their streams differ likewise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rag.limits import MAX_ANSWER_TOKENS

#: The payload that ends a stream of either dialect.
END = "[DONE]"


def chat_inputs(
    model: str, messages: Sequence[Mapping[str, str]], *, stream: bool
) -> dict[str, Any]:
    """The inputs of ``env.AI.run(model, inputs)`` for one answer."""
    inputs: dict[str, Any] = {
        "messages": [dict(message) for message in messages],
        "stream": stream,
        # Quoting passages rightly matters more than saying it in ever new words.
        "temperature": 0.1,
    }
    if "/gemma-4" in model:
        # Gemma 4 thinks aloud by default, at the price of its output tokens.
        inputs["chat_template_kwargs"] = {"enable_thinking": False}
        inputs["max_completion_tokens"] = MAX_ANSWER_TOKENS
    else:
        inputs["max_tokens"] = MAX_ANSWER_TOKENS
    return inputs


def answer_text(result: Mapping[str, Any]) -> str:
    """The text of a whole answer; empty if the model gave none."""
    return _text(result, "message")


def delta_text(payload: str) -> str:
    """The text that one event of a stream adds; empty for events without any.

    Raises:
        ValueError: The payload is no JSON object.
    """
    frame = json.loads(payload)
    if not isinstance(frame, Mapping):
        raise ValueError(f"a stream sent {type(frame).__name__} where an object was due")
    return _text(frame, "delta")


def _text(result: Mapping[str, Any], part: str) -> str:
    if result.get("response") is not None:
        # Llama's streams send a token that looks like a number as a number.
        return str(result["response"])
    choices = result.get("choices") or [{}]
    content = (choices[0].get(part) or {}).get("content")
    return content or ""

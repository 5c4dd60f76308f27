"""The dialects of Workers AI's chat models.

Llama models answer ``{"response": ...}``; Gemma 4, GLM and other newer ones answer in OpenAI's
shape, ``{"choices": [{"message": ...}]}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def chat_inputs(
    model: str, messages: Sequence[Mapping[str, str]], *, max_tokens: int, stream: bool = False
) -> dict[str, Any]:
    """The inputs of ``env.AI.run(model, inputs)`` for one answer."""
    inputs: dict[str, Any] = {
        "messages": [dict(message) for message in messages],
        "stream": stream,
        # Keeping to the text that it is given matters more than saying it in ever new words.
        "temperature": 0.1,
    }
    if "/gemma-4" in model:
        # Gemma 4 thinks aloud by default, at the price of its output tokens.
        inputs["chat_template_kwargs"] = {"enable_thinking": False}
        inputs["max_completion_tokens"] = max_tokens
    else:
        # Llama models stop after 256 tokens unless told otherwise.
        inputs["max_tokens"] = max_tokens
    return inputs


def answer_text(result: Mapping[str, Any], part: str = "message") -> str:
    """The text of an answer, or of one event of a stream (then ``part`` is ``delta``).

    Empty if the model gave none.
    """
    if result.get("response") is not None:
        # Llama's streams send a token that looks like a number as a number.
        return str(result["response"])
    choices = result.get("choices") or [{}]
    content = (choices[0].get(part) or {}).get("content")
    return content or ""

"""The dialects of Workers AI's chat models.

Llama models answer ``{"response": ...}``; Gemma 4, GLM and other newer ones answer in OpenAI's
shape, ``{"choices": [{"message": ...}]}``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_START, _END = "<think>", "</think>"


def chat_inputs(
    model: str, messages: Sequence[Mapping[str, str]], *, max_tokens: int
) -> dict[str, Any]:
    """The inputs of ``env.AI.run(model, inputs)`` for one answer."""
    limits: dict[str, Any] = {"max_tokens": max_tokens}
    if "/gemma-4" in model:
        # Gemma 4 thinks aloud by default, at the price of its output tokens.
        thinking = {"enable_thinking": False}
        limits = {"max_completion_tokens": max_tokens, "chat_template_kwargs": thinking}
    # Keeping to the text that it is given matters more than saying it in ever new words.
    return {"messages": [*messages], "temperature": 0.1, **limits}


@dataclass(frozen=True)
class Answer:
    """What a model answered, or the next piece of it. ``cut_off``: it stopped at its limit."""

    text: str
    cut_off: bool = False


def read_answer(result: Mapping[str, Any], part: str = "message") -> Answer:
    """An answer, or one event of a stream (then ``part`` is ``delta``); empty if it has no text."""
    text, cut_off = result.get("response"), False
    if text is None:
        choice = (result.get("choices") or [{}])[0]
        text = (choice.get(part) or {}).get("content") or ""
        cut_off = choice.get("finish_reason") == "length"
    text = str(text)  # Llama's streams send a token that looks like a number as a number.
    if part == "message":
        # JSON can hold half a character, which nothing can store. A piece may end with one.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Answer(text, cut_off)


class Thoughts:
    """Removes what a reasoning model thinks aloud before it answers: ``<think>...</think>``. With
    ``thinking`` a thought has begun already."""

    def __init__(self, *, thinking: bool = False) -> None:
        self._held = ""
        self._thinking = thinking
        self._answering = False

    def feed(self, piece: str) -> str:
        """Take the next piece; return what of it belongs to the answer."""
        text, self._held = self._held + piece, ""
        while not self._answering:
            if self._thinking:
                _, end, rest = text.partition(_END)
                if not end:
                    self._held = text[1 - len(_END) :]
                    return ""
                text, self._thinking = rest, False
            text = text.lstrip()
            if text.startswith(_START):
                text, self._thinking = text.removeprefix(_START), True
            elif _START.startswith(text):
                self._held = text
                return ""
            else:
                self._answering = True
        return text

    def finish(self) -> str:
        return "" if self._thinking else self._held


def block(tag: str, text: str, **attributes: object) -> str:
    """Quoted data for a prompt, in a block that it can neither end nor imitate."""
    named = ""
    for name, value in attributes.items():
        quoted = without_tags(tag, str(value)).replace('"', "'")
        named += f' {name}="{quoted}"'
    return f"<{tag}{named}>\n{without_tags(tag, text)}\n</{tag}>"


def without_tags(tag: str, text: str) -> str:
    """``text`` without this one tag; code full of other tags and of ``&`` stays as it is."""
    return re.sub(rf"<(?=\s*+/?\s*+{tag}\b)", "&lt;", text, flags=re.IGNORECASE)

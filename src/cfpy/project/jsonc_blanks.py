"""The comments of JSON, and the text without them."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""(?P<comment>//[^\r\n]*|/\*.*?\*/)|(?P<value>"[^"\\]*(?:\\.[^"\\]*)*"|[^\s",/])|,""", re.S
)
_NOT_BLANK = re.compile(r"[^\r\n]")


def comments(text: str) -> list[tuple[int, int]]:
    """Where each comment begins and ends."""
    return [token.span() for token in _TOKEN.finditer(text) if token["comment"]]


def without_comments(text: str) -> str:
    """The text with spaces in place of comments and trailing commas, so that positions stay the
    same."""
    characters = list(text)
    before, comma = "", -1
    for token in _TOKEN.finditer(text):
        if token["comment"]:
            characters[token.start() : token.end()] = _NOT_BLANK.sub(" ", token[0])
        elif token["value"]:
            if comma >= 0 and token[0] in "]}":
                characters[comma] = " "
            before, comma = token[0], -1
        else:
            # Two commas in a row, or one without a value before it, are errors, not trailing
            # commas.
            comma = token.start() if comma < 0 and before not in ("", "[", "{", ":") else -1
            before = ","
    return "".join(characters)

"""What is wrong with JSON that does not parse, in words for people who write it by hand."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from cfpy.project.invisible import HINT, described, is_invisible
from cfpy.project.jsonc_blanks import without_comments

# Errors in a string, where such characters are allowed or have a message of their own.
_IN_STRING = ("Unterminated string", "Invalid control character", "Invalid \\")
_EXAMPLE = '{ "name": "my-worker", "main": "src/entry.py" }'
_LIKE_TOML = re.compile(r"(\s*#.*\n)*\s*(\[\[?[A-Za-z_][\w.\"'-]*\]|[\w.-]+\s*=)")
_WORD = re.compile(r"[^\s,:\[\]{}\"]+")
_NUMBER = re.compile(r"[+-]?[\d.][\w.+-]*\Z")
_UNKNOWN = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)\b')

#: The messages of :mod:`json` in Python 3.11 to 3.14 that need no look at the text.
_PLAIN = {
    "Unterminated string starting at": ("the string that begins here has no end", 'Add a `"`.'),
    "Invalid control character at": (
        "a line break, a tab or another control character in a string",
        "Write \\n for a line break, and \\t for a tab.",
    ),
    "Invalid \\escape": (
        "a backslash with a letter that JSON does not know",
        "Write \\\\ for a backslash.",
    ),
    "Invalid \\uXXXX escape": ("\\u needs four hexadecimal digits", ""),
    "Illegal trailing comma before end of object": ("a comma too many", "Remove it."),
    "Illegal trailing comma before end of array": ("a comma too many", "Remove it."),
    "Expecting ':' delimiter": ("a colon is missing after the key", 'Write "key": value.'),
}


@dataclass(frozen=True)
class Fault:
    """What is wrong, where (1-based), and what to do; ``hint`` can be empty."""

    message: str
    line: int
    column: int
    hint: str


def fault(text: str, error: json.JSONDecodeError) -> Fault:
    """Describe why a document does not parse.

    Args:
        text: The document.
        error: What :mod:`json` raised for it without its comments.
    """
    plain = without_comments(text)
    if not plain.strip():
        what = "has only comments" if text.strip() else "is empty"
        return Fault(f"{what}: a configuration is an object", 1, 1, f"For example: {_EXAMPLE}")
    if _LIKE_TOML.match(text):
        hint = "Name the file wrangler.toml, or write it as JSON."
        return Fault("this looks like TOML, not JSON", error.lineno, error.colno, hint)
    if (at := _invisible(plain, error)) >= 0:
        message = f"{described(plain[at])} between the parts of the configuration"
        return Fault(message, *_place(plain, at), HINT)
    message, hint = _described(plain, error)
    return Fault(message, error.lineno, error.colno, hint)


def unknown_number(text: str) -> Fault | None:
    """Where a document has NaN or Infinity, which Python would accept; ``None`` if it has none."""
    plain = without_comments(text)
    for found in _UNKNOWN.finditer(plain):
        if found[1]:
            message = f"{found[1]} is not JSON"
            return Fault(message, *_place(plain, found.start()), "Use a number, or a string.")
    return None


def _place(text: str, at: int) -> tuple[int, int]:
    """The 1-based line and column of a position."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _invisible(plain: str, error: json.JSONDecodeError) -> int:
    """Where an invisible character is the reason of an error; -1 if it is not."""
    if error.msg.startswith(_IN_STRING):
        return -1
    at = error.pos
    while plain[at : at + 1] in tuple(" \t\r\n"):
        at += 1
    return at if plain[at : at + 1] and is_invisible(plain[at]) else -1


def _described(plain: str, error: json.JSONDecodeError) -> tuple[str, str]:
    rest = plain[error.pos :].lstrip()
    if error.msg in _PLAIN:
        return _PLAIN[error.msg]
    if rest.startswith("/*"):
        return "a comment has no end", "Add */ to it."
    if error.msg == "Extra data":
        what = "a comma" if rest.startswith(",") else f"`{rest[:1]}`"
        return (
            f"{what} after the end of the configuration, which is one object",
            "Remove what is there.",
        )
    if not rest:
        return "the file ends too early", "Close each `{` with a `}`, and each `[` with a `]`."
    if rest.startswith("#"):
        return "a `#`, which begins no comment in JSON", "Comments begin with //."
    if rest.startswith("'"):
        return "single quotes", "Keys and strings need double quotes."
    if rest.startswith(","):
        return "a comma too many", "Remove it."
    if error.msg == "Expecting ',' delimiter":
        return _no_comma(plain, error.pos, rest)
    word = _WORD.match(rest)
    if error.msg == "Expecting value":
        return _no_value(word[0] if word else "", rest)
    if word:
        return f"the key `{word[0]}` has no quotes", f'Write "{word[0]}".'
    return f"`{rest[:1]}` where a key belongs", 'Write "key": value.'


def _no_comma(plain: str, position: int, rest: str) -> tuple[str, str]:
    before = plain[:position].rstrip()
    word = _WORD.match(rest)
    if before[-1:].isdigit() and word and not plain[position - 1].isspace():
        return (
            "a number that JSON does not know",
            "Write it in decimal digits, without a leading 0.",
        )
    if rest[0] in "}]":
        return f"`{rest[0]}` closes something that was opened with another bracket", ""
    return "a comma is missing before this", "Separate the members with commas."


def _no_value(word: str, rest: str) -> tuple[str, str]:
    if word.lower() in ("true", "false", "null"):
        return f"`{word}` is not JSON", f"Write {word.lower()}."
    if _NUMBER.match(word):
        return f"`{word}` is not a number in JSON", "Write it in decimal digits, as in 0.5."
    if word:
        return f"`{word}` is not a value", 'A string needs double quotes: "text".'
    return f"a value is missing before `{rest[:1]}`", ""

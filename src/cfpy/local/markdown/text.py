"""Text of documents: its encoding, and Markdown without its syntax."""

from __future__ import annotations

import re

_MARKS = [
    (re.compile(r"^\s*(```|~~~).*\n?", re.MULTILINE), ""),
    (re.compile(r"^\s*\|(\s*:?-+:?\s*\|)+\s*\n?", re.MULTILINE), ""),
    (re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)"), r"\1"),
    (re.compile(r"^\s{0,3}(#{1,6}|>|[-*+]|\d+\.)\s+", re.MULTILINE), ""),
    (re.compile(r"(\*\*|__|\*|`)(?=\S)([^\n]*?\S)\1"), r"\2"),
    (re.compile(r"^\| | \|$", re.MULTILINE), ""),
    (re.compile(r" \| "), "\t"),
]


def decoded(data: bytes) -> str:
    """Text in the encoding that its first bytes or its content show."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def plain(markdown: str) -> str:
    """Markdown without headings, emphasis, links, lists and the lines of tables."""
    for mark, replacement in _MARKS:
        markdown = mark.sub(replacement, markdown)
    return markdown

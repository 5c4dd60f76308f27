"""Cuts text into chunks that an embedding model can read completely.

It cuts at the largest boundary that fits: between Markdown sections, then paragraphs,
lines, sentences, words, and only then inside a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.limits import CHUNK_TOKENS, MAX_BLANK, OVERLAP_TOKENS

# Each matches the empty text between two pieces, so that the joined pieces are the same text.
_BOUNDARIES = (
    re.compile(r"^(?=#{1,6} )", re.MULTILINE),
    re.compile(r"(?<=\n\n)(?=[^\n])"),
    re.compile(r"(?<=\n)"),
    re.compile(r"(?<=[.!?])(?= )|(?<=[。！？])"),
    re.compile(r"(?<= )(?=[^ ])"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\n+")
_TOO_BLANK = re.compile(rf"(?<=\s{{{MAX_BLANK}}})\s+")
_HEADING = re.compile(r"#{1,6} ")
_TOKENS = re.compile(r"[A-Za-z]+|[^A-Za-z\s]")
_LETTERS_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """How many tokens a BERT-like tokenizer makes of ``text``, roughly and rather too many.

    Latin words cost a token for each four letters; digits, punctuation and letters of other
    scripts one each. For prose and code that is 10 to 50 % more than the tokenizer of
    bge-base-en-v1.5 finds; that one would need its vocabulary in the Worker.
    """
    return sum(
        -(-len(word) // _LETTERS_PER_TOKEN) if word[0].isascii() and word[0].isalpha() else 1
        for word in _TOKENS.findall(text)
    )


def chunk(text: str) -> list[str]:
    """Cut ``text`` into chunks of at most ``CHUNK_TOKENS`` tokens, plus an overlap.

    A chunk starts with the last sentences of the one before, so that a fact which straddles the
    cut is whole in one of them; a chunk that starts with a heading needs no such context. Of white
    space no more than ``MAX_BLANK`` is kept in a row.
    """
    chunks: list[str] = []
    current = ""
    size = 0
    for piece in _pieces(_TOO_BLANK.sub("", text), 0):
        tokens = estimate_tokens(piece)
        if current and size + tokens > CHUNK_TOKENS + OVERLAP_TOKENS:
            chunks.append(current.strip())
            current = "" if _HEADING.match(piece) else _overlap(current)
            size = estimate_tokens(current)
        current += piece
        size += tokens
    if current.strip():
        chunks.append(current.strip())
    return chunks


def _pieces(text: str, level: int) -> Iterator[str]:
    """Consecutive pieces of ``text``, each of at most ``CHUNK_TOKENS`` tokens."""
    if estimate_tokens(text) <= CHUNK_TOKENS:
        yield text
    elif level < len(_BOUNDARIES):
        for part in _BOUNDARIES[level].split(text):
            yield from _pieces(part, level + 1)
    else:
        # One endless word: no token is shorter than a character.
        for start in range(0, len(text), CHUNK_TOKENS):
            yield text[start : start + CHUNK_TOKENS]


def _overlap(text: str) -> str:
    """The last whole sentences of ``text`` that fit into ``OVERLAP_TOKENS``."""
    start, tokens = len(text), 0
    for end in reversed([match.end() for match in _SENTENCE_END.finditer(text.rstrip())]):
        tokens += estimate_tokens(text[end:start])
        if tokens > OVERLAP_TOKENS:
            break
        start = end
    return text[start:]

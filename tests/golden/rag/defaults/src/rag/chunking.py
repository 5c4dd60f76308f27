"""Cuts text into chunks that an embedding model can read completely.

It cuts at the largest boundary that fits: between Markdown sections, then paragraphs, lines,
sentences, words, and only then inside a word. Tables and fenced code stay whole if they can. Each
chunk knows the headings above it.
"""

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from rag.limits import CHUNK_TOKENS, HEADING_TOKENS, MAX_BLANK, OVERLAP_TOKENS, SHORT_TOKENS
from rag.records import Chunk

# Code between fences, where # starts no heading; tables, as GitHub has them; headings of up to 200
# characters. The time they take grows with the text, and not faster.
_FENCED = (
    r"^ {0,3}(?P<fence>`{3,}(?=[^`\n]*$)|~{3,}+)[^\n]*\n(?:.*?^ {0,3}(?P=fence)[`~]*[ \t]*$|.*)"
)
_TABLE = r"^(?=[^\n]*\|)[^\n]*\n(?=[^\n]*-)(?=[^\n]*\|)[ \t|:-]+$(?:\n(?=[^\n]*\|)[^\n]*)*"
_HEADING = r"^ {0,3}(?P<marks>#{1,6})[ \t]+(?P<heading>\S[^\n]{0,199})$"
_CLOSING = re.compile(r"[ \t]+#+[ \t]*$")
_STRUCTURE = re.compile(f"{_FENCED}|{_TABLE}|{_HEADING}", re.MULTILINE | re.DOTALL)
# Each matches the empty text between two pieces, so that the joined pieces are the same text.
_BOUNDARIES = (
    re.compile(r"(?<=\n\n)(?=[^\n])"),
    re.compile(r"(?<=\n)"),
    re.compile(r"(?<=[.!?])(?= )|(?<=[。！？])"),
    re.compile(r"(?<= )(?=[^ ])"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\n+")
_TOO_BLANK = re.compile(rf"(?<=\s{{{MAX_BLANK}}})\s+")
_TOKENS = re.compile(r"[A-Za-z]+|[^A-Za-z\s]")
_LETTERS_PER_TOKEN = 4

#: Headings, the outermost first.
_Path = tuple[str, ...]
_TOP: _Path = ()


class _Piece(NamedTuple):
    """A part of a text that is not cut. ``opens``: it starts with a heading; ``prose``: it is no
    part of a table or of code."""

    text: str
    path: _Path
    opens: bool
    prose: bool


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


def chunk(title: str, text: str) -> list[Chunk]:
    """Cut ``text`` into chunks of at most ``CHUNK_TOKENS`` tokens, plus an overlap.

    A heading starts a new chunk, unless the one before is short. Any other chunk starts with the
    last sentences of the one before, so that a fact which straddles the cut is whole in one of
    them. Of white space no more than ``MAX_BLANK`` is kept in a row.
    """
    chunks: list[Chunk] = []
    path = _TOP
    current, prose, size, shared = "", "", 0, 0
    for piece in _pieces(_TOO_BLANK.sub("", text)):
        tokens = estimate_tokens(piece.text)
        full = size + tokens > CHUNK_TOKENS + OVERLAP_TOKENS
        if current.strip() and (full or (piece.opens and size >= SHORT_TOKENS)):
            chunks.append(Chunk(_heading(title, path), current, shared))
            current = prose = "" if piece.opens else _overlap(prose)
            size, path, shared = estimate_tokens(current), piece.path, len(current)
        path = _common(path, piece.path) if current.strip() else piece.path
        current += piece.text
        prose = prose + piece.text if piece.prose else ""
        size += tokens
    if current.strip():
        chunks.append(Chunk(_heading(title, path), current, shared))
    return chunks


def _pieces(text: str) -> Iterator[_Piece]:
    """The pieces of a text; joined, they are the text. A heading stays with what follows it."""
    lead, path = "", _TOP
    for kind, block, path in _blocks(text):
        if kind == "heading" or (lead and not block.strip()):
            lead += block
            continue
        for part in _split(block):
            if lead and estimate_tokens(lead + part) > CHUNK_TOKENS + OVERLAP_TOKENS:
                yield from (_Piece(line, path, True, True) for line in _split(lead))
                lead = ""
            yield _Piece(lead + part, path, bool(lead), kind == "prose")
            lead = ""
    yield from (_Piece(line, path, True, True) for line in _split(lead))


def _blocks(text: str) -> Iterator[tuple[str, str, _Path]]:
    """The blocks of a text: what each is ("heading", "prose" or "whole"), its text and its path."""
    path: dict[int, str] = {}
    end = 0
    for match in _STRUCTURE.finditer(text):
        yield "prose", text[end : match.start()], tuple(path.values())
        if match["marks"]:
            level = len(match["marks"])
            path = {above: name for above, name in path.items() if above < level}
            path[level] = " ".join(_CLOSING.sub("", match["heading"]).split())
        yield "heading" if match["marks"] else "whole", match[0], tuple(path.values())
        end = match.end()
    yield "prose", text[end:], tuple(path.values())


def _split(text: str, level: int = 0) -> Iterator[str]:
    """Consecutive parts of ``text``, each of at most ``CHUNK_TOKENS`` tokens."""
    if estimate_tokens(text) <= CHUNK_TOKENS:
        yield text
    elif level < len(_BOUNDARIES):
        for part in _BOUNDARIES[level].split(text):
            yield from _split(part, level + 1)
    else:
        # One endless word: no token is shorter than a character.
        for start in range(0, len(text), CHUNK_TOKENS):
            yield text[start : start + CHUNK_TOKENS]


def _common(one: _Path, other: _Path) -> _Path:
    """The headings that two pieces are both under."""
    pairs = zip(one, other, strict=False)
    return tuple(name for name, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _heading(title: str, path: _Path) -> str:
    """The title and the headings, without the outer ones where they are too long."""
    names = list(path[1:] if path[:1] == (title,) else path)
    while names and estimate_tokens(" > ".join([title, *names])) > HEADING_TOKENS:
        del names[0]
    return " > ".join(name for name in (title, *names) if name)


def _overlap(text: str) -> str:
    """The last whole sentences of ``text`` that fit into ``OVERLAP_TOKENS``."""
    start, tokens = len(text), 0
    for end in reversed([match.end() for match in _SENTENCE_END.finditer(text.rstrip())]):
        tokens += estimate_tokens(text[end:start])
        if tokens > OVERLAP_TOKENS:
            break
        start = end
    return text[start:]

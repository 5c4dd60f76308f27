"""Cuts a text into pieces that a model reads at once."""

from collections.abc import Iterable, Iterator

# Where to cut, best first: between paragraphs, lines, sentences, words.
_BREAKS = ("\n\n", "\n", ". ", " ")


def cut(parts: Iterable[str], size: int) -> Iterator[str]:
    """Pieces of at most ``size`` characters, cut at the best places, without those that are blank.

    ``parts`` make up the text, whose end is not needed to yield its beginning.
    """
    return (piece for piece in _pieces(parts, size) if piece.strip())


def _pieces(parts: Iterable[str], size: int) -> Iterator[str]:
    held: list[str] = []
    length = 0
    for part in parts:
        held.append(part)
        length += len(part)
        if length <= size:
            continue
        text, start = "".join(held), 0
        while len(text) - start > size:
            end = _best_end(text, start, size)
            yield text[start:end]
            start = end
        held, length = [text[start:]], len(text) - start
    yield "".join(held)


def _best_end(text: str, start: int, size: int) -> int:
    # Not in the first half: that would be many small pieces.
    middle, last = start + size // 2, start + size
    found = (text.rfind(mark, middle, last) + len(mark) for mark in _BREAKS)
    return next((place for place in found if place > middle), last)

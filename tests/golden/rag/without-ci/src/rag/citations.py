"""Checks the citations of an answer while it streams by."""

from __future__ import annotations

import re

_CITATION = re.compile(r" ?\[(\d{1,3}(?: ?, ?\d{1,3})*)\]")
# What may yet become a citation when more text follows.
_UNFINISHED = re.compile(r" ?(?:\[[\d, ]{0,40})?\Z")


class CitationFilter:
    """Passes an answer on, without the citations that name no passage.

    After :meth:`finish`, ``cited`` holds the numbers of the cited passages and ``dropped`` those
    of passages that do not exist, each in order of appearance.
    """

    def __init__(self, passages: int) -> None:
        self._passages = passages
        self._held = ""
        self.cited: list[int] = []
        self.dropped: list[int] = []

    def feed(self, piece: str) -> str:
        """Take the next piece of the answer; return what of it is certain by now."""
        text = self._held + piece
        held = _UNFINISHED.search(text)
        certain = held.start() if held else len(text)
        self._held = text[certain:]
        return _CITATION.sub(self._check, text[:certain])

    def finish(self) -> str:
        """Return what was still held back."""
        rest, self._held = self._held, ""
        return rest

    def _check(self, match: re.Match[str]) -> str:
        kept = []
        for number in (int(digits) for digits in match[1].split(",")):
            exists = 1 <= number <= self._passages
            seen = self.cited if exists else self.dropped
            if number not in seen:
                seen.append(number)
            if exists:
                kept.append(f"[{number}]")
        space = " " if kept and match[0].startswith(" ") else ""
        return space + "".join(kept)

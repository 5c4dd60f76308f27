"""Checks the citations of an answer while it streams by."""

import re
from collections.abc import Iterator

_NUMBERS = r" ?\d{1,3}(?: ?(?:[,;–-]|and) ?\d{1,3})* ?"
# What matters in an answer: the marks around code, the ends of lines, and citations. After a
# letter, a digit or a bracket it is an index: items[12], a[0][7].
_TOKEN = re.compile(rf"(`+)|(\n)| ?(?<![\w)\]])((?:\[{_NUMBERS}\])+)", re.ASCII)
# What may still become one of them when more text follows, and the character before it.
_UNFINISHED = re.compile(rf"(?:`+|[^`])?(?:\[{_NUMBERS}\])*(?:\[[\d,; and–-]{{0,40}})?\Z")
_FENCE = 3


class CitationFilter:
    """Passes an answer on, without the citations that name no passage.

    Code stays as it is. After :meth:`finish`, ``cited`` holds the numbers of the cited passages
    and ``dropped`` those of passages that do not exist, each in order of appearance.
    """

    def __init__(self, passages: int) -> None:
        self._passages = passages
        self._held = ""
        # The backticks that opened the code that we are in.
        self._code = ""
        self.cited: list[int] = []
        self.dropped: list[int] = []

    def feed(self, piece: str) -> str:
        """Take the next piece of the answer; return what of it is certain by now."""
        text = self._held + piece
        held = _UNFINISHED.search(text)
        certain = held.start() if held else len(text)
        self._held = text[certain:]
        return _TOKEN.sub(self._check, text[:certain])

    def finish(self) -> str:
        rest, self._held = self._held, ""
        return _TOKEN.sub(self._check, rest)

    def _check(self, match: re.Match[str]) -> str:
        marks, line_end, citation = match.groups()
        if marks:
            if not self._code:
                self._code = marks
            elif marks == self._code:
                self._code = ""
        elif line_end:
            # Only a fence spans lines; any other backtick was a stray one.
            if len(self._code) < _FENCE:
                self._code = ""
        elif not self._code:
            kept = "".join(f"[{number}]" for number in self._existing(citation))
            return " " + kept if kept and match[0].startswith(" ") else kept
        return match[0]

    def _existing(self, citation: str) -> Iterator[int]:
        """The passages that a citation names, such as ``[1]``, ``[1, 3]``, ``[1-3]`` or ``[1][2]``;
        the other numbers are noted as dropped."""
        for part in re.findall(r"\d+(?: ?[–-] ?\d+)*", citation):
            numbers = [int(number) for number in re.findall(r"\d+", part)]
            # Of a range that ends at no passage, one number too many is enough to note.
            most = max(min(numbers), self._passages + 1)
            for number in range(min(numbers), min(max(numbers), most) + 1):
                exists = 1 <= number <= self._passages
                seen = self.cited if exists else self.dropped
                if number not in seen:
                    seen.append(number)
                if exists:
                    yield number

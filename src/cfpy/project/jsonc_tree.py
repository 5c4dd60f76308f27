"""The parts of a JSON text with comments, with their positions in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cfpy.project.jsonc_blanks import without_comments

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


@dataclass
class Part:
    """A value: ``text[start:end]``. Members of an object have their ``key``, which begins at
    ``begin``; items of an array have none, and begin at ``start``."""

    start: int
    end: int = 0
    bracket: str = ""
    key: str | None = None
    begin: int = 0
    children: list[Part] = field(default_factory=list)

    def child(self, part: str | int) -> Part | None:
        """The member with a key, the last one if there are several as parsers take it, or the item
        at an index."""
        if isinstance(part, int):
            inside = self.bracket == "[" and part < len(self.children)
            return self.children[part] if inside else None
        found = [node for node in self.children if node.key == part]
        return found[-1] if found else None

    def at(self, path: tuple[str | int, ...]) -> Part | None:
        """The value at a path; ``None`` if there is none."""
        node: Part | None = self
        for part in path:
            node = node.child(part) if node else None
        return node


def tree(text: str) -> Part:
    """The tree of a document that :func:`cfpy.project.jsonc.loads` parses."""
    tokens = _TOKEN.finditer(without_comments(text))
    return _value(tokens, next(tokens))


def locate(text: str, keys: tuple[str | int, ...]) -> tuple[int, int]:
    """The 1-based line and column of a value, or of the innermost existing one around it."""
    node = tree(text)
    for part in keys:
        inner = node.child(part)
        if inner is None:
            break
        node = inner
    return text.count("\n", 0, node.begin) + 1, node.begin - text.rfind("\n", 0, node.begin)


def repeated(text: str) -> list[tuple[str, int]]:
    """The keys that an object has more than once, each dotted and with the 1-based line of the last
    one, which is the one that counts."""
    return list(_repeated(tree(text), text, ""))


def _repeated(node: Part, text: str, path: str) -> Iterator[tuple[str, int]]:
    keys = [child.key for child in node.children if child.key is not None]
    for number, child in enumerate(node.children):
        name = f"{path}.{number if child.key is None else child.key}".lstrip(".")
        if keys.count(child.key or "") > 1 and child is node.child(child.key or ""):
            yield name, text.count("\n", 0, child.begin) + 1
        yield from _repeated(child, text, name)


def _value(tokens: Iterator[re.Match[str]], first: re.Match[str]) -> Part:
    node = Part(first.start(), first.end(), begin=first.start())
    if first[0] not in "{[":
        return node
    node.bracket = first[0]
    for token in tokens:
        if token[0] in "}]":
            node.end = token.end()
            break
        if token[0] == ",":
            continue
        if node.bracket == "[":
            node.children.append(_value(tokens, token))
            continue
        next(tokens)  # The colon.
        member = _value(tokens, next(tokens))
        member.key, member.begin = json.loads(token[0]), token.start()
        node.children.append(member)
    return node

"""Writes a JSON configuration with comments as TOML: the same values and comments, and the same
order as far as TOML allows it: the values of a table are above the tables in it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import tomlkit

from cfpy.project import jsonc
from cfpy.project.jsonc_blanks import comments
from cfpy.project.jsonc_tree import Part, tree
from cfpy.project.line_ends import plain

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_UNIT = "  "
_SCHEMA = "$schema"


def to_toml(text: str) -> str:
    """The text of a ``wrangler.toml`` for that of a ``wrangler.jsonc``.

    Raises:
        ValueError: It does not parse, is not an object, or has a value that TOML does not have:
            ``null``, or half of a surrogate pair.
    """
    body = plain(text)
    wanted = jsonc.loads(body)
    if not isinstance(wanted, dict):
        raise ValueError("is not a JSON object")
    _refuse_null(wanted, "")
    if isinstance(wanted.get(_SCHEMA), str):
        del wanted[_SCHEMA]
    written = "\n".join(_Writer(body).document())
    written = re.sub(r"\n{3,}", "\n\n", written).strip("\n")
    if _parsed(written) == wanted:
        return f"{written}\n" if written else ""
    # It is written in a way that has no counterpart in TOML.
    above = [line for start, end in comments(body) for line in _comment(body[start:end])]
    return "".join(f"{line}\n" for line in above) + tomlkit.dumps(wanted)


class _Writer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._root = tree(text)
        self._comments = comments(text)

    def document(self) -> Iterator[str]:
        """The lines of the document."""
        schema = self._root.child(_SCHEMA)
        value = json.loads(self._text[schema.start : schema.end]) if schema else None
        if isinstance(value, str):
            yield f"#:schema {value}"
        yield from self._lines(0, self._root.start)
        yield from self._table(self._root, (), without=_SCHEMA if isinstance(value, str) else "")
        yield from self._lines(self._root.end, len(self._text))

    def _table(self, part: Part, path: tuple[str, ...], without: str = "") -> Iterator[str]:
        """The lines of a table without its header: its values, then the tables in it."""
        later: list[str] = []
        for child, above, beside in self._children(part):
            if child is not part.child(child.key or ""):
                continue  # A parser takes the last one of a key.
            name = (*path, child.key or "")
            if child.key == without:
                yield from above
            elif self._is_table(child):
                above += [beside] if beside else []
                later += self._headed(child, name, above)
            elif self._is_entries(child):
                above += [beside] if beside else []
                for item, over, by in self._children(child):
                    lines = [*above, *over[over[:1] == [""] and not above :], *([by] if by else [])]
                    above = []
                    later += [*_apart(lines), f"[[{_dotted(name)}]]", *self._table(item, name)]
                later += self._after(child)
            else:
                yield from above
                yield from self._assignment(child, beside)
        after = self._after(part)
        yield from () if later else after
        yield from later
        yield from after if later else ()

    def _headed(self, part: Part, name: tuple[str, ...], above: list[str]) -> list[str]:
        """A table; its header is only needed for values."""
        inside = list(self._table(part, name))
        if all(self._is_table(child) or self._is_entries(child) for child in part.children):
            first = next((line for line in inside if line), "")
            inside = inside[1:] if any(above) and not first.startswith("#") else inside
            return [*_apart(above), *inside] if any(above) else inside
        return [*_apart(above), f"[{_dotted(name)}]", *inside]

    def _assignment(self, part: Part, beside: str) -> Iterator[str]:
        written = f"{_key(part.key or '')} = {self._value(part)}"
        yield from self._lost(part)
        yield f"{written}{f' {beside}' if beside else ''}"

    def _value(self, part: Part) -> str:
        if part.bracket == "[" and self._is_long(part):
            rows = []
            for item, above, beside in self._children(part):
                comma = "," if item is not part.children[-1] or self._ends_with_comma(part) else ""
                rows += [line for line in (*above, *self._lost(item)) if line]
                rows.append(f"{self._value(item)}{comma}{f' {beside}' if beside else ''}")
            rows += [line for line in self._after(part) if line]
            inside = "\n".join(rows).replace("\n", f"\n{_UNIT}")
            return f"[\n{_UNIT}{inside}\n]" if rows else "[]"
        if part.bracket == "[":
            return f"[{', '.join(map(self._value, part.children))}]"
        if part.bracket:
            members = [
                f"{_key(child.key or '')} = {self._flat(child)}"
                for child in part.children
                if child is part.child(child.key or "")
            ]
            return f"{{ {', '.join(members)} }}" if members else "{}"
        return self._scalar(part)

    def _flat(self, part: Part) -> str:
        if part.bracket == "[":
            return f"[{', '.join(map(self._flat, part.children))}]"
        return self._value(part)

    def _scalar(self, part: Part) -> str:
        source = self._text[part.start : part.end]
        return _string(json.loads(source)) if source.startswith('"') else source

    def _is_long(self, part: Part) -> bool:
        return "\n" in self._text[part.start : part.end]

    def _is_table(self, part: Part) -> bool:
        return part.bracket == "{" and bool(part.children) and self._is_long(part)

    def _is_entries(self, part: Part) -> bool:
        return (
            part.bracket == "["
            and bool(part.children)
            and self._is_long(part)
            and all(item.bracket == "{" and item.children for item in part.children)
        )

    def _ends_with_comma(self, part: Part) -> bool:
        place, commas = part.children[-1].end, ""
        for start, end in [*self._comments, (part.end, part.end)]:
            if place <= start <= part.end:
                commas, place = commas + self._text[place:start], end
        return "," in commas

    def _lost(self, part: Part) -> list[str]:
        """The comments inside a value that is written in one line."""
        if part.bracket == "[" and self._is_long(part):
            return []
        return [line for line in self._lines(part.start, part.end) if line]

    def _children(self, part: Part) -> Iterator[tuple[Part, list[str], str]]:
        """The children, each with the comments and empty lines above it, and the one next to it."""
        for number, child in enumerate(part.children):
            start = part.children[number - 1].end if number else part.start + 1
            above = self._lines(start, child.begin, skip=bool(number))
            above += [line for line in self._lines(child.begin, child.start) if line]
            yield child, above, self._beside(part, number)

    def _after(self, part: Part) -> list[str]:
        """The comments after the last child."""
        start = part.children[-1].end if part.children else part.start + 1
        return [line for line in self._lines(start, part.end - 1, skip=bool(part.children)) if line]

    def _beside(self, part: Part, number: int) -> str:
        last = number + 1 == len(part.children)
        end = part.end - 1 if last else part.children[number + 1].begin
        gap = self._gap(part.children[number].end, end)
        if "\n" not in gap:
            return ""
        found = [line for text in gap[: gap.index("\n")] for line in _comment(text)]
        return " ".join(found)

    def _lines(self, start: int, end: int, *, skip: bool = False) -> list[str]:
        """Comments and empty lines in a part of the text. With ``skip``, without those in the rest
        of the first line, if there is a second one."""
        gap = self._gap(start, end)
        if skip and "\n" in gap:
            gap = gap[gap.index("\n") :]
        lines: list[str] = []
        ended = 0
        for found in gap:
            if found == "\n":
                ended += 1
                continue
            lines += [""] if ended > 1 else []
            lines += _comment(found)
            ended = 0
        return [*lines, ""] if ended > 1 else lines

    def _gap(self, start: int, end: int) -> list[str]:
        """The comments and line ends between two places; those in strings are none."""
        spans = [span for span in self._comments if start <= span[0] < end]
        found, place = [], start
        for first, last in [*spans, (end, end)]:
            found += ["\n"] * self._text.count("\n", place, max(place, first))
            found += [self._text[first:last]] if first < last else []
            place = last
        return found


def _apart(lines: list[str]) -> list[str]:
    """Lines above a header, with an empty one."""
    return lines if "" in lines else ["", *lines]


def _comment(text: str) -> list[str]:
    if text.startswith("//"):
        return [f"#{text[2:].rstrip()}"]
    lines = [line.strip().removeprefix("*").strip() for line in text[2:-2].split("\n")]
    return [f"# {line}" for line in lines if line]


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(map(_key, path))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _string(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _refuse_null(value: Any, path: str) -> None:
    if value is None:
        raise ValueError(f"`{path}` is null, which TOML does not have")
    inside = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else inside
    for name, item in items:
        _refuse_null(item, f"{path}.{name}".lstrip("."))
    if isinstance(value, str):
        value.encode()


def _parsed(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except ValueError:
        return None

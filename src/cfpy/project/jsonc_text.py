"""Edits the text of JSON with comments, and keeps every other byte.

An edit looks at the lines around it and writes as they do: their indentation, one line or many, a
comma after the last value or none. The text that it gets has ``\\n`` at the end of each line.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cfpy.project.edits import Append, Edit, KeyPath, NoPlaceError, Put, Remove, dotted
from cfpy.project.jsonc_blanks import comments, without_comments
from cfpy.project.jsonc_tree import Part, tree

# What may follow a value on its line: comments, on both sides of a comma.
_COMMENTS = r"[ \t]*(?:/\*(?:[^*\n]|\*(?!/))*\*/[ \t]*)*"
_REST_OF_LINE = re.compile(rf"{_COMMENTS}(?:,{_COMMENTS})?(//[^\n]*)?(?=\n|$)")
_INDENT = re.compile(r"[ \t]*(?:,[ \t]*)?")
_COMMA_FIRST = re.compile(r"^[ \t]*,", re.MULTILINE)


def candidates(text: str, edit: Edit) -> Iterator[str]:
    """The text after an edit; nothing if there is no place for it."""
    document = _Document(text)
    with contextlib.suppress(NoPlaceError):
        match edit:
            case Append(path, value):
                yield document.appended(path, value)
            case Put(path, value, after, comment):
                yield document.put(path, value, after, comment)
            case Remove(path):
                yield document.removed(path)


class _Document:
    def __init__(self, text: str) -> None:
        self._text = text
        self._strict = without_comments(text)
        self._comments = comments(text)
        self._root = tree(text)
        indents = re.findall(r"^([ \t]+)[\"{\[]", self._strict, re.MULTILINE)
        self._unit = min(indents, key=len, default="  ")

    def appended(self, path: KeyPath, value: Any) -> str:
        array = self._root.at(path)
        if array is None:
            return self.put(path, [value], "", "")
        if array.bracket != "[":
            raise NoPlaceError(f"{dotted(path)} is not an array")
        return self._inserted(array, None, value, "", "")

    def put(self, path: KeyPath, value: Any, after: str, comment: str) -> str:
        there = self._root.at(path)
        if there is not None:
            written = self._written(value, self._indent_of(there.begin))
            return f"{self._text[: there.start]}{written}{self._text[there.end :]}"
        # The objects that do not exist are part of the new value.
        depth = next(d for d in range(len(path)) if self._root.at(path[: d + 1]) is None)
        if comment and depth + 1 < len(path):
            around = self.put(path[: depth + 1], {}, "", "")
            return _Document(around).put(path, value, after, comment)
        for part in reversed(path[depth + 1 :]):
            value = {part: value}
        parent = self._root.at(path[:depth])
        key = path[depth]
        if parent is None or parent.bracket != "{" or not isinstance(key, str):
            raise NoPlaceError(f"{dotted(path[:depth])} is not an object")
        return self._inserted(parent, key, value, after, comment)

    def removed(self, path: KeyPath) -> str:
        node, parent = self._root.at(path), self._root.at(path[:-1])
        above = True
        while parent and len(path) > 1 and len(parent.children) == 1 and self._is_all_of(parent):
            path = path[:-1]
            node, parent = parent, self._root.at(path[:-1])
            # The comment above is about all that was in there, and nobody asked to remove that.
            above = False
        if node is None or parent is None:
            raise NoPlaceError(f"there is no {dotted(path)}")
        return self._without(parent, node, above=above)

    def _without(self, parent: Part, node: Part, *, above: bool = True) -> str:
        number = parent.children.index(node)
        before = parent.children[number - 1] if number else None
        line = self._text.rfind("\n", 0, node.begin) + 1
        rest = _REST_OF_LINE.match(self._text, node.end)
        end = self._comma_end(node)
        # Where the last value has no comma, the new last one has none, either.
        last = node is parent.children[-1] and end == node.end
        lead = self._text[line : node.begin].strip()
        # The comma in front of it goes with it, if the one after it is on another line.
        led = lead == "," and not node.end < end <= (rest.end() if rest else 0)
        if rest and (not lead or led):
            start, end = self._whole_lines(parent, line, rest.end(), above=above)
        elif node is not parent.children[-1]:
            start, end = node.begin, end + self._spaces(end)
        else:
            start = len(self._text[: node.begin].rstrip(" \t"))
        kept = self._text[:start]
        if last and before is not None:
            comma = self._comma_end(before)
            kept = kept[: comma - 1] + kept[comma:]
        return kept + self._text[end:]

    def _inserted(self, parent: Part, key: str | None, value: Any, after: str, comment: str) -> str:
        beside = parent.child(after) if after else None
        if beside is None and parent.children:
            beside = parent.children[-1]
            if parent is self._root and beside.key == "env" and len(parent.children) > 1:
                # Environments stay last.
                beside = parent.children[-2]
        if beside is None:
            return self._first(parent, key, value, comment)
        text, named = self._text, _named(key)
        indent = self._indent_of(beside.begin)
        line = text.rfind("\n", 0, beside.begin) + 1
        rest = _REST_OF_LINE.match(text, beside.end)
        end = self._comma_end(beside)
        comma = "," if end > beside.end else ""
        one_line = key is None and beside.bracket and not self._has_lines(beside)
        self._unit = self._unit_in(beside, indent)
        if rest and not text[line : beside.begin].strip():
            written = _on_one_line(value) if one_line else self._written(value, indent)
            added = f"\n{_comment(comment, indent)}{indent}{named}{written}{comma}"
            kept = text[beside.end : rest.end()]
            return f"{text[: beside.end]}{'' if comma else ','}{kept}{added}{text[rest.end() :]}"
        if rest and (prefix := self._comma_first(parent, beside)):
            inner = _aligned(prefix)
            written = _on_one_line(value) if one_line else self._written(value, inner)
            added = f"\n{_comment(comment, indent)}{prefix}{named}{written}"
            return f"{text[: rest.end()]}{added}{text[rest.end() :]}"
        lines = self._has_lines(parent)
        written = self._written(value, indent) if lines else _on_one_line(value)
        if not comma:
            return f"{text[: beside.end]}, {named}{written}{text[beside.end :]}"
        space = "" if text[end : end + 1] in (" ", "\n", "}", "]") else " "
        return f"{text[:end]} {named}{written},{space}{text[end:]}"

    def _comma_first(self, parent: Part, beside: Part) -> str:
        """What a new line after ``beside`` begins with where commas begin the lines; empty if they
        do not."""
        line = self._text.rfind("\n", 0, beside.begin) + 1
        prefix = self._text[line : beside.begin]
        if prefix.strip() == ",":
            return prefix
        line = self._text.rfind("\n", 0, parent.end - 1) + 1
        bracket = self._text[line : parent.end - 1]
        alone = line > beside.end and not bracket.strip()
        return f"{bracket}, " if alone and _COMMA_FIRST.search(self._strict) else ""

    def _has_lines(self, node: Part) -> bool:
        return "\n" in self._text[node.start : node.end]

    def _first(self, parent: Part, key: str | None, value: Any, comment: str) -> str:
        """The first value of an empty object or array; comments in it stay above."""
        text = self._text
        content = text[parent.start + 1 : parent.end - 1]
        inside = content.rstrip()
        before, after = text[: parent.start + 1], text[parent.end - 1 :]
        if parent.bracket == "[" and not isinstance(value, Mapping) and not inside:
            return f"{before}{_on_one_line(value)}{after}"
        indent = self._indent_of(parent.begin)
        inner = indent + self._unit
        line = f"{_comment(comment, inner)}{inner}{_named(key)}{self._written(value, inner)}"
        rest = content[len(inside) :]
        end = rest if "\n" in rest else f"\n{indent}"
        return f"{before}{inside}\n{line}{end}{after}"

    def _whole_lines(self, parent: Part, start: int, end: int, *, above: bool) -> tuple[int, int]:
        """The lines of a value, with the comment right above it if ``above``, and an empty line
        next to it."""
        text = self._text
        end = min(end + 1, len(text))
        while above and (comment := self._comment_above(start)) is not None:
            start = comment
        before_start = self._line_before(start)
        opens = before_start <= parent.start
        before, below = text[before_start:start], text[end : text.find("\n", end) + 1]
        if below.isspace() and (opens or before.isspace()):
            end += len(below)
        elif before.isspace() and text[end:].lstrip(" \t")[:1] in ("}", "]"):
            start = before_start
        return start, end

    def _is_all_of(self, parent: Part) -> bool:
        """Whether nothing but its one value is in an object or array, and what belongs to that."""
        between = self._text[parent.begin : parent.start]
        if "//" in between.partition(":")[2] or "/*" in between:
            return False
        text = self._without(parent, parent.children[0])
        return not text[parent.start + 1 : len(text) - len(self._text) + parent.end - 1].strip()

    def _line_before(self, start: int) -> int:
        """Where the line above the one at ``start`` begins."""
        return self._text.rfind("\n", 0, max(start - 1, 0)) + 1

    def _comment_above(self, start: int) -> int | None:
        """Where the line begins with the comment that ends right above the line at ``start`` and
        shares its lines with nothing; ``None`` if there is none."""
        last = len(self._text[: max(start - 1, 0)].rstrip(" \t"))
        found = next((span for span in self._comments if span[1] == last), None)
        if found is None or start == 0:
            return None
        line = self._text.rfind("\n", 0, found[0]) + 1
        alone = not self._text[line : found[0]].strip()
        return line if alone and line > self._root.start else None

    def _spaces(self, position: int) -> int:
        rest = self._text[position:]
        return len(rest) - len(rest.lstrip(" \t"))

    def _comma_end(self, node: Part) -> int:
        """The position after the comma that follows a value, or the value's end if none does."""
        position = node.end
        # The comma may come after comments; trailing ones are blank in the strict text.
        for token in re.finditer(r"//[^\n]*|/\*.*?\*/|\s+|.", self._text[position:], re.DOTALL):
            if token[0] == ",":
                return position + token.end()
            if not (token[0].isspace() or token[0].startswith(("//", "/*"))):
                break
        return position

    def _indent_of(self, position: int) -> str:
        line = self._text[self._text.rfind("\n", 0, position) + 1 :]
        # The comma of the value above may begin the line.
        found = _INDENT.match(line)
        return _aligned(found[0]) if found else ""

    def _unit_in(self, node: Part, indent: str) -> str:
        """By how much the content of ``node`` is indented further; as in the file if it has none on
        a line of its own."""
        for child in node.children:
            inner = self._indent_of(child.begin)
            if inner != indent and inner.startswith(indent):
                return inner[len(indent) :]
        # Not spaces and then a tab.
        return indent if indent.isspace() and {*indent} != {*self._unit} else self._unit

    def _written(self, value: Any, indent: str) -> str:
        """A value in several lines where it is an object, or has one."""
        inner = indent + self._unit
        if isinstance(value, Mapping) and value:
            lines = [
                f"{inner}{_named(key)}{self._written(item, inner)}" for key, item in value.items()
            ]
            return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
        if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            lines = [f"{inner}{self._written(item, inner)}" for item in value]
            return "[\n" + ",\n".join(lines) + f"\n{indent}]"
        return _on_one_line(value)


def _aligned(prefix: str) -> str:
    """The indentation below a line that begins with ``prefix``, in which may be a comma: no spaces
    behind tabs."""
    indent = prefix.partition(",")[0]
    return indent if "\t" in indent else prefix.replace(",", " ")


def _named(key: str | None) -> str:
    return "" if key is None else f"{json.dumps(key, ensure_ascii=False)}: "


def _comment(comment: str, indent: str) -> str:
    return "".join(f"{indent}// {line}\n" for line in comment.splitlines())


def _on_one_line(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_named(key)}{_on_one_line(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_on_one_line, value))}]"
    return json.dumps(value, ensure_ascii=False)

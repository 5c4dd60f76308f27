"""Merges one TOML text into another: a pattern's wrangler.toml and cfpy.toml into those of the
pattern below it.

Tables are merged key by key. Tables of an array are matched by their identifying key, which for a
binding is ``binding``; others are added, with their comments. All other values of the upper text
replace those of the lower one, including plain arrays, so that an author sees a whole array in one
place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from cfpy.project.config_text import try_edit
from cfpy.project.edits import Append, Put, names
from cfpy.project.line_ends import BYTE_ORDER_MARK, lines_of
from cfpy.project.toml_layout import Block, blocks, comment_above, value_text

# The identifying keys of tables in an array, in wrangler.toml and cfpy.toml; the first that exists
# counts.
_IDENTITIES = (
    *("binding", "name", "queue", "index_name", "bucket_name", "property", "tag", "pattern", "id"),
)


def lay_over(below: str, above: str) -> str:
    """``below`` with ``above`` merged into it.

    Raises:
        tomllib.TOMLDecodeError: ``above`` does not parse.
        NoPlaceError: It can't be merged without changing something else.
    """
    overlay = _Overlay(above)
    return overlay.table(
        below, tomllib.loads(above), tomllib.loads(below.removeprefix(BYTE_ORDER_MARK)), ()
    )


class _Overlay:
    """The upper text and its structure. A path is a table's name and, if it is in an array, its
    index: ``("env", "staging", "d1_databases", 1)``."""

    def __init__(self, text: str) -> None:
        self._lines = lines_of(text)
        self._blocks = blocks(self._lines)

    def table(
        self,
        text: str,
        above: Mapping[str, Any],
        below: Mapping[str, Any],
        path: tuple[str | int, ...],
        own: tuple[str | int, ...] | None = None,
    ) -> str:
        """``text`` with the table ``above`` merged into ``below``, which is at ``path`` in it; in
        the upper text, the table is at ``own``."""
        own = path if own is None else own
        for key, value in above.items():
            there = below.get(key)
            if isinstance(value, Mapping) and isinstance(there, Mapping):
                text = self.table(text, value, there, (*path, key), (*own, key))
            elif _is_tables(value) and (_is_tables(there) or there is None):
                text = self._array(text, value, there or [], (*path, key), (*own, key))
            elif isinstance(value, Mapping) and there is None and self._written(*own, key):
                put = Put((*path, key), value, written=self._written(*own, key))
                text = try_edit(".toml", text, put)
            elif value != there:
                block = self._block(*own)
                comment = comment_above(self._lines, block, key) if block else ""
                written = (value_text(self._lines, block, key) or "") if block else ""
                put = Put((*path, key), value, comment=comment, written=written)
                text = try_edit(".toml", text, put)
        return text

    def _array(
        self,
        text: str,
        above: list[Mapping[str, Any]],
        below: list[Mapping[str, Any]],
        path: tuple[str | int, ...],
        own: tuple[str | int, ...],
    ) -> str:
        for index, item in enumerate(above):
            same = next((i for i, other in enumerate(below) if _same(item, other)), None)
            if same is None:
                entry = Append(path, item, self._written(*own, index))
                text = try_edit(".toml", text, entry)
            else:
                text = self.table(text, item, below[same], (*path, same), (*own, index))
        return text

    def _block(self, *path: str | int) -> Block | None:
        found = [block for block in self._blocks if block.name == names(path)]
        index = path[-1] if path and isinstance(path[-1], int) else 0
        return found[index] if index < len(found) else None

    def _written(self, *path: str | int) -> str:
        """The lines of a table and its nested tables, with the comment above; none if the table is
        written in another way."""
        block = self._block(*path)
        if block is None:
            return ""
        end = block.end
        for inner in self._blocks[self._blocks.index(block) + 1 :]:
            if inner.name[:-1][: len(block.name)] != block.name:
                break
            end = inner.end
        return "".join(self._lines[block.start : end]).rstrip("\n") + "\n"


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    key = next(_identities(one), None)
    return key is not None and one[key] == other.get(key)


def _identities(item: Mapping[str, Any]) -> Iterator[str]:
    return (key for key in _IDENTITIES if key in item)

"""The text of an HTML page, as a reader of it would see it.

``html.parser`` reads broken pages differently in each version of Python, and in some of them takes
minutes for a few that are made for it. Here no match fails after a long way: what is never closed
goes on to the end, as in browsers. So the time grows with the size alone. The page is read as
bytes: as text, one emoji makes it four times as large.
"""

import html
import re
from collections.abc import Iterator

_BLOCKS = frozenset(
    [
        *(b"address", b"article", b"aside", b"blockquote", b"br", b"button", b"caption", b"dd"),
        *(b"details", b"div", b"dl", b"dt", b"fieldset", b"figcaption", b"footer", b"form", b"h1"),
        *(b"h2", b"h3", b"h4", b"h5", b"h6", b"header", b"hr", b"legend", b"li", b"main", b"nav"),
        *(b"ol", b"optgroup", b"option", b"p", b"pre", b"section", b"summary", b"table", b"td"),
        *(b"textarea", b"th", b"title", b"tr", b"ul"),
    ]
)
_SILENT = frozenset([b"template", b"noscript", b"svg"])
_MARKUP = re.compile(
    rb"""
    <!--(?: -?> | .*?(?: --!?> | \Z ))
    | <(?P<end>/?)(?P<name>[a-z][^\s/>]*+)
      (?: [^>=]++ | =\s*+(?: "[^"]*+(?:"|\Z) | '[^']*+(?:'|\Z) )? )*+ (?:>|\Z)
    | <[!?/][^>]*+(?:>|\Z)
    """,
    re.X | re.A | re.I | re.S,
)
# What is between these tags is never markup.
_RAW = (b"script", b"style")
_RAW_END = {name: re.compile(rb"</%s[\s/>]|\Z" % name, re.A | re.I) for name in _RAW}
_RAW_NEXT = {name: re.compile(rb"<(/?)%s[\s/>]" % name, re.A | re.I) for name in _RAW}


def read_html(page: bytes) -> Iterator[str]:
    """What a page in UTF-8 shows: each block, and each cell of a table, on a line of its own."""
    empty = False
    for line in _lines(page):
        shown = " ".join(line.split())
        if shown or not empty:
            yield f"{shown}\n"
        empty = not shown


def _lines(page: bytes) -> Iterator[str]:
    parts: list[str] = []
    position, may_be_silent = 0, True
    while tag := _MARKUP.search(page, position):
        parts.append(html.unescape(page[position : tag.start()].decode()))
        position, name = _end(page, tag), _name(tag)
        if name in _BLOCKS:
            yield from ("".join(parts) + "\n").splitlines()
            parts = []
        elif may_be_silent and name in _SILENT and not tag["end"] and not _is_empty(tag):
            end = _end_of_silent(page, position)
            # Only what is closed is silent: the rest of a page must not go with it.
            may_be_silent = end is not None
            position = end or position
    parts.append(html.unescape(page[position:].decode()))
    yield from "".join(parts).splitlines()


def _name(tag: re.Match[bytes]) -> bytes:
    return (tag["name"] or b"").lower()


def _is_empty(tag: re.Match[bytes]) -> bool:
    return tag[0].endswith(b"/>")


def _end(page: bytes, tag: re.Match[bytes]) -> int:
    """Where the text goes on after a tag."""
    name = _name(tag)
    if tag["end"] or name not in _RAW:
        return tag.end()
    # HTML takes no notice of the slash in <script/>, which ends the element in XHTML and SVG. If
    # its end tag comes next, it is HTML.
    if _is_empty(tag):
        found = _RAW_NEXT[name].search(page, tag.end())
        return found.start() if found and found[1] else tag.end()
    found = _RAW_END[name].search(page, tag.end())
    return found.start() if found else tag.end()


def _end_of_silent(page: bytes, position: int) -> int | None:
    """Where an element ends whose content begins at ``position``; ``None`` if it never does."""
    depth = 1
    while depth and (tag := _MARKUP.search(page, position)):
        if _name(tag) in _SILENT and not _is_empty(tag):
            depth += -1 if tag["end"] else 1
        position = _end(page, tag)
    return None if depth else position

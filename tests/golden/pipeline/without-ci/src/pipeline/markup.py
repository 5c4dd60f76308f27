"""The text of an HTML page, as a reader of it would see it.

``html.parser`` reads broken pages differently in each version of Python, and in some of them takes
minutes for a few that are made for it. Here no match fails after a long way: what is never closed
goes on to the end, as in browsers. So the time grows with the size alone.
"""

from __future__ import annotations

import html
import re

_BLOCKS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "br", "button", "caption", "dd", "details"),
        *("div", "dl", "dt", "fieldset", "figcaption", "footer", "form", "h1", "h2", "h3", "h4"),
        *("h5", "h6", "header", "hr", "legend", "li", "main", "nav", "ol", "optgroup", "option"),
        *("p", "pre", "section", "summary", "table", "td", "textarea", "th", "title", "tr", "ul"),
    ]
)
_SILENT = frozenset(["template", "noscript", "svg"])
_MARKUP = re.compile(
    r"""
    <!--(?: -?> | .*?(?: --!?> | \Z ))
    | <(?P<end>/?)(?P<name>[a-z][^\s/>]*+)
      (?: [^>=]++ | =\s*+(?: "[^"]*+(?:"|\Z) | '[^']*+(?:'|\Z) )? )*+ (?:>|\Z)
    | <[!?/][^>]*+(?:>|\Z)
    """,
    re.X | re.A | re.I | re.S,
)
# What is between these tags is never markup.
_RAW_END = {name: re.compile(rf"</{name}[\s/>]|\Z", re.A | re.I) for name in ("script", "style")}


def read_html(text: str) -> str:
    """What a page shows: each block, and each cell of a table, on a line of its own."""
    lines = (" ".join(line.split()) for line in "".join(_shown(text)).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _shown(text: str) -> list[str]:
    parts: list[str] = []
    position = depth = silent_from = 0
    while markup := _MARKUP.search(text, position):
        parts.append(html.unescape(text[position : markup.start()]))
        position = markup.end()
        name = (markup["name"] or "").lower()
        if name in _BLOCKS:
            parts.append("\n")
        if markup[0].endswith("/>"):
            continue
        if name in _RAW_END and not markup["end"]:
            raw_end = _RAW_END[name].search(text, position)
            assert raw_end is not None  # The end of the text is one.
            position = raw_end.start()
        elif name in _SILENT and not markup["end"]:
            silent_from = silent_from if depth else len(parts)
            depth += 1
        elif name in _SILENT and depth:
            depth -= 1
            if not depth:
                # Only what is closed was silent: the rest of a page must not go with it.
                del parts[silent_from:]
    parts.append(html.unescape(text[position:]))
    return parts

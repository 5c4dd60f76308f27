"""Parses ``KEY=VALUE`` text as wrangler does.

wrangler reads ``.dev.vars`` and ``wrangler secret bulk`` with the npm package ``dotenv`` 16.3.1,
which it bundles: developers.cloudflare.com/workers/configuration/secrets, and ``parse`` in that
package. Its rules differ from those of a shell and of dotenv for Python: ``#`` starts a comment
anywhere outside quotes, ``KEY: value`` is an assignment, a backtick is a quote, and the only
escapes are ``\\n`` and ``\\r``, in double quotes. ``tests/runtime/test_env_files.py`` compares this
module with the pinned wrangler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# JavaScript's \s and its line ends, which differ from Python's.
_SPACES = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_ENDS = "\n\r\u2028\u2029"
_S = f"[{_SPACES}]"
_START = f"(?:\\A|(?<=[{_ENDS}]))"
_END = f"(?:\\Z|(?=[{_ENDS}]))"
_QUOTED = "|".join(rf"{_S}*{quote}(?:\\{quote}|[^{quote}])*{quote}" for quote in "'\"`")
_ASSIGNMENT = re.compile(
    f"{_START}{_S}*(?:export{_S}+)?(?P<key>[A-Za-z0-9_.-]+)"
    f"(?:{_S}*={_S}*?|:{_S}+?)"
    f"(?P<value>{_QUOTED}|[^#\r\n]+)?"
    f"{_S}*(?:#[^{_ENDS}]*)?{_END}"
)
_IN_QUOTES = re.compile(f"{_START}(['\"`])([\\s\\S]*)\\1{_END}")
_CLOSED = re.compile(r"(['\"`])(?:\\\1|(?!\\?\1).)*\1")
_TRIM = re.compile(f"\\A{_S}+|{_S}+\\Z")


def parse_dotenv(text: str) -> dict[str, str]:
    """Values by name; the last value of a name counts. Lines that assign nothing are skipped."""
    found: dict[str, str] = {}
    for match in _ASSIGNMENT.finditer(re.sub("\r\n?", "\n", text)):
        written = _TRIM.sub("", match["value"] or "")
        value = _IN_QUOTES.sub(lambda quoted: quoted[2], written)
        if written.startswith('"'):
            value = value.replace("\\n", "\n").replace("\\r", "\r")
        found[match["key"]] = value
    return found


def faulty_lines(text: str) -> Iterator[tuple[int, str]]:
    """The 1-based lines that wrangler skips, or reads otherwise than they look, and what is wrong.
    The sentences have nothing of the content, which may be a secret."""
    plain = re.sub("\r\n?", "\n", text.removeprefix("\ufeff"))
    rest, end = "", 0
    found: list[tuple[int, str]] = []
    for match in _ASSIGNMENT.finditer(plain):
        # Only the line ends stay of what was read.
        rest += plain[end : match.start()] + "\n" * match[0].count("\n")
        end = match.end()
        # White space in front of a name may contain line ends.
        number = plain.count("\n", 0, match.start("key")) + 1
        if what := _misread(match):
            found.append((number, what))
    rest += plain[end:]
    for number, line in enumerate(rest.split("\n"), 1):
        written = _TRIM.sub("", line)
        if written and not written.startswith("#"):
            found.append((number, "it is not NAME=VALUE, so it is skipped"))
    yield from sorted(found)


def _misread(match: re.Match[str]) -> str:
    value = match["value"] or ""
    written = _TRIM.sub("", value)
    if written[:1] in ("'", '"', "`") and not _IN_QUOTES.search(written):
        # With a # in it, the value ends before the closing quote.
        line = match.string[match.start("value") :].partition("\n")[0]
        if _CLOSED.match(_TRIM.sub("", line)):
            cut = ", which ends at the #" if _at_comment(match) else ""
            return f"text follows its closing quote, so the quotes are a part of the value{cut}"
        return "its quote is never closed, so the quote is a part of the value"
    if value and _at_comment(match) and not value[-1:].isspace() and not _IN_QUOTES.search(written):
        return "its value ends at the #: put it in quotes if the rest belongs to it"
    if match.string[match.end("key") : match.end()].startswith("=#"):
        return "its value is empty, because a # begins a comment: put it in quotes"
    return ""


def _at_comment(match: re.Match[str]) -> bool:
    """Whether a `#` ends the value."""
    return match.string[match.end("value") : match.end()].startswith("#")

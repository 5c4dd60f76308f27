"""One file of secrets in all forms that people write, and what the pinned wrangler makes of it."""

from __future__ import annotations

# The text of an assignment; its name; the value from `.dev.vars`; that from `.env`, which refers to
# other names by `$`, if it differs.
_ASSIGNMENTS: list[tuple[str, str, str, str | None]] = [
    ("PLAIN=a b  ", "PLAIN", "a b", None),
    (" export EXPORTED = spaced  # note", "EXPORTED", "spaced", None),
    ("SINGLE='single \\n #x'", "SINGLE", "single \\n #x", None),
    ('DOUBLE="double \\n #x $PLAIN"', "DOUBLE", "double \n #x $PLAIN", "double \n #x a b"),
    ("BACKTICKS=`back 'tick' \"q\"`", "BACKTICKS", "back 'tick' \"q\"", None),
    # Not LINES, which Python's readline puts into the environment.
    ('SEVERAL="line1\nline2\n\nline4"', "SEVERAL", "line1\nline2\n\nline4", None),
    ("LINES_1='l1\nl2'", "LINES_1", "l1\nl2", None),
    ("HASH_INSIDE=abc#def", "HASH_INSIDE", "abc", None),
    ("EMPTY=", "EMPTY", "", None),
    ('EMPTY_QUOTED=""', "EMPTY_QUOTED", "", None),
    ("TWICE=1\nTWICE=2", "TWICE", "2", None),
    ("REF=$PLAIN", "REF", "$PLAIN", "a b"),
    ("REF_BRACES=${PLAIN}", "REF_BRACES", "${PLAIN}", "a b"),
    ("REF_DEFAULT=${NOPE:-other}", "REF_DEFAULT", "${NOPE:-other}", "other"),
    ("REF_ESCAPED=\\$PLAIN", "REF_ESCAPED", "\\$PLAIN", "$PLAIN"),
    ("REF_NOWHERE=$NOPE", "REF_NOWHERE", "$NOPE", ""),
    ("REF_SINGLE='$PLAIN'", "REF_SINGLE", "$PLAIN", "a b"),
    ("SCRIPTS=é日😀", "SCRIPTS", "é日😀", None),
    ("YAML: value", "YAML", "value", None),
    ('JSON={"a": [1, "x"]}', "JSON", '{"a": [1, "x"]}', None),
    ("DASH-ED=x", "DASH-ED", "x", None),
    ("DOT.TED=y", "DOT.TED", "y", None),
    ("=no name\njust text\nBACKSLASHES=C:\\temp\\new", "BACKSLASHES", "C:\\temp\\new", None),
    ('ESCAPED="a\\"b"', "ESCAPED", 'a\\"b', None),
    ("TABS\t=\ttabbed\t", "TABS", "tabbed", None),
    ("BASE64=YWJj==", "BASE64", "YWJj==", None),
    ("ADDRESS=postgres://u:p@h/d?x=1#f", "ADDRESS", "postgres://u:p@h/d?x=1", None),
    ("DOLLARS=pa$$word", "DOLLARS", "pa$$word", "pa$"),
    ("LIKE_A_NUMBER=123", "LIKE_A_NUMBER", "123", None),
    ('NO_END="abc', "NO_END", '"abc', None),
    ("OLD_MAC=a\rOLD_MAC_2=b", "OLD_MAC_2", "b", None),
]


def odd_secrets(before: bytes) -> bytes:
    """A file with a byte order mark, lines of Windows and bytes that are not UTF-8, after what was
    there."""
    text = "\n".join(text for text, *_ in _ASSIGNMENTS)
    lines = (b"\n" + text.encode()).replace(b"\n", b"\r\n")
    return b"\xef\xbb\xbf" + before + lines + b"\r\nLATIN=\xff\xfe\r\n"


def expected(*, expands: bool) -> dict[str, str]:
    """The values by name: from `.dev.vars`, or from `.env`."""
    values = {
        name: other if expands and other is not None else value
        for _, name, value, other in _ASSIGNMENTS
    }
    # Each byte that is not UTF-8 is one such character.
    return {**values, "OLD_MAC": "a", "LATIN": "\ufffd\ufffd"}

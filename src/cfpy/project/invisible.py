"""Characters that look like a space or like nothing, and are no space to a parser."""

from __future__ import annotations

import unicodedata

_SPACES = " \t\r\n"
# Zs, Zl and Zp are spaces and ends of lines; Cf and Cc have no shape.
_CATEGORIES = {"Zs", "Zl", "Zp", "Cf", "Cc"}
# Letters and marks without a shape: fillers, a blank of Braille, selectors of variants.
_BLANK = {0x034F, 0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)}
#: What to do about one.
HINT = "Delete it, and write a plain space if one belongs there."


def is_invisible(character: str) -> bool:
    """Whether one character can't be seen, and is not the plain space, tab or end of a line."""
    if character in _SPACES:
        return False
    return unicodedata.category(character) in _CATEGORIES or ord(character) in _BLANK


def described(character: str) -> str:
    """What an invisible character is called: ``a no-break space (U+00A0)``."""
    # The byte order mark has an older name in Unicode.
    name = "byte order mark" if character == "\ufeff" else unicodedata.name(character, "").lower()
    name = name or "control character"
    article = "an" if name[0] in "aeiou" else "a"
    return f"{article} {name} (U+{ord(character):04X})"

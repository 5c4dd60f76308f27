"""Turns the bytes of a file into text, or says why they are none.

What is not certain is refused: a letter that was read wrongly is never found again.
"""

from __future__ import annotations

import codecs
import re

# The mark of UTF-32 comes before that of UTF-16, which is its beginning.
_MARKS = (
    (codecs.BOM_UTF8, "UTF-8"),
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)
# So much of a beginning that a text about the format has another.
_FORMATS = (
    (rb"%PDF-\d\.\d\s*(?:[\r\n]|\Z)", "a PDF file"),
    (rb"\{\\rtf\d", "an RTF file"),
    (rb"PK\x03\x04", "a ZIP file"),
)
# Letters beyond ASCII of languages that are written in Windows-1252. Other code pages have other
# letters in these places: what mixes two lines here is one of theirs.
_ALPHABETS = (
    "äöüßéèàêç",  # German
    "àâæçéèêëîïôœùûüÿ",  # French
    "áéíñóúüç",  # Spanish
    "àèéìòùî",  # Italian
    "àáâãçéêíóôõú",  # Portuguese
    "åäöéü",  # Swedish, Finnish
    "æøåéèêóòô",  # Danish, Norwegian
    "áéëïóöüèê",  # Dutch
    "àçèéíïòóúü",  # Catalan
)
_SYMBOLS = set("€‚„…‘’“”•–—™¡¢£¥§©ª«®°±²³´¶·¹º»¼½¾¿×÷\xa0\xad")
_INSIDE_WORDS = "’‘·…–—\xa0\xad"
# A sign in the middle of a word, or an opening quote at the end of one.
_MISPLACED = re.compile(rf"[^\W\d_](?:[^\w\x00-\x7f{_INSIDE_WORDS}][^\W\d_]|[„‚])")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_CONVERT = "convert it, for example with: iconv -f ENCODING -t UTF-8"


class NotTextError(Exception):
    """The bytes are not text, or in an unknown encoding; the message explains it."""


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file, and the name of its encoding.

    A byte order mark decides. Without one it is UTF-8, or UTF-16 where every second byte is zero,
    or Windows-1252 (which Latin-1 is a part of) where that gives words of one language.

    Raises:
        NotTextError: It is not one of these.
    """
    for beginning, name in _FORMATS:
        if re.match(beginning, data):
            raise NotTextError(f"it is {name}: turn it into text first")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _checked(_strictly(data.removeprefix(mark), encoding)), encoding
    if b"\0" in data:
        return _without_mark(data)
    try:
        return _checked(data.decode("utf-8")), "UTF-8"
    except UnicodeDecodeError as error:
        return _windows_1252(data, error.start), "Windows-1252"


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        where = f"at byte {error.start}"
        raise NotTextError(f"it is marked as {encoding} and is not, {where}: {_CONVERT}") from None


def _checked(text: str) -> str:
    """The text, without the end mark of DOS; a stray control character is let pass."""
    text = text.removesuffix("\x1a")
    controls = len(_CONTROLS.findall(text))
    # Escape starts the switches of ISO-2022, a code of Japanese and Korean mail.
    if "\0" in text or "\x1b" in text or controls * 100 > len(text):
        raise NotTextError("it is no text: it has control characters")
    return text


def _without_mark(data: bytes) -> tuple[str, str]:
    """UTF-16 without a mark: spaces and Latin letters have a zero byte, all on one side."""
    sides = (("UTF-16LE", data[1::2], data[0::2]), ("UTF-16BE", data[0::2], data[1::2]))
    for encoding, high, low in sides:
        if 0 not in low and high.count(0) * 10 > len(high):
            text = data.decode(encoding, "replace")
            if all(char.isprintable() or char.isspace() for char in text.replace("\ufffd", "\0")):
                return text, encoding
    raise NotTextError("it is no text: it has zero bytes")


def _windows_1252(data: bytes, bad_byte: int) -> str:
    beyond_ascii = [char for char in data.decode("utf-8", "ignore") if not char.isascii()]
    high_bytes = sum(byte > 127 for byte in data)
    if sum(len(char.encode()) for char in beyond_ascii) * 4 > high_bytes * 3:
        raise NotTextError(f"it is damaged UTF-8, at byte {bad_byte}: save it again")
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = ""
    letters = [char for char in text.lower() if char.isalpha()]
    foreign = {char for char in letters if not char.isascii()} - set("ªº")
    others = {char for char in text if not char.isascii() and not char.isalpha()}
    if (
        not text
        or _CONTROLS.search(text)
        or _MISPLACED.search(text)
        or others - _SYMBOLS
        or not any(foreign <= set(alphabet) for alphabet in _ALPHABETS)
        or sum(not char.isascii() for char in letters) * 2 > len(letters)
    ):
        raise NotTextError(f"it is not UTF-8, at byte {bad_byte}: {_CONVERT}")
    return text

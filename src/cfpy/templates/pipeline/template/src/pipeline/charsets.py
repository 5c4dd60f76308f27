"""Characters out of bytes: the right ones, or an error that says what to do.

A file without a mark or a declared charset is read as UTF-8. If it is not, it may be windows-1252,
as browsers take it, and as Excel writes CSV in Western Europe, or UTF-16. These are the only
guesses, the result says so, and a file that would show other letters than its author's is refused.
"""

import codecs
import re

from jobs.job import Charset, Unprocessable

# UTF-32 first: its mark begins like that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python's names. It also has codecs that are not charsets, or that hostile input makes slow.
_CODECS = frozenset(
    [
        *("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"),
        *(f"cp125{number}" for number in range(9)),
        *(f"iso8859-{number}" for number in (*range(2, 9), 10, *range(13, 17))),
        *("cp437", "cp850", "cp852", "cp866", "cp874", "koi8-r", "koi8-u"),
        *("mac-roman", "mac-cyrillic", "mac-greek", "mac-latin2", "mac-turkish"),
        *("cp932", "euc_jp", "iso2022_jp", "gb18030", "big5hkscs", "cp949"),
    ]
)
_SEVERAL_BYTES = frozenset(["cp932", "euc_jp", "gb18030", "big5hkscs", "cp949"])
# So much is UTF-8 by no accident: bytes for UTF-16, where a line's end or a space has a zero byte
# and most characters a byte that no text has, and characters for charsets of several bytes.
_SURE = 16
_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1f\x7f-\x9f]")
# What a label stands for on the web: https://encoding.spec.whatwg.org/#names-and-labels
_MEANT = {
    "ascii": "utf-8",
    "utf-8-sig": "utf-8",
    "utf-16": "utf-16-le",
    "utf-32": "utf-32-le",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
}
_LABEL = r"""\s*=\s*["']?\s*([\w.:+-]{1,40})"""
_PARAMETER = re.compile(rf";\s*charset{_LABEL}", re.A | re.I)
# Browsers look for it in the first 1,024 bytes.
_IN_PAGE = re.compile(
    rf"<(?:\?xml\s[^>]*?\bencoding|meta\s[^>]*?\bcharset){_LABEL}".encode(), re.A | re.I
)
_PAGE_HEAD_BYTES = 1_024
GZIPPED = "compressed with gzip"
# Files whose names end in .txt or .csv by mistake: what they begin with, and what they are.
_SIGNATURES = {
    b"PK\x03\x04": "a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old document of Excel or Word",
    b"\x1f\x8b": GZIPPED,
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
    b"GIF8": "a GIF",
}
# What no text in a Western European language has, as windows-1252 shows other charsets: controls,
# letters of its neighbours, symbols inside of words, and words without an English letter.
_NOT_WESTERN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9fŠŽšžŸ]|[À-ÖØ-öø-ÿ]{4}"
    "|[A-Za-zÀ-ÖØ-öø-ÿ][€‚„†‡‰‹“”•™›¡-§©«¬¯-³¶¸¹»-¿×÷]+[A-Za-zÀ-ÖØ-öø-ÿ]"
)
_ASCII = bytes(range(128))
_ASCII_LETTERS = bytes(code for code in _ASCII if chr(code).isalpha())
_ACCENTED_LETTERS = bytes(range(0xC0, 0x100))
_UTF_8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")


def declared_charset(content_type: str) -> str:
    """The charset that a Content-Type names, in lower case; empty if it names none."""
    found = _PARAMETER.search(content_type)
    return found[1].lower() if found else ""


def codec_of(label: str) -> str | None:
    """Python's name of a charset; ``None`` if the service does not know it."""
    try:
        name = codecs.lookup(label.lower().removeprefix("x-")).name
    except LookupError:
        return None
    name = _MEANT.get(name, name)
    return name if name in _CODECS else None


def binary_kind(data: bytes) -> str:
    """What a file is that is known not to be text; empty for all others."""
    return next((what for mark, what in _SIGNATURES.items() if data.startswith(mark)), "")


def looks_like_text(data: bytes, charset: str) -> bool:
    """Whether a file of which nothing is known could be text."""
    readable = charset or _marked(data) or _without_mark(data) or b"\0" not in data
    return bool(readable) and not binary_kind(data)


def decode(data: bytes, media_type: str, charset: str) -> tuple[str, Charset]:
    """The characters of a file, and how it is written.

    A byte order mark counts more than what the sender says, and that more than what a page says of
    itself, as in browsers.

    Args:
        data: The file.
        media_type: What it is, without parameters.
        charset: What its sender says that it is written in; empty if nothing.

    Raises:
        Unprocessable: It has another charset, or is not text.
    """
    if what := binary_kind(data):
        raise Unprocessable(f"The file is no {media_type}: it is {what}. Send text.")
    guess = _without_mark(data)
    mark = _marked(data) or guess
    said = "" if mark else charset or _in_page(data, media_type)
    text, found = _decoded(data, mark or codec_of(said) or "utf-8", said, media_type)
    if "\0" in text:
        raise Unprocessable("The file is no text: it holds null bytes. Save it as UTF-8.")
    if guess and codec_of(charset) != guess:
        found = Charset(guess, guessed=True)
    return text.removeprefix("\ufeff"), found


def _decoded(data: bytes, codec: str, said: str, media_type: str) -> tuple[str, Charset]:
    if codec != "utf-8" and (text := _really_utf_8(data, codec)) is not None:
        return text, Charset("utf-8")
    try:
        return data.decode(codec), Charset(said or codec)
    except UnicodeDecodeError as error:
        if not said and codec == "utf-8" and (text := _western(data)) is not None:
            return text, Charset("windows-1252", guessed=True)
        line = data.count(b"\n", 0, error.start) + 1
        raise Unprocessable(
            f"The file is not {said or codec.upper()}, as line {line} shows. Save it as UTF-8, or "
            f'send its charset with it, as in "Content-Type: {media_type}; charset=windows-1251".'
        ) from None


def _western(data: bytes) -> str | None:
    """The text of a file in windows-1252; ``None`` if it is rather something else."""
    # Damaged UTF-8 is mostly UTF-8, and other alphabets have few English letters.
    valid = sum(len(found[0]) for found in _UTF_8_SEQUENCE.finditer(data))
    if 2 * valid > len(data.translate(None, _ASCII)):
        return None
    if _count(data, _ACCENTED_LETTERS) > _count(data, _ASCII_LETTERS):
        return None
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    return None if _NOT_WESTERN.search(text) else text


def _count(data: bytes, wanted: bytes) -> int:
    return len(data) - len(data.translate(None, wanted))


def _really_utf_8(data: bytes, codec: str) -> str | None:
    """The text of a file that is UTF-8 for certain, though something else is said.

    Servers and editors name a charset without having looked. Text in one of a byte a character is
    not UTF-8 by accident; in one of more bytes, a few characters can be.
    """
    # The first switches between sets of letters by codes that are ASCII.
    if codec == "iso2022_jp" or b"\0" in data:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if codec.startswith("utf-"):
        return text if len(data) >= _SURE and not _CONTROLS.search(text) else None
    several = codec in _SEVERAL_BYTES and not text.isascii()
    return text if not several or sum(char > "\x7f" for char in text) >= _SURE else None


def _marked(data: bytes) -> str | None:
    """The codec that the byte order mark of a file stands for."""
    return next((codec for mark, codec in _MARKS if data.startswith(mark)), None)


def _without_mark(data: bytes) -> str | None:
    """The codec of a file that is UTF-16 by all appearances, though it has no mark."""
    if _marked(data):
        return None
    # Every other byte of Latin letters, digits and spaces is zero.
    characters, odd = divmod(len(data), 2)
    high, low = data[1::2].count(0), data[::2].count(0)
    if odd or max(high, low) <= characters // 2 or min(high, low) > characters // 10:
        return None
    return "utf-16-le" if high > low else "utf-16-be"


def _in_page(data: bytes, media_type: str) -> str:
    """What a page says of itself; empty if that is nothing."""
    found = media_type == "text/html" and _IN_PAGE.search(data[:_PAGE_HEAD_BYTES])
    label = found[1].decode().lower() if found else ""
    # It could not be read here if it were UTF-16 or UTF-32.
    unknown = not label or (codec_of(label) or "utf-16").startswith(("utf-16", "utf-32"))
    return "" if unknown else label

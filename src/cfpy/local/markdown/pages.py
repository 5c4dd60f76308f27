"""Converts web pages, Word documents and XML to Markdown."""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from cfpy.local.markdown.failure import ConversionError
from cfpy.local.markdown.formats import detect
from cfpy.local.markdown.images import describe
from cfpy.local.markdown.text import decoded

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

#: Cloudflare's limit of embedded images that are described, for a document.
MAX_IMAGES = 10
_IGNORED = ["script", "style", "noscript", "template"]
_META = {"title": "title", "description": "description", "image": "og:image"}


def from_html(data: bytes, options: Mapping[str, Any]) -> str:
    """A page as developers.cloudflare.com/workers-ai/features/markdown-conversion/how-it-works
    describes it: without scripts, header and footer, or only what ``cssSelector`` selects."""
    soup = _parse(decoded(data))
    front, linked = _front_matter(soup), _linked_data(soup)
    base = soup.find("base", href=True)
    host = str(options.get("hostname") or (base["href"] if base else ""))
    if host and "://" not in host:
        host = f"https://{host}"
    selector = options.get("cssSelector")
    if selector:
        soup = _selected(soup, selector)
    for tag in soup([*_IGNORED, *([] if selector else ["header", "footer", "head"])]):
        tag.decompose()
    if host:
        for link in soup("a", href=True):
            link["href"] = urljoin(host, str(link["href"]))
    return front + _markdown(soup, options.get("images") or {}) + linked


def from_docx(data: bytes, options: Mapping[str, Any]) -> str:
    """A Word document by its styles."""
    import mammoth

    html = mammoth.convert_to_html(io.BytesIO(data)).value
    return _markdown(_parse(html), options.get("images") or {})


def from_xml(data: bytes) -> str:
    """The document itself, as code.

    Raises:
        ConversionError: It is not well-formed.
    """
    import xml.parsers.expat

    text = decoded(data).strip()
    try:
        xml.parsers.expat.ParserCreate().Parse(data, True)
    except xml.parsers.expat.ExpatError as error:
        raise ConversionError(f"the document is not valid XML: {error}") from None
    return f"```xml\n{text}\n```\n"


def _parse(html: str) -> BeautifulSoup:
    import warnings

    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return BeautifulSoup(html, "html.parser")


def _selected(soup: BeautifulSoup, selector: str) -> BeautifulSoup:
    from soupsieve import SelectorSyntaxError

    try:
        found = soup.select(selector)
    except SelectorSyntaxError as error:
        reason = str(error).splitlines()[0]
        raise ConversionError(f"cssSelector {selector!r} is not valid: {reason}") from None
    inside = {id(each) for each in found}
    outer = [each for each in found if not any(id(parent) in inside for parent in each.parents)]
    return _parse("\n".join(str(each) for each in outer))


def _front_matter(soup: BeautifulSoup) -> str:
    found = {}
    for name, key in _META.items():
        names = [key, f"og:{name}"]
        tag = soup.find("meta", attrs={"name": names}) or soup.find("meta", property=names)
        value = str(tag.get("content") or "") if tag else ""
        if name == "title" and soup.title:
            value = soup.title.get_text() or value
        if value.strip():
            found[name] = " ".join(value.split())
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in found.items()]
    return "\n".join(["---", *lines, "---", "", ""]) if lines else ""


def _linked_data(soup: BeautifulSoup) -> str:
    scripts = soup("script", type="application/ld+json")
    return "".join(f"\n```json\n{each.get_text().strip()}\n```\n" for each in scripts)


def _markdown(soup: BeautifulSoup, images: Mapping[str, Any]) -> str:
    from markdownify import MarkdownConverter

    left = min(int(images.get("maxConvertedImages", MAX_IMAGES)), MAX_IMAGES)
    for image in soup("img"):
        words = _described(str(image.get("src") or "")) if images.get("convert") and left else ""
        left -= bool(words)
        image.replace_with(words)
    # Or the spaces on both sides of an image that is gone would count as those at an end.
    soup.smooth()
    converter = MarkdownConverter(heading_style="atx", bullets="-")
    return str(converter.convert_soup(soup)).strip() + "\n"


def _described(source: str) -> str:
    """What stands for an embedded image; empty if it is not embedded, or not an image."""
    head, _, body = source.partition(",")
    if not (head.startswith("data:image/") and head.endswith(";base64")):
        return ""
    try:
        data = base64.b64decode(body)
        return describe(data, detect("", head.removeprefix("data:").partition(";")[0], data))
    except (binascii.Error, ConversionError, KeyError):
        return ""

"""Which addresses may be fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.limits import MAX_URL_CHARS
from pipeline.urls import UrlRefused, check_url, follow

_LINES = Path(__file__).with_name("hostile_urls.txt").read_text("utf-8").splitlines()
HOSTILE = [line for line in _LINES if line and not line.startswith("# ")]


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_addresses_are_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(url)


@pytest.mark.parametrize("url", HOSTILE)
def test_so_are_redirects_to_them(url: str) -> None:
    # What is relative to the address it stands at is at the same host, and harmless.
    try:
        followed = follow("https://docs.example.org/a", url)
    except UrlRefused:
        return
    assert followed.startswith("https://docs.example.org/")


@pytest.mark.parametrize("character", ["\t", "\n", "\r", "\0", " ", "\x7f", "\u200b", "\u00ad"])
def test_invisible_characters_are_refused(character: str) -> None:
    for url in (f"https://docs.example{character}.org/", f"{character}https://docs.example.org/"):
        with pytest.raises(UrlRefused):
            check_url(url)


def test_long_addresses_are_refused() -> None:
    with pytest.raises(UrlRefused, match=str(MAX_URL_CHARS)):
        check_url("https://docs.example.org/" + "a" * MAX_URL_CHARS)


def test_a_name_that_stands_for_an_address_is_refused_in_plain_words() -> None:
    with pytest.raises(UrlRefused, match="^has a host name that can point to any IP address"):
        check_url("https://127.0.0.1.nip.io/")


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("https://docs.example.org", "https://docs.example.org/"),
        ("HTTPS://Docs.Example.ORG:443/A.txt", "https://docs.example.org/A.txt"),
        (
            "https://a.b-c.co.uk/x;y=1/@z?q=%20&r=a/b#frag",
            "https://a.b-c.co.uk/x;y=1/@z?q=%20&r=a/b",
        ),
        ("https://xn--bcher-kva.de/", "https://xn--bcher-kva.de/"),
        ("https://127.0.0.1.example.org/", "https://127.0.0.1.example.org/"),
    ],
)
def test_what_is_fetched_is_put_together_anew(url: str, checked: str) -> None:
    assert check_url(url) == checked


def test_a_list_of_hosts_holds_for_redirects_too() -> None:
    allowed = {"docs.example.org"}
    assert check_url("https://docs.example.org/a", allowed)
    with pytest.raises(UrlRefused):
        check_url("https://example.org/a", allowed)
    with pytest.raises(UrlRefused):
        follow("https://docs.example.org/a", "https://example.org/a", allowed)


def test_a_relative_redirect() -> None:
    assert follow("https://docs.example.org/a/b?c", "../d") == "https://docs.example.org/d"

"""Which addresses may be fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.limits import MAX_URL_CHARS
from jobs.urls import UrlRefused, check_url, follow

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


@pytest.mark.parametrize(
    "character", ["\t", "\n", "\r", "\0", " ", "\x7f", "\u200b", "\u00ad", "\u3000"]
)
def test_invisible_characters_are_refused(character: str) -> None:
    for url in (
        f"https://docs.example{character}.org/",
        f"{character}https://docs.example.org/",
        f"https://docs.example.org/a{character}",
        f"https://docs.example.org/?a{character}",
    ):
        with pytest.raises(UrlRefused):
            check_url(url)


def test_long_addresses_are_refused() -> None:
    with pytest.raises(UrlRefused, match=str(MAX_URL_CHARS)):
        check_url("https://docs.example.org/" + "a" * MAX_URL_CHARS)


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
        ("https://a.example.org/?a[]=1&b[x]=2", "https://a.example.org/?a%5B%5D=1&b%5Bx%5D=2"),
        ("https://a.example.org/Köln?q=Straße", "https://a.example.org/K%C3%B6ln?q=Stra%C3%9Fe"),
        ("https://a.example.org/K%C3%B6ln", "https://a.example.org/K%C3%B6ln"),
        ("https://a.example.org/文.txt#文", "https://a.example.org/%E6%96%87.txt"),
        (
            'https://a.example.org/{x}|y^"?f={"a":1}',
            "https://a.example.org/%7Bx%7D%7Cy%5E%22?f=%7B%22a%22:1%7D",
        ),
        ("https://a.example.org/a／b", "https://a.example.org/a%EF%BC%8Fb"),
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


def test_the_length_of_an_address_is_that_of_what_is_fetched() -> None:
    with pytest.raises(UrlRefused, match=str(MAX_URL_CHARS)):
        check_url("https://docs.example.org/" + "ö" * 400)


def test_a_host_in_other_letters_is_refused_with_an_example() -> None:
    with pytest.raises(UrlRefused, match="xn--"):
        check_url("https://köln.example.org/")


def test_a_relative_redirect() -> None:
    assert follow("https://docs.example.org/a", "/Köln?a[]=1").endswith("/K%C3%B6ln?a%5B%5D=1")
    assert follow("https://docs.example.org/a/b?c", "../d") == "https://docs.example.org/d"

"""The script that has web pages indexed: lists, sitemaps, and what can go wrong with either."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

import ingest_urls
from client import CallError
from fakes import World
from ingest_urls import NoListError, addresses
from job_services import Page

SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="urn:images">
  <url><loc>https://docs.example.org/a</loc><lastmod>2026-11-26</lastmod>
    <image:image><image:loc>https://docs.example.org/a.png</image:loc></image:image></url>
  <url><loc>
    https://docs.example.org/b?x=1&amp;y=2 </loc></url>
  <url><loc>https://docs.example.org/a</loc></url>
</urlset>"""
PLACES = ["https://docs.example.org/a", "https://docs.example.org/b?x=1&y=2"]


class Direct:
    """Calls the application; each look at a job lets the queue deliver."""

    def __init__(self, world: World) -> None:
        self.world = world

    def call(self, method: str, path: str, body: Any = None) -> Any:
        if method == "GET":
            self.world.deliver()
        status, reply = self.world.call(method, path, body)
        if status >= 400:
            errors = [(error["pointer"], error["detail"]) for error in reply["errors"]]
            raise CallError(reply["detail"], everywhere=False, errors=errors)
        return reply


@pytest.mark.parametrize(
    "content",
    [
        SITEMAP.encode(),
        b"\xef\xbb\xbf" + SITEMAP.encode(),
        gzip.compress(SITEMAP.encode()),
        f"# mine\n\n{PLACES[0]}\r\n  {PLACES[1]}\n{PLACES[0]}".encode(),
    ],
)
def test_lists_and_sitemaps(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    assert addresses([str(source)]) == PLACES


def test_an_index_of_sitemaps_leads_to_others_but_not_to_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = ("https://a.example.org/1.xml", "https://a.example.org/1.xml", "/etc/passwd")
    entries = "".join(f"<sitemap><loc>{place}</loc></sitemap>" for place in places)
    index = f"<sitemapindex>{entries}</sitemapindex>".encode()
    read: list[str] = []

    def fake(source: str) -> bytes:
        read.append(source)
        return SITEMAP.encode() if source == places[0] else index

    monkeypatch.setattr(ingest_urls, "_read", fake)
    assert addresses(["index.xml"]) == PLACES
    assert read == ["index.xml", places[0]]


@pytest.mark.parametrize("content", [b"<urlset>", gzip.compress(b"x" * 99)[:-9]])
def test_what_is_neither(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    with pytest.raises(NoListError):
        addresses([str(source)])
    with pytest.raises(NoListError, match="can't be read"):
        addresses([str(tmp_path / "nowhere")])


@pytest.mark.parametrize("content", [b"", b"# none\n", b"E-1 quota\nhttp://a.example\n"])
def test_a_file_without_an_address_is_no_list(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "errors.md"
    source.write_bytes(content)
    with pytest.raises(NoListError, match=r"errors\.md has no line that begins with https://"):
        addresses([str(source)])


def test_a_server_that_is_down_is_told_and_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.monotonic", lambda: now)
    world, down = World(), "https://down.example.org/"
    world.web = {down: Page(b"", 503), PLACES[0]: Page(b"Whales swim.")}
    client: Any = Direct(world)
    [failure] = ingest_urls.ingest(client, [down, PLACES[0]])
    assert failure.startswith(f"{down}: no job has ended for 300 s")
    assert "its server answered 503." in failure
    told = capsys.readouterr()
    # What was sent after it does not wait for it.
    assert f"indexed    {PLACES[0]}" in told.out
    assert f"1 of 2 jobs have ended. Waiting for {down}: " in told.err
    assert len(told.err.splitlines()) < 30


def test_what_goes_in_and_what_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    world, gone = World(), "https://docs.example.org/gone"
    world.web = {PLACES[0]: Page(b"Whales swim."), gone: Page(b"", 404)}
    client: Any = Direct(world)
    failed = ingest_urls.ingest(client, [PLACES[0], gone, "http://localhost/"])
    assert failed == [
        "http://localhost/: it must begin with https://",
        f"{gone}: Its server answered 404.",
    ]
    assert f"indexed    {PLACES[0]}" in capsys.readouterr().out
    assert len(world.search("whales")) == 1

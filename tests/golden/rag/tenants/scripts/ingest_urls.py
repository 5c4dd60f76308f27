"""Has the Worker fetch and index web pages and files: those of a list, or of a sitemap.

    python3 scripts/ingest_urls.py addresses.txt
    python3 scripts/ingest_urls.py https://example.org/sitemap.xml --only /docs/

A list has an address in each line; lines that start with # are left out. An address is the id of
its document; one with other signs than an id may have, such as ?, is so with a digest at its end.
Each becomes a job of the Worker, which fetches public https addresses alone. The
script ends when all jobs have ended, or when none has for five minutes: the Worker tries an address
whose server is down again for days. Jobs go on without the script, and it can be run again.
"""

from __future__ import annotations

import gzip
import io
import sys
import time
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from client import CallError, Client, argument_parser, make_client
from documents import shown

# A sitemap has at most 50 MB and 50,000 addresses (sitemaps.org/protocol.html).
_MAX_BYTES = 50_000_000
_MAX_SITEMAPS = 100
_TIMEOUT = 60
# Seconds after a look at a job that has not ended: far fewer looks than the rate limit allows.
_PAUSE = 1
# Seconds in which no job ends: then the script says what it waits for, and at last gives up.
_QUIET = 15
_PATIENCE = 300


class NoListError(Exception):
    """There are no addresses; the message says why."""


def addresses(sources: Sequence[str]) -> list[str]:
    """The addresses in lists and sitemaps, which are files or at an https address, each once.

    Raises:
        NoListError: One can't be read.
    """
    found: list[str] = []
    waiting, seen = list(sources), set[str]()
    while waiting:
        source = waiting.pop(0)
        if source in seen:
            continue
        seen.add(source)
        if len(seen) > _MAX_SITEMAPS:
            raise NoListError(f"there are more than {_MAX_SITEMAPS} sitemaps: name fewer")
        content = _read(source)
        if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            lines = (line.strip() for line in content.decode("utf-8-sig", "replace").splitlines())
            some = [line for line in lines if line and not line.startswith("#")]
            if not any(line.startswith("https://") for line in some):
                raise NoListError(f"{shown(source)} has no line that begins with https://")
            found += some
            continue
        try:
            root = ElementTree.fromstring(content)
        except ElementTree.ParseError as error:
            raise NoListError(f"{shown(source)} is no sitemap: {error}") from None
        places = [place.strip() for place in _locations(root)]
        if root.tag.endswith("sitemapindex"):
            # A sitemap must not make this machine read its own files.
            waiting += [place for place in places if place.startswith("https://")]
        else:
            found += places
    return list(dict.fromkeys(found))


def _locations(root: ElementTree.Element) -> Iterator[str]:
    for entry in root:
        for child in entry:
            # Others, such as those of images, are in entries of their own.
            if child.tag.rpartition("}")[2] == "loc" and child.text:
                yield child.text


def _read(source: str) -> bytes:
    try:
        if source.startswith(("https://", "http://")):
            with urllib.request.urlopen(source, timeout=_TIMEOUT) as response:
                content: bytes = response.read(_MAX_BYTES + 1)
        else:
            content = Path(source).read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(_MAX_BYTES + 1)
    except (OSError, EOFError, ValueError) as error:
        raise NoListError(f"{shown(source)} can't be read: {error}") from None
    if len(content) > _MAX_BYTES:
        raise NoListError(f"{shown(source)} has more than {_MAX_BYTES:,} bytes")
    return content


def ingest(client: Client, urls: Sequence[str]) -> list[str]:
    """Have all addresses indexed; return those that did not go in, with the reasons.

    Raises:
        CallError: The Worker does not answer.
    """
    failed, jobs = [], {}
    for url in urls:
        try:
            jobs[url] = client.call("POST", "/documents", {"url": url})["id"]
        except CallError as error:
            if error.everywhere:
                raise
            reasons = "; ".join(detail for _, detail in error.errors)
            failed.append(f"{shown(url)}: {f'it {reasons}' if reasons else error}")
    return failed + _wait(client, jobs)


def _wait(client: Client, jobs: dict[str, str]) -> list[str]:
    """Look at jobs, by their addresses, until they have ended, or none has for a while; return the
    addresses that did not go in, with the reasons."""
    failed, waiting = [], dict.fromkeys(jobs, "")
    ended = told = time.monotonic()
    while waiting and time.monotonic() - ended < _PATIENCE:
        for url in list(waiting):
            job = client.call("GET", f"/jobs/{jobs[url]}")
            if job["status"] in ("done", "failed"):
                del waiting[url]
                [outcome] = job["documents"] or [{"status": "failed", "detail": job["error"]}]
                print(f"{outcome['status']:<9}  {shown(url)}", flush=True)
                if "detail" in outcome:
                    failed.append(f"{shown(url)}: {outcome['detail']}")
                ended = told = time.monotonic()
                continue
            waiting[url] = _reason(job)
            if time.monotonic() - told >= _QUIET:
                told = time.monotonic()
                still = f"{len(jobs) - len(waiting)} of {len(jobs)} jobs have ended."
                print(f"{still} Waiting for {shown(url)}: {waiting[url]}", file=sys.stderr)
            time.sleep(_PAUSE)
    late = f"no job has ended for {_PATIENCE} s, so this was not waited for; the Worker goes on"
    return failed + [f"{shown(url)}: {late}. {reason}" for url, reason in waiting.items()]


def _reason(job: dict[str, Any]) -> str:
    """Why a job has not ended."""
    return f"{job['error'] or 'It has not begun.'} ({job['attempts']} attempts)"


def main() -> int:
    """Run the script.

    Returns:
        The exit status: 0 if all went in, 130 after Ctrl-C, else 1.
    """
    parser = argument_parser("Have the Worker fetch and index web pages.")
    parser.add_argument(
        "sources", nargs="+", metavar="source", help="a list or a sitemap: a file, or its address"
    )
    parser.add_argument("--only", default="", help="only addresses that have this in them")
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        urls = [url for url in addresses(options.sources) if options.only in url]
        failed = ingest(make_client(options.url), urls)
    except (NoListError, CallError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("The jobs that were sent go on.", file=sys.stderr)
        return 130
    print(f"{len(urls) - len(failed)} of {len(urls)} went in")
    for line in failed:
        print(f"  {line}")
    return 1 if failed or not urls else 0


if __name__ == "__main__":
    sys.exit(main())

"""What is in the log of pip: which page of which index has a file, and which did not answer."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urldefrag

from cfpy.project.pip_errors import last_lines
from cfpy.project.pylock import Pin, without_login

_LINK = re.compile(r"Found link (\S+) \(from (\S+?)\)")
_SKIPPED = re.compile(r"Skipping link: (.*): \S+ \(from (\S+?)\)")
_FAILED = re.compile(r"Could not fetch URL (\S+): (.*) - skipping")
_CAUSES = re.compile(r"The conflict is caused by:\n(?P<lines>(\S+     *\S.*\n)*)")
_ABSENT = re.compile(
    r"no matching distributions available for your environment:\n(?P<lines>(\S+     *\S.*\n)*)"
)
# What pip writes about a program that it runs: its command, its output, and how it ended
# (call_subprocess in pip 26). Its errors then say "No available output".
_RUN = "Running command "
_ENDED = re.compile(r"ERROR: .+ exited with \d+$")
_NO_EXTRA = re.compile(r"WARNING: (\S+ \S+) does not provide the extra '([^']*)'")
_YANKED = re.compile(
    r"WARNING: The candidate selected for download or install is a yanked version: '([^']+)' "
    r"candidate \(version (\S+) .*\n\S+ +Reason for being yanked: (.*)"
)
_REASONS = (
    ("No sources permitted", "as sources"),
    ("none of the wheel's tags", "for other platforms"),
    ("Requires-Python", "for other versions of Python"),
)


@dataclass(frozen=True)
class PipLog:
    """``pages`` are the pages of indexes, by the files that they link to; ``failed`` are the pages
    that did not answer, with the reason. A page that does not exist is an answer. All addresses
    are without login and fragment. ``causes`` are why no set of versions fits, one for each
    package that asks for another; ``absent`` are the packages among them of which there is no
    usable file. ``unusable`` is what there is instead, by package: "as sources", "for other
    platforms", "for other versions of Python". ``output`` are the last lines of a program that
    failed, such as git; ``warnings`` are sentences about what was chosen."""

    pages: Mapping[str, str]
    failed: Mapping[str, str]
    causes: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    unusable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    output: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def failures_of(self, address: str) -> dict[str, str]:
        """The failed pages of an index by package."""
        start = without_login(address).rstrip("/") + "/"
        return {
            page.removeprefix(start).strip("/"): why
            for page, why in self.failed.items()
            if page.startswith(start)
        }


def read_log(path: Path) -> PipLog:
    """The log of one run; empty if pip did not write it."""
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    pages = {_plain(link): _plain(page) for link, page in _LINK.findall(text)}
    failed = {
        _plain(page): why for page, why in _FAILED.findall(text) if not why.startswith("404 ")
    }
    return PipLog(
        pages,
        failed,
        _block(_CAUSES, text),
        _block(_ABSENT, text),
        _unusable(text),
        _output(text),
        tuple(dict.fromkeys(_warnings(text))),
    )


def _output(text: str) -> tuple[str, ...]:
    """The last lines of the program that failed; empty if none did."""
    lines: list[str] = []
    for line in text.splitlines():
        # Each line begins with the time.
        said = line.partition(" ")[2].strip()
        if said.startswith(_RUN):
            lines.clear()
        elif _ENDED.search(said):
            return last_lines(lines)
        else:
            lines.append(said)
    return ()


def _warnings(text: str) -> Iterator[str]:
    for package, extra in _NO_EXTRA.findall(text):
        yield f"{package} has no extra {extra!r}: it adds no package. Correct it in pyproject.toml."
    for package, version, why in _YANKED.findall(text):
        reason = "" if why.strip() in ("", "<none given>") else f": {why.strip()}"
        yield f"{package} {version} was withdrawn by its authors (yanked){reason}"


def _unusable(text: str) -> dict[str, tuple[str, ...]]:
    """Why pip skipped files, by package (``LinkEvaluator.evaluate_link`` in pip 26)."""
    found: dict[str, set[str]] = {}
    for why, page in _SKIPPED.findall(text):
        kinds = [kind for said, kind in _REASONS if said in why]
        found.setdefault(_plain(page).rstrip("/").rpartition("/")[2], set()).update(kinds)
    return {name: tuple(sorted(kinds)) for name, kinds in found.items() if kinds}


def _block(title: re.Pattern[str], text: str) -> tuple[str, ...]:
    """The indented lines after a title; each line begins with the time."""
    found = title.search(text)
    lines = found["lines"].splitlines() if found else []
    return tuple(line.partition(" ")[2].strip() for line in lines)


def with_index(pins: Iterable[Pin], log: PipLog, address: str) -> tuple[Pin, ...]:
    """The pins, with the index at ``address`` noted in those whose file is from one of its
    pages."""
    index = without_login(address).rstrip("/")
    return tuple(
        dataclasses.replace(pin, index=index)
        if not pin.direct and log.pages.get(pin.url, "").startswith(f"{index}/")
        else pin
        for pin in pins
    )


def _plain(url: str) -> str:
    return without_login(urldefrag(url)[0])

"""The words of docs/contributing/style.md hold in every page of the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "contributing" / "style.md"
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        if page != GUIDE and "_build" not in page.parts
    ),
    *sorted((ROOT / "src" / "cfpy" / "templates").glob("*/README.md")),
    ROOT / "tests" / "golden" / "cli" / "help.txt",
]
_FENCED = re.compile(r"^(`{3,}).*?^\1", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_TARGET = re.compile(r"(?<=\])\([^)\s]+\)")


@dataclass(frozen=True)
class Rule:
    """A row of the guide's table."""

    words: re.Pattern[str]
    better: str
    example: str


def _expression(cell: str) -> re.Pattern[str]:
    """One expression of all in a cell; `\\|` is how a Markdown table writes a bar."""
    spans = re.findall(r"`([^`]+)`", cell.replace(r"\|", "|"))
    found = "|".join(f"(?:{span})" for span in spans).replace(" ", r"\s+")
    return re.compile(rf"\b(?:{found})(?!\w)", re.IGNORECASE)


def _rules() -> Iterator[Rule]:
    table = GUIDE.read_text("utf-8").partition("| not | but |")[2].partition("\n\n")[0]
    for row in table.splitlines()[2:]:
        words, better, example = re.split(r"(?<!\\)\|", row.strip("|"))
        yield Rule(_expression(words), better.strip(), example.strip())


RULES = list(_rules())


def _prose(text: str) -> str:
    """The words of a page on their lines, with `CODE` for each piece of code."""
    text = _FENCED.sub(lambda found: "\n" * found[0].count("\n"), text)
    text = _SPAN.sub(lambda found: "CODE" + "\n" * found[0].count("\n"), text)
    return _TARGET.sub("", text)


def complaints(text: str) -> list[str]:
    """What a page should word otherwise: `line: "words": better`, in the guide's order."""
    prose = _prose(text)
    return [
        f'{prose.count(chr(10), 0, found.start()) + 1}: "{" ".join(found[0].split())}": '
        f"{rule.better}"
        for rule in RULES
        for found in rule.words.finditer(prose)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_uses_the_usual_words(page: Path) -> None:
    found = [f"{page.relative_to(ROOT)}:{line}" for line in complaints(page.read_text("utf-8"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.example)
def test_a_rule_finds_its_example(rule: Rule) -> None:
    assert rule.words.search(rule.example)
    assert not rule.words.search(rule.better)


def test_words_are_found_over_line_ends_and_with_their_line() -> None:
    assert complaints("One.\n\nThe id stands\nin the file.\n") == ['3: "stands in": is in']
    assert complaints("```sh\nmend\n```\n\nThen mend it.\n") == ['5: "mend": fix']
    assert complaints("`cfpy\nplan` says why.\n") == ['1: "CODE says": print, show, name']


@pytest.mark.parametrize(
    "right",
    [
        "`mend` it",
        "```text\nmend\n```\n",
        "[the rule](docs/mend.md)",
        "It makes sense, and makes the build faster.",
        "A stand-in stands in for Workers AI; there is none for D1.",
        "The index is made up of vectors.",
        "Amend the text of the page; a text file, black and slack.",
    ],
)
def test_right_uses_pass(right: str) -> None:
    assert complaints(right) == []

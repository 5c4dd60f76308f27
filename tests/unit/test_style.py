"""The words of docs/contributing/style.md hold in every page and in the source of the tool."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "contributing" / "style.md"
TEMPLATES = ROOT / "src" / "cfpy" / "templates"
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        if page != GUIDE and "_build" not in page.parts
    ),
    *sorted(TEMPLATES.glob("*/README.md")),
    *sorted(TEMPLATES.glob("*/template/README.md.jinja")),
    ROOT / "tests" / "golden" / "cli" / "help.txt",
]
SOURCES = [
    path
    for path in sorted((ROOT / "src" / "cfpy").rglob("*"))
    if path.suffix in {".py", ".mjs"} and not {"templates", "node_modules"} & set(path.parts)
]
#: Configuration of rendered projects: their comments are read.
CONFIGURATION = [
    path
    for path in sorted(TEMPLATES.rglob("*"))
    if path.name.removesuffix(".jinja").endswith((".toml", ".yml"))
]
_FENCED = re.compile(r"^(`{3,}).*?^\1", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_TARGET = re.compile(r"(?<=\])\([^)\s]+\)")
_JS_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\w'])//[^\n]*", re.DOTALL)


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


def _python_prose(source: str) -> Iterator[tuple[int, str]]:
    """Docstrings, string literals that hold a sentence or part of one, and comments, each with its
    first line. Comments on lines that follow each other are one text; so are the parts of an
    f-string, with `CODE` for each of its values.
    """
    tree = ast.parse(source)
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in parts:
            continue
        text = ""
        if isinstance(node, ast.JoinedStr):
            values = (v.value if isinstance(v, ast.Constant) else "`x`" for v in node.values)
            text = "".join(map(str, values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        if " " in text.strip():
            yield getattr(node, "lineno", 1), text
    last, start, lines = 0, 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last + 1 and lines:
            yield start, "\n".join(lines)
            lines = []
        last = token.start[0]
        start = start if lines else last
        lines.append(token.string.lstrip("#: "))
    if lines:
        yield start, "\n".join(lines)


def _javascript_prose(source: str) -> Iterator[tuple[int, str]]:
    """The comments of a module, each with its first line; `//` lines in a row are one."""
    source = re.sub(r"\n[ \t]*// ?", "\n// ", source)
    for found in re.finditer(rf"(?:{_JS_COMMENT.pattern}\n?)+", source, re.DOTALL):
        text = re.sub(r"^[ \t]*(?:/\*\*?|\*/|\*|//)[ \t]?", "", found[0], flags=re.MULTILINE)
        yield source.count("\n", 0, found.start()) + 1, text.replace("*/", "")


def source_complaints(path: Path) -> list[str]:
    """What the texts of a module should word otherwise: `line: "words": better`."""
    source = path.read_text("utf-8")
    texts = _python_prose(source) if path.suffix == ".py" else _javascript_prose(source)
    found = []
    for first, text in texts:
        for complaint in complaints(text):
            line, rest = complaint.split(":", 1)
            found.append(f"{first + int(line) - 1}:{rest}")
    return found


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


@pytest.mark.parametrize("path", CONFIGURATION, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_comment_in_a_configuration_uses_the_usual_words(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    # Lines that follow each other are one text; the others stay empty, so that numbers are right.
    comments = [line.strip()[1:] if line.strip().startswith("#") else "" for line in lines]
    found = [f"{path.relative_to(ROOT)}:{line}" for line in complaints("\n".join(comments))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_uses_the_usual_words(path: Path) -> None:
    found = [f"{path.relative_to(ROOT)}:{line}" for line in source_complaints(path)]
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


@pytest.mark.parametrize(
    ("name", "source", "lines"),
    [
        ("a.py", '"""Mend it."""\n', ["1"]),
        ("a.py", "x = 1  # Mend\n# this,\n\n\n# and mend that.\n", ["1", "5"]),
        ("a.py", 'x = f"{y} is"\\\n    f" none of {z}"\nmend = d["mend"]\n', ["1"]),
        ("a.mjs", "/**\n * A\n * text.\n */\nmend();\n// Then\n// mend it.\n", ["2", "7"]),
        ("a.mjs", "const mend = 'http://host'; // Mend\n", ["1"]),
    ],
)
def test_a_module_is_read_without_its_code(
    tmp_path: Path, name: str, source: str, lines: list[str]
) -> None:
    path = tmp_path / name
    path.write_text(source)
    assert [found.split(":")[0] for found in source_complaints(path)] == lines

"""Every link of the documents that a project has leads somewhere: of all cases, as they render."""

from __future__ import annotations

import posixpath
import re

import pytest

from pattern_cases import CASES, Case

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _anchors(text: str) -> set[str]:
    headings = _HEADING.findall(re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def dead_links(files: dict[str, bytes]) -> list[str]:
    """The relative links of the Markdown files that lead to no file or heading."""
    folders = {posixpath.dirname(name) for name in files}
    found = []
    for name, content in files.items():
        if not name.endswith(".md"):
            continue
        for target in _LINK.findall(_CODE.sub("", content.decode())):
            path, _, anchor = target.partition("#")
            if ":" in path:
                continue
            there = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            there = there if path else name
            known = there in files or there in folders
            if not known or (anchor and anchor not in _anchors(files[there].decode())):
                found.append(f"{name}: {target}")
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.pattern}-{case.name}")
def test_links_of_a_rendered_project_lead_somewhere(case: Case) -> None:
    assert dead_links(case.expected()) == []


def test_a_dead_link_and_a_dead_anchor_are_found() -> None:
    page = "# A b\n[x](#a-b) [x](docs) [x](docs/a.md) [x](gone.md) [x](docs/a.md#no) `[x](code)`\n"
    files = {"README.md": page.encode(), "docs/a.md": b"# C\n[x](../README.md#a-b) [x](../no)\n"}
    assert dead_links(files) == [
        "README.md: gone.md",
        "README.md: docs/a.md#no",
        "docs/a.md: ../no",
    ]

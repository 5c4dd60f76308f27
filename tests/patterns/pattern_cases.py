"""The cases of cases.toml: patterns and the answers to render them with."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.commands.context import build_context
from cfpy.commands.new import NewRequest, run

GOLDEN = Path(__file__).parent.parent / "golden"
NAME = "myapp"


@dataclass(frozen=True)
class Case:
    """A pattern and the answers to render it with."""

    pattern: str
    name: str
    answers: dict[str, Any]

    @property
    def golden(self) -> Path:
        return GOLDEN / self.pattern / self.name

    def render(self, parent: Path) -> Path:
        """Render below `parent` and return the project."""
        request = NewRequest(
            pattern=self.pattern,
            name=NAME,
            parent=parent,
            answers=self.answers,
            interactive=False,
            dry_run=False,
            git=False,
        )
        return run(build_context(print), request).path


def _cases() -> list[Case]:
    text = Path(__file__).with_name("cases.toml").read_text("utf-8")
    return [
        Case(pattern, name, answers)
        for pattern, cases in tomllib.loads(text).items()
        for name, answers in cases.items()
    ]


CASES = _cases()

"""The cases of cases.toml: patterns and the answers to render them with."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfpy.patterns.config_format import ConfigFormat
from cfpy.patterns.new import NewRequest, run
from cfpy.tools.context import build_context

GOLDEN = Path(__file__).parent.parent / "golden"
NAME = "myapp"
# In the folder of a case that is not `defaults`: the files of `defaults` that it does not render.
REMOVED = "removed.txt"


@dataclass(frozen=True)
class Case:
    """A pattern and the answers to render it with."""

    pattern: str
    name: str
    answers: dict[str, Any]

    @property
    def golden(self) -> Path:
        return GOLDEN / self.pattern / self.name

    def expected(self) -> dict[str, bytes]:
        """The files that the case renders: those of `defaults`, and its own in their place."""
        own = tree(self.golden)
        removed = own.pop(REMOVED, b"").decode().splitlines()
        files = tree(GOLDEN / self.pattern / "defaults") | own
        return {name: content for name, content in files.items() if name not in removed}

    def update(self, rendered: Path) -> None:
        """Write what was rendered as the golden. `defaults` has to be up to date."""
        shutil.rmtree(self.golden, ignore_errors=True)
        base = {} if self.name == "defaults" else tree(GOLDEN / self.pattern / "defaults")
        found = tree(rendered)
        for name, content in found.items():
            if base.get(name) != content:
                path = self.golden / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        if removed := sorted(set(base) - set(found)):
            (self.golden / REMOVED).write_text("".join(f"{name}\n" for name in removed), "utf-8")

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
            config=ConfigFormat.JSONC if self.name == "jsonc" else None,
        )
        return run(build_context(print), request).path


def tree(root: Path) -> dict[str, bytes]:
    """The files below `root`, by relative path; without the packed base of `cfpy update`."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "base.zip"
    }


def _cases() -> list[Case]:
    text = Path(__file__).with_name("cases.toml").read_text("utf-8")
    return [
        Case(pattern, name, answers)
        for pattern, cases in tomllib.loads(text).items()
        for name, answers in cases.items()
    ]


CASES = _cases()

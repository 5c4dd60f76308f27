"""What a pattern renders now for a project that was made of it before.

Answers that no file of cfpy's keeps are looked for in the project's own files. Where they can't be
found, stand-ins take their place on both sides of the merge, so that the project's lines stay.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfpy.adapters.base_archive import empty_directories, read_tree
from cfpy.commands.new import render_standing, render_with
from cfpy.domain import kept_answers
from cfpy.domain.merge import BaseFile, File, Step, digest
from cfpy.domain.pattern import Pattern

if TYPE_CHECKING:
    from cfpy.adapters.renderer import Rendered


@dataclass(frozen=True)
class Renewal:
    """A pattern rendered anew.

    Attributes:
        told: What the rendering tells.
        base: What the project was rendered from, with the answers that were found in it.
        files: What the pattern renders now.
        standing: The same with stand-ins, which is kept for the next update.
        directories: Directories of it that hold nothing.
        unknown: Questions whose answers are kept in the project and were not found there.
    """

    told: Rendered
    base: Mapping[str, BaseFile]
    files: Mapping[str, File]
    standing: Mapping[str, File]
    directories: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Renewing:
    """Renders a pattern for a project.

    Attributes:
        pattern: What to render.
        root: The project.
        base: What it was rendered from.
        scratch: A directory to render into.
        given: Answers of now.
        last: Answers of then.
        options: As for :func:`cfpy.adapters.renderer.render`.
    """

    pattern: Pattern
    root: Path
    base: Mapping[str, BaseFile]
    scratch: Path
    given: Mapping[str, Any]
    last: Mapping[str, Any]
    options: Mapping[str, Any]

    def renew(
        self,
        *,
        interactive: bool,
        ask_for: Collection[str] = (),
        say: Callable[[str], None] = lambda _: None,
    ) -> Renewal:
        """Render the pattern.

        Args:
            interactive: Ask for what is new.
            ask_for: Questions to ask although their answers were in the project.
            say: Is given the pattern's message for before the first question.

        Raises:
            PatternError: An answer does not fit, or the pattern is broken.
        """
        pattern = self.pattern
        kept = [question.name for question in pattern.questions if question.kept_in_project]
        unknown = [name for name in kept if name not in self.given and name not in ask_for]
        stand_ins = kept_answers.stand_ins(pattern)
        places = {name: stand_ins[name] for name in unknown if name in stand_ins}
        told, files, empty = self._render(
            self.given, self.last, places, interactive=interactive, say=say
        )
        if not kept:
            return Renewal(told, self.base, files, files, empty, ())
        given = {**self.given, **{n: told.secrets[n] for n in ask_for if n in told.secrets}}
        standing = self._standing(told.answers)
        # An answer that is given anew takes the place of the old one, which the base is about.
        shown = self._found([name for name in kept if name in stand_ins], standing)
        replaced = {name: value for name, value in shown.items() if name not in places}
        found = right = {name: value for name, value in shown.items() if name in places}
        known = {name: value for name, value in given.items() if name in stand_ins}
        for _ in found:  # Each time one less is right, or all are.
            told, files, empty = self._render(given, told.answers, {**places, **right})
            checked = kept_answers.reproduced(standing, files, right, known)
            if checked == right:
                break
            right = checked
        if found and not right:
            told, files, empty = self._render(given, told.answers, places)
        found = right
        unknown = [name for name in unknown if name not in found]
        replaced = {name: value for name, value in shown.items() if name not in places}
        base = kept_answers.filled(self.base, {**replaced, **found})
        return Renewal(told, base, files, standing, empty, tuple(unknown))

    def depending(
        self, renewal: Renewal, steps: Sequence[Step], mine: Callable[[str], File | None]
    ) -> list[str]:
        """The files that would get what depends on an answer that is not known."""
        if not renewal.unknown or not steps:
            return []
        secrets = renewal.told.secrets
        answers = {name: secrets[name] for name in renewal.unknown if name in secrets}
        others = kept_answers.other_answers(self.pattern, answers)
        _, other, _ = self._render(self.given, renewal.told.answers, {**secrets, **others})
        return [
            step.name
            for step in steps
            if (result := step.result or step.beside) is not None
            and kept_answers.depends(renewal.files, other, result, mine(step.name), step.name)
        ]

    def _found(self, names: list[str], standing: Mapping[str, File]) -> dict[str, str]:
        """The answers that the project's files show."""
        found = kept_answers.found_answers(self.base, self._content, names)
        # A project of an older cfpy has no stand-ins in its base.
        older = [name for name in names if not kept_answers.holds_stand_in(self.base, name)]
        now = {
            name: BaseFile(digest(file.data), file.executable, file.data)
            for name, file in standing.items()
        }
        return found | kept_answers.found_answers(now, self._content, older)

    def _render(
        self,
        given: Mapping[str, Any],
        last: Mapping[str, Any],
        kept: Mapping[str, Any],
        **options: Any,
    ) -> tuple[Rendered, dict[str, File], tuple[str, ...]]:
        tree = self._empty_tree()
        told = render_with(
            self.pattern,
            tree,
            given,
            last=last,
            kept=kept,
            run_tasks=False,
            **{"interactive": False, **self.options, **options},
        )
        return told, read_tree(tree), empty_directories(tree)

    def _standing(self, answers: Mapping[str, Any]) -> dict[str, File]:
        tree = self._empty_tree()
        render_standing(self.pattern, tree, self.given, answers, **self.options)
        return read_tree(tree)

    def _empty_tree(self) -> Path:
        tree = self.scratch / "tree"
        if tree.exists():
            shutil.rmtree(tree)
        tree.mkdir()
        return tree

    def _content(self, name: str) -> bytes | None:
        path = self.root / name
        return path.read_bytes() if path.is_file() else None

"""Renders a pattern again for a project that was created from it.

Answers that are not saved in any file of cfpy are searched for in the project's own files. If they
can't be found, stand-ins take their place on both sides of the merge, so that the project's lines
stay.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfpy.patterns import kept_answers
from cfpy.patterns.base_archive import empty_directories, read_tree
from cfpy.patterns.merge import BaseFile, File, Step, digest
from cfpy.patterns.pattern import Pattern
from cfpy.patterns.rendering import render_standing, render_with

if TYPE_CHECKING:
    from cfpy.patterns.renderer import Rendered


@dataclass(frozen=True)
class Renewal:
    """A pattern rendered again.

    Attributes:
        told: The result of the rendering.
        base: The base of the merge, with the answers that were found in the project.
        files: The files that the pattern renders now.
        standing: The same files with stand-ins, which are stored for the next update.
        directories: Its empty directories.
        unknown: Questions whose answers should be in the project, but were not found there.
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
        pattern: The pattern to render.
        root: The project.
        base: The files that the pattern rendered earlier.
        scratch: A directory to render into.
        given: New answers.
        last: Earlier answers.
        options: As for :func:`cfpy.patterns.renderer.render`.
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
            interactive: Whether to ask new questions.
            ask_for: Questions to ask although their answers should be in the project.
            say: Called with the pattern's message before the first question.

        Raises:
            PatternError: An answer is not valid, or the pattern is faulty.
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
        # A new answer replaces the old one, with which the base was rendered.
        shown = self._found([name for name in kept if name in stand_ins], standing)
        replaced = {name: value for name, value in shown.items() if name not in places}
        found = right = {name: value for name, value in shown.items() if name in places}
        known = {name: value for name, value in given.items() if name in stand_ins}
        for _ in found:  # Each round, one answer turns out to be wrong, or all are right.
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
        """The files with changes that depend on an unknown answer."""
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
        """The answers that can be read from the project's files."""
        found = kept_answers.found_answers(self.base, self._content, names)
        # A project from an older cfpy has no stand-ins in its base.
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

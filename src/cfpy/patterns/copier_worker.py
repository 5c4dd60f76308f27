"""Copier's worker, adapted for cfpy.

Its members with a leading underscore are private to copier. If a later copier drops one of them, an
override here is not called: the tests of copier's format would fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import copier.errors
import jinja2
import yaml
from copier import _main, _settings, _template, _user_data

from cfpy.errors import PatternError
from cfpy.patterns import prompts

# copier asks by this name.
vars(_main)["unsafe_prompt"] = prompts.ask
# Delimiters that no template uses.
_LITERAL = re.compile(r"[\w. -]+")
# Errors from reading an answer or running a validator.
_UNFIT = (
    copier.errors.CopierError,
    jinja2.TemplateError,
    yaml.YAMLError,
    *(ValueError, TypeError, KeyError, AttributeError),
)


@dataclass(frozen=True)
class Place:
    """What a template knows about its source and the place of its project.

    Attributes:
        source: The value of ``_src_path`` in copier's answers file.
        commit: The value of ``_commit`` there; empty if the template is not in a repository.
        root: The template's directory, the value of ``_copier_conf.src_path``.
        folder: The project's name, which does not depend on its place on this machine.
        requirement: The requirement by which pip installs this cfpy on any machine.
    """

    source: str
    commit: str
    root: Path
    folder: str
    requirement: str


@dataclass(frozen=True)
class Given:
    """Answers for copier.

    Attributes:
        data: Answers of this run. They must be valid.
        last: Answers of an earlier run; answers to questions that are no longer asked are dropped.
        kept: Answers to secret questions that are neither asked nor checked again.
        then: The answers with which the project was rendered.
    """

    data: Mapping[str, Any]
    last: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict)
    then: Mapping[str, Any] = field(default_factory=dict)


class Rendering(_main.Worker):
    """One rendering. :meth:`prepare` it before it runs."""

    def prepare(
        self,
        template: Path,
        place: Place,
        given: Given,
        say: Callable[[str], None],
        *,
        update: bool,
    ) -> None:
        """Set the place of the template, the answers, and the callback for its messages."""
        self._place = place
        self._given = given
        self._say = say
        self._asked = False
        #: The message to show at the end, from ``_message_after_*``.
        self.closing = ""
        found = _template.Template(url=place.source)
        described = {"_src_path": place.source} | (
            {"_commit": place.commit} if place.commit else {}
        )
        # These would ask git for what is known here, and copier would take another version.
        found.__dict__ |= {
            "local_abspath": template.resolve(),
            "vcs": None,
            "commit": place.commit or None,
            "commit_hash": place.commit or None,
            "version": None,
            "metadata": described,
        }
        if update:
            found.__dict__ |= {
                "message_before_copy": found.message_before_update,
                "message_after_copy": found.message_after_update,
            }
        self.__dict__["template"] = found
        for name in given.kept:
            # Neither asked nor checked: it was checked when it was given.
            found.questions_data[name]["ask"] = False
        if given.last:
            self.subproject.__dict__["last_answers"] = dict(given.last)

    def check_kept(self, *, interactive: bool) -> None:
        """Refuse to continue if an answer was dropped.

        Copier drops an earlier answer that is no longer valid, and list items that are not choices.

        Args:
            interactive: Whether the user was asked again instead.

        Raises:
            PatternError: An answer was dropped; the message names its question.
        """
        for name, answer in {**self._given.last, **self._given.data}.items():
            details = self.template.questions_data.get(name)
            if details is None or name in self.answers.hidden:
                continue
            question = _user_data.Question(
                answers=self.answers,
                context=self._render_context(),
                jinja_env=self.jinja_env,
                var_name=name,
                **details,
            )
            problem = _problem(question, answer)
            again = interactive and name in self.answers.user and name not in self._given.data
            if problem and not again:
                raise PatternError(
                    f"the answer to {name!r} is no longer valid: {problem}"
                    if name in self._given.last
                    else f"the answer to {name!r} is not valid: {problem}",
                    hint=f"Use another one: --answer {name}=...",
                )

    def matcher(
        self, patterns: Sequence[str], answers: Mapping[str, Any], *, operation: str
    ) -> Callable[[str], bool]:
        """A function that tells whether a file's name matches ``patterns``, which are rendered like
        in copier.

        Args:
            patterns: The patterns of ``_exclude`` or ``_skip_if_exists``.
            answers: The answers for rendering them; missing ones are taken from this run.
            operation: ``copy`` or ``update``, the value of ``_copier_operation``.
        """
        context = {**self._render_context(), **answers, "_copier_operation": operation}
        lines = [
            line
            for pattern in patterns
            for line in self.jinja_env.from_string(pattern).render(**context).splitlines()
        ]
        matches = self._path_matcher(lines)
        return lambda name: bool(matches(Path(name)))

    def _ask(self) -> None:
        try:
            super()._ask()
        except _UNFIT as error:
            if not isinstance(error, ValueError | TypeError | KeyError | AttributeError):
                raise
            # The first answer that was given but not accepted, if copier does not name it.
            given = [name for name in self.template.questions_data if name in self._given.data]
            name = next((name for name in given if name not in self.answers.user), "")
            if not name or name in str(error):
                raise
            raise ValueError(f"{name}: {error}") from error
        self._asked = True

    def _print_message(self, message: str) -> None:
        text = self._render_string(message) if message else ""
        if self._asked:
            self.closing = text
        elif text:
            self._say(text)

    def _render_context(self) -> Any:
        context = super()._render_context()
        context["_copier_conf"]["dst_path"] = PurePath(self._place.folder)
        context["_copier_conf"]["src_path"] = PurePath(self._place.root)
        context["_folder_name"] = self._place.folder
        context["_cfpy_requirement"] = self._place.requirement
        return context

    @property
    def answers_relpath(self) -> Path:
        """The name of its answers file, rendered only if it is a template."""
        name = str(self.answers_file or self.template.answers_relpath)
        return Path(_read(self, name)) if _LITERAL.fullmatch(name) else super().answers_relpath

    def _render_string(self, string: str, extra_context: Any = None) -> str:
        if not _LITERAL.fullmatch(string):
            return super()._render_string(string, extra_context)
        return _read(self, string)

    def _sync_git_index_executable_bit(self, *_arguments: Any) -> None:
        """Not needed: the rendered files are not in a repository."""


def _read(worker: Rendering, literal: str) -> str:
    """``literal`` unchanged. Copier's `yield` tag relies on resetting its state when any template
    is parsed."""
    return str(worker.jinja_env.preprocess(literal))


def worker(
    target: Path, given: Given, *, interactive: bool, trusted: bool, tasks: bool
) -> Rendering:
    """A worker that renders into the existing directory ``target``."""
    return Rendering(
        dst_path=target,
        data=dict(given.data),
        user_defaults=dict(given.kept),
        defaults=not interactive,
        quiet=True,
        overwrite=True,
        unsafe=trusted,
        skip_answered=True,
        skip_tasks=not tasks,
        # The user's copier settings would make the same command render different projects.
        settings=_settings.SettingsModel(),
    )


def _problem(question: _user_data.Question, answer: Any) -> str:
    """Why an answer to a question is not valid; empty if it is."""
    try:
        read = question.parse_answer(answer)
        question.validate_answer(read)
        if question.multiselect:
            given = _user_data.parse_yaml_list(answer) if isinstance(answer, str) else answer
            gone = [item for item in given if question.cast_answer(item) not in read]
            if gone:
                choices = ", ".join(str(item.value) for item in question._formatted_choices)
                return f"{', '.join(map(repr, gone))} is not one of its choices: {choices}"
    except _UNFIT as error:
        return " ".join(str(error).split()) or type(error).__name__
    return ""

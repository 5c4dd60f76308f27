"""Copier's worker, as cfpy drives it.

Its members with a leading underscore are private to copier. Where a later copier has one of them no
longer, an override here is not called: the tests of copier's format tell.
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

from cfpy.adapters import prompts
from cfpy.errors import PatternError

# By this name it asks.
vars(_main)["unsafe_prompt"] = prompts.ask
# What no template language takes for its own.
_LITERAL = re.compile(r"[\w. -]+")
# What reading an answer or running a validator raises.
_UNFIT = (
    copier.errors.CopierError,
    jinja2.TemplateError,
    yaml.YAMLError,
    *(ValueError, TypeError, KeyError, AttributeError),
)


@dataclass(frozen=True)
class Place:
    """What a template is told about where it is from and where its project goes.

    Attributes:
        source: What copier's answers file keeps as ``_src_path``.
        commit: What it keeps as ``_commit``; empty where the template is in no repository.
        root: The template's directory, as ``_copier_conf.src_path`` has it.
        folder: The project's name, which does not depend on where it lies on this machine.
        requirement: What pip installs this cfpy by, on any machine.
    """

    source: str
    commit: str
    root: Path
    folder: str
    requirement: str


@dataclass(frozen=True)
class Given:
    """Answers that copier is given.

    Attributes:
        data: Answers of this run. They have to fit.
        last: Answers of an earlier one; one of a question that is not asked any more is dropped.
        kept: Answers to secret questions that are not asked and not checked again.
        then: The answers that the project was rendered with.
    """

    data: Mapping[str, Any]
    last: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict)
    then: Mapping[str, Any] = field(default_factory=dict)


class Worker(_main.Worker):
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
        """Say where the template is, which answers there are, and who is shown its messages."""
        self._place = place
        self._given = given
        self._say = say
        self._asked = False
        #: What to show when all is done, of ``_message_after_*``.
        self.closing = ""
        found = _template.Template(url=place.source)
        described = {"_src_path": place.source} | (
            {"_commit": place.commit} if place.commit else {}
        )
        # What these would find out by git is known; copier would take another version.
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
            # Neither asked nor checked: it was, when it was given.
            found.questions_data[name]["ask"] = False
        if given.last:
            self.subproject.__dict__["last_answers"] = dict(given.last)

    def check_kept(self, *, interactive: bool) -> None:
        """Refuse to go on with less than was answered.

        Copier drops an earlier answer that does not fit any more, and what is no choice of a list.

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
                    f"the answer to {name!r} does not fit any more: {problem}"
                    if name in self._given.last
                    else f"the answer to {name!r} does not fit: {problem}",
                    hint=f"Give another one: --answer {name}=...",
                )

    def matcher(
        self, patterns: Sequence[str], answers: Mapping[str, Any], *, operation: str
    ) -> Callable[[str], bool]:
        """Whether a file's name matches ``patterns``, as copier reads and fills them.

        Args:
            patterns: As ``_exclude`` and ``_skip_if_exists`` have them.
            answers: What to fill them with; those of this run for what is not in it.
            operation: ``copy`` or ``update``, what ``_copier_operation`` is.
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
            # The first that was given and not taken, where copier does not say which.
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
        """The name of its answers file, compiled as a template only where it is one."""
        name = str(self.answers_file or self.template.answers_relpath)
        return Path(_read(self, name)) if _LITERAL.fullmatch(name) else super().answers_relpath

    def _render_string(self, string: str, extra_context: Any = None) -> str:
        if not _LITERAL.fullmatch(string):
            return super()._render_string(string, extra_context)
        return _read(self, string)

    def _sync_git_index_executable_bit(self, *_arguments: Any) -> None:
        """Not needed: what is rendered here has no index."""


def _read(worker: Worker, literal: str) -> str:
    """``literal`` as it is. Copier's `yield` tag forgets what it last yielded when any template is
    read, and relies on that."""
    return str(worker.jinja_env.preprocess(literal))


def worker(target: Path, given: Given, *, interactive: bool, trusted: bool, tasks: bool) -> Worker:
    """A worker that renders into the existing directory ``target``."""
    return Worker(
        dst_path=target,
        data=dict(given.data),
        user_defaults=dict(given.kept),
        defaults=not interactive,
        quiet=True,
        overwrite=True,
        unsafe=trusted,
        skip_answered=True,
        skip_tasks=not tasks,
        # The user's own copier settings would make one command render two projects.
        settings=_settings.SettingsModel(),
    )


def _problem(question: _user_data.Question, answer: Any) -> str:
    """Why an answer is not one to a question; empty if it is."""
    try:
        read = question.parse_answer(answer)
        question.validate_answer(read)
        if question.multiselect:
            given = _user_data.parse_yaml_list(answer) if isinstance(answer, str) else answer
            gone = [item for item in given if question.cast_answer(item) not in read]
            if gone:
                choices = ", ".join(str(item.value) for item in question._formatted_choices)
                return f"{', '.join(map(repr, gone))} is none of its choices: {choices}"
    except _UNFIT as error:
        return " ".join(str(error).split()) or type(error).__name__
    return ""

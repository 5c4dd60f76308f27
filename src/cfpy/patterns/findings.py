"""Finds faults in a pattern that renders nevertheless. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.bindings.registry import bindings
from cfpy.patterns.pattern import Pattern
from cfpy.project.names import did_you_mean

#: Variables that copier and cfpy define in every template:
#: copier.readthedocs.io/en/stable/creating/#variables-global
COPIER_NAMES = frozenset(
    {
        "_cfpy_requirement",
        *("_copier_answers", "_copier_conf", "_copier_operation", "_copier_phase"),
        *("_copier_python", "_external_data", "_folder_name", "pathjoin", "now", "make_secret"),
    }
)


@dataclass(frozen=True)
class Problem:
    """Something that the pattern's author should fix.

    ``broken`` if users would be affected; ``where`` is a file, with its line if known.
    """

    broken: bool
    where: str
    message: str
    fix: str


@dataclass(frozen=True)
class Use:
    """A variable that a file of a pattern uses; ``file`` is relative, ``line`` 1-based."""

    name: str
    file: str
    line: int


def check_questions(pattern: Pattern, uses: Collection[Use]) -> Iterator[Problem]:
    """Find variables that nothing sets, questions that nothing uses, and questions without help.

    Args:
        pattern: The pattern; its uppermost layer is checked.
        uses: The variables that its layers use.
    """
    known = {question.name for question in pattern.questions}
    for use in uses:
        if use.name not in known | COPIER_NAMES:
            fix = did_you_mean(use.name, known) or "Ask for it in copier.yml."
            said = f"{use.name!r} is a variable that is not set by any question"
            yield Problem(True, f"{use.file}:{use.line}", said, fix)
    own = pattern.layers[-1].config
    used = {use.name for use in uses}
    for question in pattern.questions:
        if question.name not in own:
            continue
        if question.name not in used:
            said = f"the answer to {question.name!r} is not used anywhere"
            yield Problem(False, "copier.yml", said, "Use it in a file, or remove the question.")
        if not question.help.strip() and _is_asked(own[question.name]):
            said = f"the question {question.name!r} has no help"
            yield Problem(
                False, "copier.yml", said, "Add help: what the answer is, and what it changes."
            )


def check_described(pattern: Pattern, wrangler: Mapping[str, Any]) -> Iterator[Problem]:
    """Check that ``pattern.toml`` describes the bindings of a rendered configuration."""
    bound = {name for name, _, _ in bindings(wrangler)}
    described = {resource.binding for resource in pattern.resources}
    for name in sorted(described - bound):
        said = f"describes the binding {name}, which is not in the configuration"
        fix = did_you_mean(name, bound) or "Bind it, or remove its [[resources]] table."
        yield Problem(True, "pattern.toml", said, fix)
    for name in sorted(bound - described):
        said = f"does not describe the binding {name} of the configuration"
        yield Problem(False, "pattern.toml", said, "Add a [[resources]] table for it.")


def check_unsafe(pattern: Pattern) -> Iterator[Problem]:
    """Report the code that the pattern would run on its users' machines."""
    for line in pattern.unsafe:
        said = f"runs {line}"
        fix = "Users must trust it first (--trust). Remove it if the template works without it."
        yield Problem(False, "copier.yml", said, fix)


def _is_asked(spec: Any) -> bool:
    return not (isinstance(spec, Mapping) and spec.get("when") is False)

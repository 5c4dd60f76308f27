"""What is wrong with a pattern that renders all the same: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.domain.names import did_you_mean
from cfpy.domain.pattern import Pattern

#: What copier and cfpy bring to every template:
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
    """Something that an author should mend.

    ``broken`` if users would run into it; ``where`` is a file, with its line where it is known.
    """

    broken: bool
    where: str
    message: str
    mend: str


@dataclass(frozen=True)
class Use:
    """A variable that a file of a pattern uses; ``file`` is relative, ``line`` 1-based."""

    name: str
    file: str
    line: int


def check_questions(pattern: Pattern, uses: Collection[Use]) -> Iterator[Problem]:
    """Variables that nothing sets, questions that nothing uses, and questions without a help.

    Args:
        pattern: Its uppermost layer is what is looked at.
        uses: The variables that all of its layers use.
    """
    known = {question.name for question in pattern.questions}
    for use in uses:
        if use.name not in known | COPIER_NAMES:
            mend = did_you_mean(use.name, known) or "Ask for it in copier.yml."
            said = f"{use.name!r} is a variable that no question sets"
            yield Problem(True, f"{use.file}:{use.line}", said, mend)
    own = pattern.layers[-1].config
    used = {use.name for use in uses}
    for question in pattern.questions:
        if question.name not in own:
            continue
        if question.name not in used:
            said = f"the answer to {question.name!r} is used nowhere"
            yield Problem(False, "copier.yml", said, "Use it in a file, or remove the question.")
        if not question.help.strip() and _is_asked(own[question.name]):
            said = f"the question {question.name!r} has no help"
            yield Problem(False, "copier.yml", said, "help: what it is, and what it changes")


def check_described(pattern: Pattern, wrangler: Mapping[str, Any]) -> Iterator[Problem]:
    """Whether ``pattern.toml`` describes the bindings that a rendered ``wrangler.toml`` has."""
    bound = set(_bound(wrangler))
    described = {resource.binding for resource in pattern.resources}
    for name in sorted(described - bound):
        said = f"describes the binding {name}, which wrangler.toml has not"
        mend = did_you_mean(name, bound) or "Bind it, or remove its [[resources]] table."
        yield Problem(True, "pattern.toml", said, mend)
    for name in sorted(bound - described):
        said = f"does not describe the binding {name} of wrangler.toml"
        yield Problem(False, "pattern.toml", said, "Add a [[resources]] table for it.")


def check_unsafe(pattern: Pattern) -> Iterator[Problem]:
    """What the pattern would run on its users' machines."""
    for line in pattern.unsafe:
        said = f"runs {line}"
        mend = "Users must trust it first (--trust). Can the template do without?"
        yield Problem(False, "copier.yml", said, mend)


def _is_asked(spec: Any) -> bool:
    return not (isinstance(spec, Mapping) and spec.get("when") is False)


def _bound(wrangler: Mapping[str, Any]) -> Iterator[str]:
    queues = wrangler.get("queues") or {}
    objects = wrangler.get("durable_objects") or {}
    tables = {
        **wrangler,
        "producers": queues.get("producers"),
        "objects": objects.get("bindings"),
    }
    for table, value in tables.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                name = item.get("name" if table in ("ratelimits", "objects") else "binding")
                if isinstance(name, str):
                    yield name

"""Finds faults in a project's files that wrangler does not report. Pure.

wrangler's dry run accepts binding names that no program can use, schedules that never run, and
queues that Cloudflare refuses. They fail when the Worker is deployed, or later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from cfpy.bindings.finding import Finding
from cfpy.bindings.registry import KINDS, VALUES, bound_names
from cfpy.bindings.stances import refused
from cfpy.project.project import FLAG_FIX, FLAG_MISSING, PYTHON_314_SINCE, PYTHON_FLAG
from cfpy.tools.workerd_date import workerd_date

#: Models that Cloudflare has deprecated, with the replacement that it names, if any:
#: developers.cloudflare.com/changelog/post/2026-05-08-planned-model-deprecations
RETIRED_ON = date(2026, 5, 30)
RETIRED_MODELS = frozenset(
    {
        "@cf/defog/sqlcoder-7b-2",
        "@cf/facebook/bart-large-cnn",
        "@cf/google/gemma-3-12b-it",
        "@cf/meta/llama-2-7b-chat-fp16",
        "@cf/meta/llama-2-7b-chat-int8",
        "@cf/meta/llama-3-8b-instruct",
        "@cf/meta/llama-3-8b-instruct-awq",
        "@cf/meta/llama-3.1-70b-instruct",
        "@cf/meta/llama-3.1-8b-instruct",
        "@cf/meta/llama-3.1-8b-instruct-awq",
        "@cf/microsoft/phi-2",
        "@cf/mistral/mistral-7b-instruct-v0.1",
        "@cf/moonshotai/kimi-k2.5",
        "@cf/unum/uform-gen2-qwen-500m",
        "@hf/google/gemma-7b-it",
        "@hf/meta-llama/meta-llama-3-8b-instruct",
        "@hf/mistral/mistral-7b-instruct-v0.2",
        "@hf/nousresearch/hermes-2-pro-mistral-7b",
    }
)
_REPLACEMENT = "@cf/google/gemma-4-26b-a4b-it"
_MODEL = re.compile(r"@(?:cf|hf)/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
# What every JavaScript object has (ECMA-262, "Properties of the Object Prototype Object"): wrangler
# 4.164.0 stops with a TypeError (validateBindingsHaveUniqueNames), or binds nothing.
OBJECT_NAMES = frozenset(
    {
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"),
        *("toLocaleString", "toString", "valueOf", "__proto__", "__defineGetter__"),
        *("__defineSetter__", "__lookupGetter__", "__lookupSetter__"),
    }
)
_WORKER_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
_OLD = timedelta(days=365)
# Their names are those of environment variables, which need not be identifiers.
_FREE_NAMES = tuple(kind.table for kind in VALUES)


def check(scope: Mapping[str, Any], worker: str, today: date) -> tuple[Finding, ...]:
    """Check a scope of the configuration that belongs to ``worker``."""
    return (
        *_refused(scope),
        *_name(worker),
        *_compatibility(scope, today),
        *check_bindings(scope),
    )


def check_bindings(scope: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Check the bindings of a scope alone, and the settings that belong to them."""
    return (
        *_bindings(scope),
        *_twice(scope),
        *(finding for kind in KINDS if kind.check for finding in kind.check(scope)),
    )


def check_models(texts: Mapping[str, str]) -> tuple[Finding, ...]:
    """Find retired models in ``texts``, which are by file."""
    found: dict[str, list[str]] = {}
    for file, text in texts.items():
        for model in set(_MODEL.findall(text)) & RETIRED_MODELS:
            found.setdefault(model, []).append(file)
    return tuple(
        Finding(
            broken=True,
            message=f"{model} was retired on {RETIRED_ON} ({', '.join(sorted(files))})",
            fix=f"Use another model, such as {_REPLACEMENT}.",
        )
        for model, files in sorted(found.items())
    )


def _refused(scope: Mapping[str, Any]) -> Iterator[Finding]:
    for key, reason in refused(scope):
        yield Finding(True, f"cfpy does not support {key}: {reason}", f"Remove {key}.")


def _name(worker: str) -> Iterator[Finding]:
    if not _WORKER_NAME.fullmatch(worker):
        yield Finding(
            broken=True,
            message=f"{worker!r} can't be the name of a Worker",
            fix="Use up to 63 lower-case letters, digits, hyphens and underscores.",
        )


def _compatibility(scope: Mapping[str, Any], today: date) -> Iterator[Finding]:
    value = str(scope.get("compatibility_date") or "")
    python = str(scope.get("main", "")).endswith(".py")
    fix = f"Set compatibility_date to {workerd_date()}."
    if python and value < PYTHON_314_SINCE.isoformat():
        fix += f" From {PYTHON_314_SINCE} on, a Python Worker runs Python 3.14."
    if not value:
        yield Finding(True, "there is no compatibility_date", fix)
        return
    try:
        day = date.fromisoformat(value)
    except ValueError:
        yield Finding(True, f"compatibility_date is {value!r}, which is not a date", fix)
        return
    if day > today:
        yield Finding(True, f"compatibility_date {day} is in the future", fix)
    elif today - day > _OLD:
        yield Finding(False, f"compatibility_date {day} is more than a year old", fix)
    flags = scope.get("compatibility_flags") or []
    if python and PYTHON_FLAG not in flags:
        yield Finding(True, FLAG_MISSING, FLAG_FIX)


def _bindings(scope: Mapping[str, Any]) -> Iterator[Finding]:
    for name, table in bound_names(scope):
        if name in OBJECT_NAMES:
            yield Finding(
                broken=True,
                message=f"{table} binds {name!r}, which every JavaScript object has already",
                fix="Use another name, such as MY_DB.",
            )
        elif table not in _FREE_NAMES and not _IDENTIFIER.fullmatch(name):
            yield Finding(
                broken=True,
                message=f"{table} binds {name!r}, which is not a valid identifier",
                fix="Use letters, digits and underscores, such as MY_DB.",
            )


def _twice(scope: Mapping[str, Any]) -> Iterator[Finding]:
    """wrangler refuses these when it deploys, and uses the first table when it applies
    migrations."""
    seen: set[str] = set()
    for name, table in bound_names(scope):
        if name in seen:
            message = f"{table} binds {name}, which is already the name of another binding"
            yield Finding(True, message, "Rename one of them.")
        seen.add(name)

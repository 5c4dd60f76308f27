"""Finds faults in a project's files that wrangler does not report. Pure.

wrangler's dry run accepts binding names that no program can use, schedules that never run, and
queues that Cloudflare refuses. They fail when the Worker is deployed, or later.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from cfpy.bindings.kinds.cron import WANTED, is_schedule
from cfpy.bindings.registry import VALUES, bound_names
from cfpy.bindings.stances import refused
from cfpy.tools.invocation import command

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
_WORKER_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
_OLD = timedelta(days=365)
# developers.cloudflare.com/queues/platform/limits
_CONSUMER_LIMITS = {
    "max_batch_size": (1, 100),
    "max_batch_timeout": (0, 60),
    "max_retries": (0, 100),
    "max_concurrency": (1, 250),
    "retry_delay": (0, 43_200),
}
# Their names are those of environment variables, which need not be identifiers.
_FREE_NAMES = tuple(kind.table for kind in VALUES)


@dataclass(frozen=True)
class Finding:
    """A fault. ``broken`` if the Worker can't run with it; otherwise it works, but should be
    changed."""

    broken: bool
    message: str
    mend: str


def check(scope: Mapping[str, Any], worker: str, today: date) -> tuple[Finding, ...]:
    """Check a scope of ``wrangler.toml`` that belongs to ``worker``."""
    return (
        *_refused(scope),
        *_name(worker),
        *_compatibility(scope, today),
        *_bindings(scope),
        *_twice(scope),
        *_databases(scope),
        *_ambiguous(scope),
        *_queues(scope),
        *_crons(scope),
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
            mend=f"Use another model, such as {_REPLACEMENT}.",
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
            mend="Use up to 63 lower-case letters, digits, hyphens and underscores.",
        )


def _compatibility(scope: Mapping[str, Any], today: date) -> Iterator[Finding]:
    value = str(scope.get("compatibility_date", ""))
    mend = f'Set compatibility_date = "{today - timedelta(days=7)}", or an earlier date.'
    try:
        day = date.fromisoformat(value)
    except ValueError:
        yield Finding(True, f"compatibility_date is {value!r}, which is not a date", mend)
        return
    if day > today:
        yield Finding(True, f"compatibility_date {day} is in the future", mend)
    elif today - day > _OLD:
        yield Finding(False, f"compatibility_date {day} is more than a year old", mend)
    flags = scope.get("compatibility_flags") or []
    if str(scope.get("main", "")).endswith(".py") and "python_workers" not in flags:
        mend = 'Set compatibility_flags = ["python_workers"].'
        yield Finding(True, "a Python Worker needs the compatibility flag python_workers", mend)


def _bindings(scope: Mapping[str, Any]) -> Iterator[Finding]:
    for name, table in bound_names(scope):
        if table not in _FREE_NAMES and not _IDENTIFIER.fullmatch(name):
            yield Finding(
                broken=True,
                message=f"{table} binds {name!r}, which is not a valid identifier",
                mend="Use letters, digits and underscores, such as MY_DB.",
            )


def _databases(scope: Mapping[str, Any]) -> Iterator[Finding]:
    for item in scope.get("d1_databases") or []:
        if (given := item.get("database_id")) and not _is_uuid(str(given)):
            yield Finding(
                broken=True,
                message=f"database_id {given!r} of {item.get('binding')} is not a UUID",
                mend=f"Remove it: {command('provision')} writes the right one.",
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


def _ambiguous(scope: Mapping[str, Any]) -> Iterator[Finding]:
    """wrangler is given a binding, and takes the first database with this binding or name (4.164.0,
    ``getDatabaseInfoFromConfig``): the migrations could go into the wrong one."""
    tables = scope.get("d1_databases") or []
    for item in tables:
        for other in tables:
            name = other.get("database_name")
            if other is not item and name and name == item.get("binding"):
                yield Finding(
                    broken=True,
                    message=f"{name} is a binding of one database and the name of another, and "
                    "wrangler can't tell them apart",
                    mend="Rename the binding or the database_name; the id still identifies the "
                    "database.",
                )


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _queues(scope: Mapping[str, Any]) -> Iterator[Finding]:
    consumers = (scope.get("queues") or {}).get("consumers") or []
    dead_letters = {item.get("dead_letter_queue") for item in consumers}
    for item in consumers:
        queue = item.get("queue")
        for key, (least, most) in _CONSUMER_LIMITS.items():
            value = item.get(key)
            if isinstance(value, int) and not least <= value <= most:
                message = f"{key} = {value} of the queue {queue} must be {least} to {most}"
                yield Finding(True, message, "Change it in wrangler.toml.")
        if item.get("dead_letter_queue") == queue:
            message = f"the queue {queue} is its own dead-letter queue"
            yield Finding(True, message, "Use another queue as dead_letter_queue.")
        elif not item.get("dead_letter_queue") and queue not in dead_letters:
            yield Finding(
                broken=False,
                message=f"the queue {queue} has no dead-letter queue: messages that keep failing "
                "are deleted",
                mend=f'Set dead_letter_queue = "{queue}-dead-letters".',
            )


def _crons(scope: Mapping[str, Any]) -> Iterator[Finding]:
    crons: Iterable[Any] = (scope.get("triggers") or {}).get("crons") or []
    for cron in crons:
        if not is_schedule(str(cron)):
            yield Finding(broken=True, message=f"{cron!r} is not a cron schedule", mend=WANTED)

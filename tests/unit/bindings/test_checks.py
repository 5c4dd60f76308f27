"""What `cfpy doctor` and `cfpy plan` find in a wrangler.toml that wrangler accepts."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import pytest

from cfpy.bindings.checks import check, check_models

TODAY = date(2026, 11, 23)
WELL = """\
name = "app"
main = "src/entry.py"
compatibility_date = "2026-11-17"
compatibility_flags = ["python_workers"]
triggers.crons = ["*/5 * * * *", "0 0 1 1 MON"]
d1_databases = [{ binding = "DB", database_id = "11111111-2222-3333-4444-555555555555" }]
kv_namespaces = [{ binding = "KV" }, { binding = "OLD", id = "0123456789abcdef0123456789abcdef" }]
ai.binding = "AI"
[[queues.producers]]
binding = "JOBS"
queue = "jobs"
[[queues.consumers]]
queue = "jobs"
max_batch_size = 10
dead_letter_queue = "dead"
[[queues.consumers]]
queue = "dead"
"""


def found(text: str, worker: str = "app") -> list[tuple[bool, str]]:
    config: dict[str, Any] = tomllib.loads(text)
    return [(finding.broken, finding.message) for finding in check(config, worker, TODAY)]


def test_nothing_is_wrong_with_this() -> None:
    assert found(WELL) == []


@pytest.mark.parametrize(
    ("old", "new", "broken", "said"),
    [
        ("2026-11-17", "2026-12-24", True, "is in the future"),
        ("2026-11-17", "2025-11-01", False, "more than a year old"),
        ("2026-11-17", "soon", True, "is not a date"),
        ('compatibility_date = "2026-11-17"', "", True, "there is no compatibility_date"),
        ('["python_workers"]', "[]", True, "needs the compatibility flag python_workers"),
        ('binding = "KV"', 'binding = "MY KV"', True, "binds 'MY KV'"),
        ('binding = "JOBS"', 'binding = "1JOBS"', True, "queues.producers binds '1JOBS'"),
        ('ai.binding = "AI"', 'ai.binding = "A-I"', True, "ai binds 'A-I'"),
        ("11111111-2222", "1-2", True, "is not a UUID"),
        ("11111111-2222", "x1111111-2222", True, "is not a UUID"),
        ('id = "0123456789abcdef', 'id = "<YOUR_ID>', False, "of OLD is a placeholder"),
        ("0123456789abcdef", "my-namespace", True, "of OLD is not 32 hexadecimal digits"),
        ('id = "0123456789abcdef', 'id = "g123456789abcdef', True, "is not 32 hexadecimal digits"),
        ("max_batch_size = 10", "max_batch_size = 1000", True, "must be 1 to 100"),
        ('dead_letter_queue = "dead"', 'dead_letter_queue = "jobs"', True, "its own dead-letter"),
        ('dead_letter_queue = "dead"', "", False, "messages that keep failing are deleted"),
        ('"*/5 * * * *"', '"*/5 * * *"', True, "is not a cron schedule"),
        ('"*/5 * * * *"', '"*/5 * * * !"', True, "is not a cron schedule"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, broken: bool, said: str) -> None:
    assert old in WELL
    [first, *_] = found(WELL.replace(old, new, 1))
    assert first[0] is broken
    assert said in first[1]


@pytest.mark.parametrize("name", ["App", "-app", "app.", "a" * 64, ""])
def test_names_that_no_worker_can_have(name: str) -> None:
    assert found(WELL, name)[0][0]


def test_retired_models_are_found_where_they_are_named() -> None:
    texts = {
        "src/a.py": 'M = "@cf/meta/llama-3-8b-instruct"',
        "src/b.py": "# @cf/meta/llama-3.1-8b-instruct-fp8 is not @cf/meta/llama-3.1-8b-instruct",
        "src/c.py": '"@cf/baai/bge-m3"',
    }
    assert [finding.message for finding in check_models(texts)] == [
        "@cf/meta/llama-3-8b-instruct was retired on 2026-05-30 (src/a.py)",
        "@cf/meta/llama-3.1-8b-instruct was retired on 2026-05-30 (src/b.py)",
    ]


@pytest.mark.parametrize(
    ("tables", "where"),
    [
        (
            '[[durable_objects.bindings]]\nname = "my-do"\nclass_name = "A"',
            "durable_objects.bindings",
        ),
        ('[[ratelimits]]\nname = "my-do"', "ratelimits"),
        ('[[send_email]]\nname = "my-do"', "send_email"),
        ('[[unsafe.bindings]]\nname = "my-do"', "unsafe.bindings"),
        ('[[workflows]]\nbinding = "my-do"\nname = "x"', "workflows"),
        ('[browser]\nbinding = "my-do"', "browser"),
    ],
)
def test_no_kind_may_bind_what_is_not_an_identifier(tables: str, where: str) -> None:
    said = f"{where} binds 'my-do', which is not a valid identifier"
    assert found(f"{WELL}\n{tables}\n") == [(True, said)]


@pytest.mark.parametrize(
    "tables",
    [
        '[[durable_objects.bindings]]\nname = "KV"\nclass_name = "A"',
        '[[send_email]]\nname = "KV"',
        '[vars]\nKV = "x"',
        '[secrets]\nrequired = ["KV"]',
    ],
)
def test_no_name_may_be_bound_twice(tables: str) -> None:
    [(broken, said)] = found(f"{WELL}\n{tables}\n")
    assert broken
    assert "KV, which is already the name of another binding" in said


def test_the_name_of_a_variable_need_not_be_an_identifier() -> None:
    assert found(f'{WELL}\n[vars]\nmy-do = "x"\n') == []


def test_a_newer_date_may_bring_a_newer_python() -> None:
    old = tomllib.loads(WELL.replace("2026-11-17", "2025-11-01"))
    [finding] = check(old, "app", TODAY)
    assert finding.fix == (
        "Set compatibility_date to 2026-11-17. "
        "From 2026-09-08 on, a Python Worker runs Python 3.14."
    )

"""A Worker's log lines in JSON are read; all others are not touched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cfpy.local.log_lines import parse

TRACE = (
    "Traceback (most recent call last):\n"
    '  File "<exec>", line 1, in call\n'
    '  File "src/rag/store.py", line 262, in nearest\n'
    "    found = await query()\n"
    'pyodide.ffi.JsException: Error: no metadata index on "team"; add it to cfpy.toml\n'
)


def test_a_request_comes_with_what_the_worker_added_and_the_error_last() -> None:
    line = parse(
        json.dumps(
            {
                **{"level": "error", "method": "POST", "path": "/query", "status": 502},
                **{"ms": 288.4, "error": TRACE, "code": "service-failed", "note": "two words"},
            }
        )
    )
    assert line is not None
    assert line.request == ("POST", "/query", 502)
    assert line.text == 'POST /query 502 288 ms  code=service-failed note="two words"'
    assert line.error.splitlines()[-1].endswith("add it to cfpy.toml")
    assert "<exec>" not in line.error
    assert "\\n" not in line.error
    assert line.is_bad


@pytest.mark.parametrize(
    ("fields", "text", "error", "bad"),
    [
        (
            {"level": "error", "message": "id1", "outcome": "retry", "ms": 3, "error": TRACE},
            "error  message=id1 outcome=retry ms=3",
            TRACE.splitlines()[-1],
            True,
        ),
        ({"level": "INFO", "n": 1, "on": True, "x": None}, "info  n=1 on=true x=null", "", False),
        ({"level": "warning", "error": "it is slow"}, "warning", "it is slow", False),
        ({"level": "info", "error": ""}, 'info  error=""', "", False),
        (
            {"level": "info", "method": "GET", "path": "/", "status": "200"},
            "info  method=GET path=/ status=200",
            "",
            False,
        ),
        (
            {"level": "info", "method": "GET", "path": "/", "status": 500},
            "GET / 500",
            "",
            True,
        ),
    ],
)
def test_other_lines(fields: dict[str, Any], text: str, error: str, bad: bool) -> None:
    line = parse(json.dumps(fields))
    assert line is not None
    assert line.text == text
    assert line.error.endswith(error)
    assert bool(line.error) == bool(error)
    assert line.is_bad is bad


@pytest.mark.parametrize(
    "text",
    ["", "hello", "{not json", '{"level": 3}', '{"a": "b"}', '["level"]', '{"level": "info"} x'],
)
def test_what_is_no_log_line_is_not_read(text: str) -> None:
    assert parse(text) is None

"""A configuration that wrangler refuses is an error with its reasons alone."""

from __future__ import annotations

import pytest

from cfpy.local.local_runtime import _fatal
from cfpy.local.refusal import Refusal
from cfpy.local.wrangler_output import Said, WranglerOutput

NAME = 'r2_buckets[0].bucket_name="b" is invalid.'
SAID = f"wrangler refuses wrangler.jsonc:\n  - {NAME}"


def test_of_the_node_runtime() -> None:
    error = _fatal("configuration", f"Processing wrangler.jsonc configuration:\n  - {NAME}\n")
    assert (error.message, error.exit_code) == (SAID, 8)
    # One of Miniflare.
    assert _fatal("configuration", "a value").message == "a value"


def test_of_wrangler_dev() -> None:
    refusal, output = Refusal("wrangler.jsonc"), WranglerOutput()
    lines = [
        "✘ [ERROR] Processing .wrangler/cfpy/worker.json configuration:",
        f"    - {NAME}",
        "    - another, in .wrangler/cfpy/worker.json",
        "",
    ]
    said = [output.read(line, on_stderr=True) for line in lines]
    assert [refusal.takes(each) for each in said if isinstance(each, Said)] == [True, True]
    message = f"{SAID}\n  - another, in wrangler.jsonc"
    assert (refusal.error.message, refusal.error.exit_code) == (message, 8)


@pytest.mark.parametrize(
    "said",
    [
        Said("warning", f"wrangler, about the configuration:\n    - {NAME}"),
        Said("error", "    at fetch (src/index.js:1:1)"),
        Said("log", "  an indented line"),
    ],
)
def test_nothing_else_is_one(said: Said) -> None:
    refusal = Refusal("wrangler.jsonc")
    assert not refusal.takes(said)
    assert refusal.lines == []

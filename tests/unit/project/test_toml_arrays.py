"""A value goes into an array of TOML as a person would write it."""

from __future__ import annotations

import pytest

from cfpy.project.config_text import try_edit
from cfpy.project.edits import Append

ADDED = Append(("kv_namespaces",), {"binding": "A"})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[]", '[{ binding = "A" }]'),
        ("[ ]", '[{ binding = "A" } ]'),
        ("[\n]", '[\n  { binding = "A" },\n]'),
        ("[\n  # nothing yet\n]", '[\n  # nothing yet\n  { binding = "A" },\n]'),
        ("[\n\t# nothing yet\n]", '[\n\t# nothing yet\n\t{ binding = "A" },\n]'),
        ("[ # nothing yet\n]", '[ # nothing yet\n  { binding = "A" },\n]'),
        (
            "[\n\n    # a\n    # b\n\n    ]",
            '[\n\n    # a\n    # b\n    { binding = "A" },\n\n    ]',
        ),
        ("[ # ]\n]", '[ # ]\n  { binding = "A" },\n]'),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\nx = 1\n"])
def test_the_first_value(before: str, after: str, end: str) -> None:
    text = f"a = 1\nkv_namespaces = {before}{end}"
    assert try_edit(".toml", text, ADDED) == f"a = 1\nkv_namespaces = {after}{end}"


def test_the_next_values_go_below_it() -> None:
    text = "kv_namespaces = [\n  # nothing yet\n]\n"
    for _ in range(2):
        text = try_edit(".toml", text, ADDED)
    value = '  { binding = "A" },\n'
    assert text == f"kv_namespaces = [\n  # nothing yet\n{value}{value}]\n"

"""Fake values: of the same type, equal where the values are, and not to be guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.errors import ProjectError, UsageError
from cfpy.project.masks import Mask, fake, parse_mask, parse_masks, seems_personal

KEY = b"k" * 32
VALUES = [
    "ada@corp.test",
    "https://corp.test/ada",
    "0b7e2d1c-8f4e-4f3a-9d21-3b0c6a1f2e10",
    "Ada Lovelace",
    "a\0b",
    7,
    -1,
    2**63 - 1,
    0.5,
    b"\0\1",
    b"",
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_fake_has_the_type_and_depends_on_value_and_key(value: str | float | bytes) -> None:
    made = fake(value, KEY)
    assert type(made) is type(value)
    assert made != value
    assert made == fake(value, KEY)
    assert made != fake(value, b"other")


def test_different_values_stay_different() -> None:
    given = [f"{n}@corp.test" for n in range(2000)] + [f"{n}" for n in range(2000)]
    assert len({fake(value, KEY) for value in given}) == len(given)
    assert len({fake(n, KEY) for n in range(2000)}) == 2000


def test_nothing_stays_nothing() -> None:
    assert (fake(None, KEY), fake("", KEY)) == (None, "")


@pytest.mark.parametrize(
    ("value", "form"),
    [(VALUES[0], "user-"), (VALUES[1], "https://example.com/"), (VALUES[3], "masked-")],
)
def test_addresses_keep_their_form(value: str, form: str) -> None:
    assert str(fake(value, KEY)).startswith(form)


def test_masks_are_read_from_the_file_and_the_command_line() -> None:
    data = {"masks": [{"binding": "DB", "columns": ["users.email", "a.b.c"]}]}
    assert parse_masks(data, Path("cfpy.toml")) == (
        Mask("users", "email", "DB"),
        Mask("a", "b.c", "DB"),
    )
    with pytest.raises(UsageError):
        parse_mask("email")


@pytest.mark.parametrize(
    "table",
    [
        *({}, {"columns": []}, {"columns": "a.b"}, {"columns": ["a"]}, {"columns": [["a.b"]]}),
        *({"columns": ["a.b"], "x": 1}, {"columns": ["a.b"], "binding": ["DB"]}),
    ],
)
def test_a_wrong_table_of_masks_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(ProjectError, match="masks"):
        parse_masks({"masks": [table]}, Path("cfpy.toml"))


@pytest.mark.parametrize("key", ["mask", "Masks", "MASKS", "maskes", "mask_s"])
def test_a_misspelt_key_masks_nothing_and_is_refused(key: str) -> None:
    with pytest.raises(ProjectError, match=rf"`{key}` is an unknown key; use \[\[masks\]\]"):
        parse_masks({key: [{"columns": ["users.email"]}]}, Path("cfpy.toml"))
    assert parse_masks({"secrets": [], "tasks_of_mine": []}, Path("cfpy.toml")) == ()


def test_columns_that_sound_personal() -> None:
    assert all(map(seems_personal, ("email", "Last_Name", "phone_number", "password_hash")))
    assert not any(map(seems_personal, ("id", "created_at", "status", "filename")))

"""Tokens and account ids: what is taken, and what is said of the rest without showing it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfpy.errors import NotAuthenticatedError
from cfpy.tools.credentials import checked_account_id, checked_token, stripped, variable

TOKEN = "v1.0-Qq9_xYz~wVu+Tsr/Pon"
AROUND = [" ", "\n", "\r\n", "\t", "\ufeff", "\u200b", "\u00a0", "\u2060", " \ufeff\n "]


@pytest.mark.parametrize("around", AROUND, ids=ascii)
def test_white_space_and_what_nobody_sees_around_a_token_is_left_out(around: str) -> None:
    assert checked_token(f"{around}{TOKEN}{around}", "X") == TOKEN
    assert checked_account_id(f"{around}{'0a' * 16}{around}", "X") == "0a" * 16


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (f'"{TOKEN}"', "quotes"),
        (f"'{TOKEN}'", "quotes"),
        (f"\u201c{TOKEN}\u201d", "quotes"),
        (f"\u00ab{TOKEN}\u00bb", "quotes"),
        (f"`{TOKEN}`", "quotes"),
        (f'{TOKEN}"', "quotes"),
        (f"Bearer {TOKEN}", "precedes a token in a header"),
        (f"Authorization: Bearer {TOKEN}", "precedes a token in a header"),
        (f"CLOUDFLARE_API_TOKEN={TOKEN}", "the name of a variable"),
        (f"export CLOUDFLARE_API_TOKEN={TOKEN}", "the name of a variable"),
        ("v1 0", "its character 3 of 4 is a space"),
        ("v1\u00a00", "its character 3 of 4 is a space"),
        ("v1\n0", "its character 3 of 4 is the end of a line"),
        ("v1\x000", "its character 3 of 4 is a control character"),
        ("v1\x1b0", "its character 3 of 4 is a control character"),
        ("v1\u200b0", "its character 3 of 4 is an invisible character"),
        ("v1\u00e90", "its character 3 of 4 is not ASCII"),
        ("v1\u20130", "its character 3 of 4 is not ASCII"),
        ("v1\udcff0", "its character 3 of 4 is a control character"),
        ("v1,0", "its character 3 of 4 is a punctuation mark"),
        ("v1$0", "its character 3 of 4 is not allowed in a token"),
        ("1v=0", "it contains = before its end"),
        ("${{ secrets.TOKEN }}", "a placeholder"),
        ("<token>", "a placeholder"),
        ("***", "a placeholder"),
        ("0a" * 16, "the id of an account"),
        ("0a" * 18 + "0", "a global API key"),
        ("", "empty"),
    ],
    ids=ascii,
)
def test_what_is_no_token_is_named_and_not_shown(value: str, said: str) -> None:
    with pytest.raises(NotAuthenticatedError) as caught:
        checked_token(value, "CLOUDFLARE_API_TOKEN")
    assert said in caught.value.message
    assert caught.value.message.startswith("CLOUDFLARE_API_TOKEN is not an API token")
    text = caught.value.message + caught.value.hint
    assert not value or value not in text
    assert TOKEN not in text


@given(st.text(min_size=3))
def test_a_token_can_be_sent_or_is_refused_and_never_shown(value: str) -> None:
    said = ""
    try:
        token = checked_token(value, "X")
    except NotAuthenticatedError as error:
        token, said = "", error.message + error.hint
    # Three characters that some word of the message may have are no proof of a leak.
    assert len(stripped(value)) < 6 or stripped(value) not in said
    assert token.isascii()
    assert token.isprintable()
    assert " " not in token


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0" * 31, "it has 31 characters"),
        ("g" + "0" * 31, "its character 1 is not a hexadecimal digit"),
        ('"' + "0" * 32 + '"', "quotes"),
        ("mine", "it has 4 characters"),
        (TOKEN, "characters, but an id has 32"),
        ("../" + "0" * 29, "its character 1"),
    ],
)
def test_what_is_no_account_id_is_named_and_not_shown(value: str, said: str) -> None:
    with pytest.raises(NotAuthenticatedError) as caught:
        checked_account_id(value, "CLOUDFLARE_ACCOUNT_ID")
    assert said in caught.value.message
    assert value not in caught.value.message + caught.value.hint


def test_an_empty_variable_is_not_set_and_an_old_name_still_counts() -> None:
    name = "CLOUDFLARE_API_TOKEN"
    assert variable({name: "a "}, name) == (name, "a")
    assert variable({}, name) == (name, "")
    assert variable({name: " \n", "CF_API_TOKEN": "b"}, name) == ("CF_API_TOKEN", "b")
    assert variable({name: "a", "CF_API_TOKEN": "b"}, name) == (name, "a")

"""Known secrets leave no message, however it quotes them."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfpy.tools.redaction import HIDDEN, SECRET_VARIABLES, KnownSecrets

SECRET = "pa'ss\"wo\\rd-\u00e9-12345"


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text,
        repr,
        lambda text: repr(text.encode()),
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        quote,
        lambda text: quote(text, safe=""),
        lambda text: f"Illegal header value b'Bearer {text} '",
        lambda text: f"prefix{text}suffix",
    ],
)
def test_each_form_of_a_secret_is_hidden(form: object) -> None:
    text = KnownSecrets([f" {SECRET}\n"]).redact(f"it was {form(SECRET)}, so")  # type: ignore[operator]
    assert HIDDEN in text
    assert "wo" not in text
    assert "12345" not in text
    assert text.startswith("it was ")
    assert text.endswith(", so")


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Cs")), min_size=8))
def test_any_secret_is_hidden(value: str) -> None:
    said = KnownSecrets([value]).redact(f"a {value} b")
    assert said == f"a {HIDDEN} b" or value not in said


def test_a_short_value_is_hidden_where_it_stands_alone() -> None:
    secrets = KnownSecrets(["me:x", "on"])
    assert secrets.redact("me:x some:xy done on") == f"{HIDDEN} some:xy done on"


def test_a_part_of_a_list_and_a_line_of_a_key_are_hidden() -> None:
    secrets = KnownSecrets(
        ["me:one-long-token, you:another-long-token", "BEGIN\nMIIEvQIBADANB\nEND"]
    )
    text = secrets.redact("another-long-token, MIIEvQIBADANB, one-long-token, BEGIN")
    assert text == f"{HIDDEN}, {HIDDEN}, {HIDDEN}, BEGIN"


def test_the_name_of_a_variable_is_no_secret() -> None:
    """A line of a .env file that was pasted in place of the token."""
    for name in SECRET_VARIABLES:
        known = KnownSecrets([f"{name}=a-secret-token-9"])
        assert known.redact(f"{name} holds a-secret-token-9") == f"{name} holds {HIDDEN}"


def test_the_longer_secret_is_hidden_whole() -> None:
    assert KnownSecrets(["abcdefgh", "abcdefgh-ijkl"]).redact("abcdefgh-ijkl") == HIDDEN


def test_a_password_in_an_address_is_hidden_though_nobody_knows_it() -> None:
    redact = KnownSecrets().redact
    assert redact("proxy http://u:p%40@h:80/x") == f"proxy http://{HIDDEN}@h:80/x"
    assert redact("to https://:p@h") == f"to https://{HIDDEN}@h"
    for plain in ("http://h:80/a", "git@github.com:o/r", "https://u@h", "a: b@c", "x://y:1"):
        assert redact(plain) == plain


def test_a_document_is_redacted_in_depth() -> None:
    secrets = KnownSecrets(["a-secret-value"])
    document = {"a-secret-value": [{"k": ("a-secret-value", 1, None, True)}], "n": 2.5}
    assert secrets.redact_all(document) == {HIDDEN: [{"k": [HIDDEN, 1, None, True]}], "n": 2.5}


def test_the_environments_own_are_known_and_not_in_its_repr() -> None:
    environ = {name: f"value-of-{name}" for name in SECRET_VARIABLES} | {"PATH": "/usr/bin"}
    secrets = KnownSecrets.of_environment(environ)
    assert secrets.redact(" ".join(environ.values())) == " ".join(
        [HIDDEN] * len(SECRET_VARIABLES) + ["/usr/bin"]
    )
    assert "value-of" not in repr(secrets)

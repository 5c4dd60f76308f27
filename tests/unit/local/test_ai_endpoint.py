"""The variables that name the user's own AI endpoint."""

from __future__ import annotations

import pytest

from cfpy.errors import UsageError
from cfpy.local.ai_endpoint import read_endpoint
from cfpy.local.configuration import LocalAI


def test_nothing_is_set() -> None:
    assert read_endpoint({}) == LocalAI()


def test_all_is_set_with_white_space_around() -> None:
    found = read_endpoint(
        {
            "CFPY_AI_BASE_URL": " http://[::1]:11434/v1\n",
            "CFPY_AI_API_KEY": "key\n",
            "CFPY_AI_CHAT_MODEL": "chat ",
            "CFPY_AI_EMBED_MODEL": "embed",
            "CFPY_AI_TIMEOUT": "300",
        }
    )
    assert found == LocalAI(
        base_url="http://[::1]:11434/v1",
        api_key="key",
        chat_model="chat",
        embed_model="embed",
        timeout=300,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CFPY_AI_BASE_URL", "localhost:11434/v1"),
        ("CFPY_AI_BASE_URL", "http://"),
        ("CFPY_AI_BASE_URL", "ftp://localhost/v1"),
        ("CFPY_AI_BASE_URL", "http://localhost:port/v1"),
        ("CFPY_AI_BASE_URL", "http://[::1/v1"),
        ("CFPY_AI_BASE_URL", "http://localhost/v1?key=secret"),
        ("CFPY_AI_BASE_URL", "https://user:secret@localhost/v1"),
        ("CFPY_AI_API_KEY", "secret“"),
        ("CFPY_AI_API_KEY", "sec\nret"),
        ("CFPY_AI_TIMEOUT", "soon"),
        ("CFPY_AI_TIMEOUT", "0"),
        ("CFPY_AI_TIMEOUT", "3601"),
        ("CFPY_AI_TIMEOUT", "-1"),
        ("CFPY_AI_TIMEOUT", "1.5"),
        ("CFPY_AI_TIMEOUT", "\u0663"),
    ],
)
def test_what_makes_no_sense_is_named_and_no_secret_shown(name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_endpoint({name: value})
    assert name in caught.value.message
    assert caught.value.hint
    assert "secret" not in caught.value.message + caught.value.hint

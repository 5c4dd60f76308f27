"""Invisible characters in TOML are named; those in strings and comments are fine."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.errors import ProjectError
from cfpy.project.config_text import read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name\u00a0= "x"\n', "1:5: a no-break space (U+00A0)"),
        ('\u00a0name = "x"\n', "1:1: a no-break space (U+00A0)"),
        ('name =\u00a0"x"\n', "1:7: a no-break space (U+00A0)"),
        ('name = "x"\u00a0\n', "1:11: a no-break space (U+00A0)"),
        ("a = 1\u200b\n", "1:6: a zero width space (U+200B)"),
        ("a=1\r\n\u2028b=2\r\n", "2:1: a line separator (U+2028)"),
        ("a=1\n\ufeffb=2\n", "2:1: a byte order mark (U+FEFF)"),
        ("[a]\u200b\n", "1:4: a zero width space (U+200B)"),
        ("[\u00a0a]\n", "1:2: a no-break space (U+00A0)"),
        ("a = [1,\u00a02]\n", "1:8: a no-break space (U+00A0)"),
        ("a = {b\u2060=1}\n", "1:7: a word joiner (U+2060)"),
    ],
)
def test_it_is_named_in_toml(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.toml"
    path.write_bytes(text.encode())
    with pytest.raises(ProjectError) as caught:
        read(path)
    assert f"wrangler.toml:{message}" in str(caught.value)
    assert "plain space" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("wrangler.toml", '# \u00a0\u200b\na = "\u00a0\u200b"\n'),
        ("wrangler.jsonc", '// \u00a0\u200b\n{"a": "\u00a0\u200b" /* \ufeff */}\n'),
    ],
)
def test_it_is_fine_in_a_string_and_in_a_comment(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    assert read(path)[1] == {"a": "\u00a0\u200b"}

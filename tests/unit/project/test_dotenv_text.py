"""`KEY=VALUE` text, read as wrangler reads it: tests/runtime/test_env_files.py compares both."""

from __future__ import annotations

import pytest

from cfpy.project.dotenv_text import parse_dotenv


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("A=abc#def", "abc"),
        ("A=abc # def", "abc"),
        ('A="abc#def" # comment', "abc#def"),
        ("A='abc#def'", "abc#def"),
        ('A=`it\'s "x"`', 'it\'s "x"'),
        ("A: value", "value"),
        ("A = around ", "around"),
        ("  export A=yes", "yes"),
        ("A=", ""),
        ('A=""', ""),
        (r'A="C:\temp\new"', "C:\\temp\new"),
        (r"A='C:\temp\new'", "C:\\temp\\new"),
        (r'A="say \"hi\""', r"say \"hi\""),
        (r"A='don\'t'", r"don\'t"),
        (r'A="one\ntwo\rthree"', "one\ntwo\rthree"),
        ('A="double ""quoted"', 'double ""quoted'),
        ('A="one\ntwo"', "one\ntwo"),
        ("A=a=b==", "a=b=="),
        ("A=pa$$word$HOME", "pa$$word$HOME"),
        ('A={"k":"v"}', '{"k":"v"}'),
        ("A=naïve-日本", "naïve-日本"),
        ("\ufeffA=bom", "bom"),
        ("A=x\r\nB=y", "x"),
        ("A=first\nA=second", "second"),
        ('A="open', '"open'),
        ("A=\nB=next", ""),
    ],
)
def test_one_line(line: str, value: str) -> None:
    assert parse_dotenv(line)["A"] == value


@pytest.mark.parametrize("line", ["", "# A=1", "A", "A:value", "=value", "A B=1"])
def test_what_assigns_nothing_is_skipped(line: str) -> None:
    assert "A" not in parse_dotenv(line)

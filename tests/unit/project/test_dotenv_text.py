"""`KEY=VALUE` text, read as wrangler reads it: tests/runtime/test_env_files.py compares both."""

from __future__ import annotations

import pytest

from cfpy.project.dotenv_text import faulty_lines, parse_dotenv


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


WELL = """\
# a comment = here
A=plain
B: value # comment

  export C="two
lines # of it" # comment
D=
E='x'#near
F="#"
"""
SKIPPED = "it is not NAME=VALUE, so it is skipped"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (WELL, []),
        ("sekret\n" + WELL, [1]),
        (WELL + "sekret", [10]),
        ("A=1\nMY KEY=sekret\nB=2\n-- sekret\n", [2, 4]),
        ("=sekret\n", [1]),
        ("A sekret\n\nexport B\n", [1, 3]),
        ('A="x\ny"\nsekret\n', [3]),
    ],
)
def test_a_line_that_assigns_nothing_is_found(text: str, lines: list[int], end: str) -> None:
    assert list(faulty_lines(text.replace("\n", end))) == [(line, SKIPPED) for line in lines]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('A="sekret', "quote is never closed"),
        ('A="sekret" xyz', "text follows its closing quote"),
        ("A='sekret'sek", "text follows"),
        ("A=`sek` `ret`x", "text follows"),
        (
            'A="sek#ret" sek',
            "text follows its closing quote, so the quotes are a part of the value, "
            "which ends at the #",
        ),
        ('A="sek\\" ret', "quote is never closed"),
        ('A="sek # ret', "quote is never closed"),
        ('A="sekret";', "text follows"),
        ("A=sek#ret", "ends at the #"),
        ("A=#sekret", "its value is empty"),
        ("A=`x", "quote"),
    ],
)
def test_a_value_that_is_not_what_it_looks_like_is_found(line: str, what: str) -> None:
    [(number, said)] = faulty_lines(f"\nB=1\n{line}\nC=2\n")
    assert number == 3
    assert what in said
    assert "sek" not in said

"""Patterns that extend others: what lies over what, and how mistakes are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from cfpy.errors import PatternError
from cfpy.patterns.pattern_store import PatternStore
from cfpy.patterns.renderer import render


class Author:
    """Writes patterns, and renders them."""

    def __init__(self, root: Path) -> None:
        self.patterns = root / "patterns"
        self.target = root / "out"
        self.target.mkdir()

    def write(self, name: str, manifest: str = "", questions: str = "", **files: str) -> None:
        """A pattern; ``files`` are named with ``__`` for a slash and ``_DOT_`` for a dot."""
        root = self.patterns / name
        (root / "template").mkdir(parents=True)
        head = 'title = "T"\nsummary = "S"\nversion = "1.0.0"\n'
        (root / "pattern.toml").write_text(head + manifest)
        if questions:
            (root / "copier.yml").write_text(dedent(questions))
        for key, text in files.items():
            path = root / "template" / key.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def render(self, name: str, **answers: str) -> dict[str, str]:
        pattern = PatternStore(self.patterns).get(name)
        render(pattern, self.target, answers, interactive=False)
        files = [path for path in self.target.rglob("*") if path.is_file()]
        return {path.relative_to(self.target).as_posix(): path.read_text() for path in files}


QUESTIONS = """
    _subdirectory: template
    _envops: {undefined: jinja2.StrictUndefined}
    who: {type: str, default: world}
"""


@pytest.fixture
def author(tmp_path: Path) -> Author:
    author = Author(tmp_path)
    author.write(
        "below",
        "abstract = true\n",
        QUESTIONS,
        greet_DOT_txt_DOT_jinja="Hello {{ who }}{% block end %}!{% endblock %}\n",
        kept_DOT_txt="kept\n",
        gone__away_DOT_txt="gone\n",
    )
    return author


def test_a_child_adds_replaces_removes_and_fills_blocks(author: Author) -> None:
    author.write(
        "above",
        'extends = "below"\nremoves = ["gone/away.txt"]\n',
        "mood: {type: str, default: glad}",
        greet_DOT_txt_DOT_jinja='{% extends "below/greet.txt.jinja" %}'
        "{% block end %}, I am {{ mood }}.{% endblock %}",
        new_DOT_txt="new\n",
    )
    assert author.render("above", who="you") == {
        "greet.txt": "Hello you, I am glad.\n",
        "kept.txt": "kept\n",
        "new.txt": "new\n",
    }


def test_a_plain_file_replaces_a_substituted_one(author: Author) -> None:
    author.write("above", 'extends = "below"\n', greet_DOT_txt="Good day.\n")
    assert author.render("above")["greet.txt"] == "Good day.\n"


def test_wrangler_toml_is_laid_over_the_one_below(author: Author) -> None:
    author.write(
        "middle",
        'extends = "below"\n',
        wrangler_DOT_toml_DOT_jinja='name = "{{ who }}"\n{% block more %}{% endblock %}',
    )
    author.write(
        "upper",
        'extends = "middle"\n',
        wrangler_DOT_toml='# Files.\n[[r2_buckets]]\nbinding = "F"\n',
    )
    filled = '{% extends "middle/wrangler.toml.jinja" %}{% block more %}main = "m"\n{% endblock %}'
    author.write("filling", 'extends = "middle"\n', wrangler_DOT_toml_DOT_jinja=filled)
    alone = 'extends = "middle"\nremoves = ["wrangler.toml"]\n'
    author.write("alone", alone, wrangler_DOT_toml='main = "x"\n')
    author.write("top", 'extends = "upper"\n', wrangler_DOT_toml='name = "top"\n')
    assert {name: author.render(name)["wrangler.toml"] for name in ("top", "filling", "alone")} == {
        "top": 'name = "top"\n\n# Files.\n[[r2_buckets]]\nbinding = "F"\n',
        "filling": 'name = "world"\nmain = "m"\n',
        "alone": 'main = "x"\n',
    }
    assert not [path for path in author.target.rglob("*") if "layers" in path.name]


def test_what_lies_over_a_file_that_was_left_out_stands_alone(author: Author) -> None:
    exclude = '_exclude: ["/wrangler.toml"]\n'
    author.write("middle", 'extends = "below"\n', exclude, wrangler_DOT_toml='name = "a"\n')
    author.write("top", 'extends = "middle"\n', wrangler_DOT_toml='main = "b"\n')
    assert author.render("top")["wrangler.toml"] == 'main = "b"\n'


def test_a_wrangler_toml_that_is_none_is_told_with_its_file(author: Author) -> None:
    author.write("middle", 'extends = "below"\n', wrangler_DOT_toml='name = "a"\n')
    author.write("top", 'extends = "middle"\n', wrangler_DOT_toml="name = \n")
    with pytest.raises(PatternError, match="not render to valid TOML") as caught:
        author.render("top")
    assert str(author.patterns / "top" / "template" / "wrangler.toml") in caught.value.message


def test_three_layers_lie_over_each_other(author: Author) -> None:
    author.write("middle", 'extends = "below"\nabstract = true\n', kept_DOT_txt="middle\n")
    author.write("top", 'extends = "middle"\n', "who: {default: top}")
    rendered = author.render("top")
    assert (rendered["kept.txt"], rendered["greet.txt"]) == ("middle\n", "Hello top!\n")


def test_an_abstract_pattern_is_neither_listed_nor_made(author: Author) -> None:
    author.write("above", 'extends = "below"\n')
    store = PatternStore(author.patterns)
    assert store.names() == ["above"]
    with pytest.raises(PatternError, match="no pattern 'below'"):
        store.get("below")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ('extends = "nothing"\n', "extends 'nothing', which does not exist"),
        ('extends = "above"\n', "'above' extends itself"),
        (
            'extends = "below"\nremoves = ["x.txt"]\n',
            "removes 'x.txt', which is in no pattern below",
        ),
    ],
)
def test_a_wrong_manifest_is_told(author: Author, manifest: str, message: str) -> None:
    author.write("above", manifest)
    with pytest.raises(PatternError, match=message):
        author.render("above")


def test_a_mistake_is_told_with_the_file_that_its_author_wrote(author: Author) -> None:
    author.write("above", 'extends = "below"\n', sub__broken_DOT_txt_DOT_jinja="one\n{% if %}\n")
    written = author.patterns / "above" / "template" / "sub" / "broken.txt.jinja"
    with pytest.raises(PatternError) as caught:
        author.render("above")
    assert f"{written}:2" in caught.value.message


def test_a_mistake_in_a_layer_below_is_told_with_that_layers_file(author: Author) -> None:
    author.write("middle", 'extends = "below"\n', x_DOT_txt_DOT_jinja="{% block b %}\n{% if %}")
    author.write(
        "top", 'extends = "middle"\n', x_DOT_txt_DOT_jinja='{% extends "middle/x.txt.jinja" %}'
    )
    written = author.patterns / "middle" / "template" / "x.txt.jinja"
    with pytest.raises(PatternError) as caught:
        author.render("top")
    assert str(written) in caught.value.message


def test_a_directory_that_is_yielded_many_times_holds_its_literal_files(author: Author) -> None:
    author.write("above", 'extends = "below"\n')
    directory = "{% yield it from ['one', 'two'] %}{{ it }}{% endyield %}"
    path = author.patterns / "above" / "template" / directory / "fixed.txt.jinja"
    path.parent.mkdir()
    path.write_text("{{ it }}\n")
    rendered = author.render("above")
    assert (rendered["one/fixed.txt"], rendered["two/fixed.txt"]) == ("one\n", "two\n")


def test_the_tree_says_where_each_file_comes_from() -> None:
    argv = [sys.executable, "-m", "cfpy", "patterns", "show", "rag"]
    done = subprocess.run([*argv, "--json"], capture_output=True, text=True, check=True)
    shown = json.loads(done.stdout)["data"]
    assert (shown["layers"], shown["runs"]) == (["base", "auth", "api", "jobs", "rag"], [])
    assert shown["files"]["src/entry.py"] == ["rag"]
    assert shown["files"]["public/style.css"] == ["base", "rag"]
    done = subprocess.run([*argv, "--tree"], capture_output=True, text=True, check=True)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("public/style.css")]
    assert line.split() == ["public/style.css", "rag", "base"]

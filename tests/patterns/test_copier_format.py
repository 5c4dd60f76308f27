"""Copier's format, all of it: what works does so in `cfpy new` and in `cfpy update`, as in copier;
what does not is refused. The lists are the installed copier's own."""

# A case is read as one line of a table.
# ruff: noqa: E501

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import warnings
from pathlib import Path

import copier
import pytest
import yaml
from copier import _main, _template, _user_data
from copier_rows import QUESTIONS, SETTINGS, Row
from copier_story import CopierStory, git, tree

from cfpy.errors import PatternError, UsageError
from cfpy.patterns import copier_format

NAME = "project_name: {type: str}\n"
MESSAGES = {"_message_after_copy", "_message_before_copy"}
MESSAGES |= {"_message_after_update", "_message_before_update"}
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "copier.md"


def settings_of_copier() -> set[str]:
    """What the installed copier reads of `copier.yml`."""
    source = inspect.getsource(_template)
    read = re.findall(r"""(?:config_data|result)(?:\.get\(\s*|\[)["']([a-z]\w+)["']""", source)
    raw = re.findall(r"""_raw_config(?:\.get\(\s*|\[)["']_(\w+)["']""", source)
    return {f"_{name}" for name in (*read, *raw)}


def test_every_setting_of_copier_is_known() -> None:
    known = copier_format.SETTINGS | copier_format.UNSUPPORTED.keys()
    assert settings_of_copier() == known


def test_every_option_of_copier_is_known() -> None:
    options = {f"_{item.name}" for item in dataclasses.fields(_main.Worker) if item.init}
    # The command line has these besides: copier.readthedocs.io/en/stable/configuring/
    options |= {"_data_file", "_force"}
    assert options - settings_of_copier() == copier_format.OPTIONS


def test_every_key_and_type_of_a_question_is_known() -> None:
    keys = {item.name for item in dataclasses.fields(_user_data.Question)}
    given_by_copier = {"var_name", "answers", "context", "jinja_env", "settings"}
    assert keys - given_by_copier == copier_format.QUESTION_KEYS
    assert set(_user_data.CAST_STR_TO_NATIVE) == copier_format.TYPES


def test_everything_that_works_has_a_row() -> None:
    assert {row.key for row in SETTINGS} | MESSAGES == copier_format.SETTINGS
    assert {row.key for row in QUESTIONS} == copier_format.QUESTION_KEYS
    types = {found for row in QUESTIONS for found in re.findall(r"type: (\w+)", row.config)}
    assert types == copier_format.TYPES


def test_the_page_lists_everything() -> None:
    text = PAGE.read_text()
    listed = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.+?) \|", text, re.MULTILINE))))
    known = copier_format.SETTINGS | copier_format.UNSUPPORTED.keys() | copier_format.OPTIONS
    assert listed == known | copier_format.QUESTION_KEYS | copier_format.TYPES


def _id(row: Row) -> str:
    return f"{row.key} {list(row.answers.values())}"


@pytest.mark.parametrize("row", [*SETTINGS, *QUESTIONS], ids=_id)
def test_it_works(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFPY_CONFIG_DIR", str(tmp_path / "config"))
    story = CopierStory(tmp_path, NAME + row.config, row.files)
    made = story.new(trust=row.trust, **row.answers)
    check(story.project, row.made)
    if row.kept is not None:
        assert made.answers == row.kept
    answers = {**made.answers, **{k: v for k, v in row.answers.items() if isinstance(v, str)}}
    if "multiselect" in row.config and "q" in made.answers:
        answers["q"] = made.answers["q"]
    assert tree(story.project) == story.as_copier_does(tmp_path / "copier", **answers)

    # Nothing changed, so nothing is to do, however often one asks.
    for _ in range(2):
        result = story.update(trust=row.trust)
        assert result.up_to_date, result.steps
        assert result.old == result.new
    story.release(NAME + (row.next_config or row.config), row.then)
    result = story.update(trust=row.trust, **row.later)
    assert not result.conflicts
    check(
        story.project,
        {**{k: v for k, v in row.made.items() if k not in row.updated}, **row.updated},
    )
    story.commit()
    assert story.update(trust=row.trust).up_to_date


def check(project: Path, files: dict[str, str | bytes | None]) -> None:
    for name, content in files.items():
        path = project / name
        found = path.read_bytes() if path.exists() else None
        assert found == (content.encode() if isinstance(content, str) else content), name


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ("_external_data: {a: .copier-answers.yml}\n", "_external_data is not supported"),
        ("_migrations: [{version: v1, command: touch x}]\n", "_migrations is not supported"),
        ("_preserve_symlinks: true\n", "_preserve_symlinks is not supported"),
        *((f"{key}: true\n", f"{key} is an option") for key in sorted(copier_format.OPTIONS)),
        ("_skip_if_exist: [a]\n", "_skip_if_exist is not a setting"),
        ("_subdir: a\n", "_subdir is not a setting of copier; _subdirectory is"),
        ("_task: [a]\n", "_task is not a setting of copier; _tasks is"),
        ("_secret_questions: [pasword]\npassword: x\n", "_secret_questions names 'pasword'"),
        ("q: {type: str, secret: true}\n", "the secret question 'q' has no default"),
        ("q: {type: str, defalt: a}\n", "the question 'q' has the unknown key 'defalt'"),
        ("q: {type: string}\n", "the question 'q' has the unknown type 'string'"),
        (
            "q: {choices: {A: {value: a, when: x}}}\n",
            "a choice of the question 'q' has the unknown key",
        ),
        ("_tasks: [{command: a, unless: b}]\n", "a task of _tasks has the unknown key 'unless'"),
        ("_min_copier_version: '99.0.0'\n", "requires Copier version >= 99.0.0"),
        ("q: !include /etc/passwd\n", "not a file of this template"),
        ("q: !include ../x.yml\n", "not a file of this template"),
    ],
)
def test_it_is_refused(config: str, named: str, tmp_path: Path) -> None:
    story = CopierStory(tmp_path, config if config.startswith("!") else NAME + config, {"f": "1\n"})
    with pytest.raises(PatternError, match=re.escape(named)) as caught:
        story.new(trust=False)
    assert caught.value.exit_code == 3
    assert not story.project.exists()


def test_it_is_refused_at_update_too(tmp_path: Path) -> None:
    story = CopierStory(tmp_path, NAME, {"f.txt": "1\n"})
    story.new()
    story.release(NAME + "_external_data: {a: b}\n", {"f.txt": "2\n"})
    with pytest.raises(PatternError, match="_external_data is not supported"):
        story.update()
    assert story.read("f.txt") == "1\n"


@pytest.mark.parametrize(
    ("spec", "answer", "said"),
    [
        ("{type: int, default: 1}", "one", "q: invalid literal"),
        ("{type: str, choices: [a, b], default: a}", "c", "'c' is not a choice of 'q'"),
        ("{type: str, choices: \"['a', 'b']\", default: a}", "c", "Invalid choice for 'q'"),
        ("{type: str, multiselect: true, choices: [a, b], default: [a]}", "a,c", "'c' is not a choice"),
        ("{type: str, multiselect: true, choices: \"['a', 'b']\", default: [a]}", "a,c", "Invalid choice for 'q': 'c'"),
        ("{type: str, multiselect: true, choices: [a, b], default: [a]}", "[a, c]", "Invalid choice for 'q': 'c'"),
        ("{type: str, multiselect: true, choices: [a, b], default: [a]}", "[a", "q"),
        ("{type: str, choices: {A: a, B: {value: b, validator: not here}}, default: a}", "b", "not here"),
        ("{type: str, default: a, validator: '{% if q != \"a\" %}only a{% endif %}'}", "b", "only a"),
        ("{type: json, default: '{}'}", "{", "q"),
        ("{type: yaml, default: 1}", "[", "q"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_fit(spec: str, answer: str, said: str, tmp_path: Path) -> None:
    story = CopierStory(tmp_path, f"{NAME}q: {spec}\n", {"f.txt.jinja": "{{ q }}\n"})
    with pytest.raises(PatternError, match=re.escape(said)):
        story.new(q=answer)
    assert not story.project.exists()


@pytest.mark.parametrize(
    ("spec", "answer", "later"),
    [
        ("{type: str, choices: [a, b], default: a}", "b", "{type: str, choices: [a, c], default: a}"),
        ("{type: str, choices: \"['a', 'b']\", default: a}", "b", "{type: str, choices: \"['a', 'c']\", default: a}"),
        ("{type: str, multiselect: true, choices: [a, b], default: [a]}", "a,b", "{type: str, multiselect: true, choices: [a, c], default: [a]}"),
        ("{type: str, multiselect: true, choices: \"['a', 'b']\", default: [a]}", "a,b", "{type: str, multiselect: true, choices: \"['a', 'c']\", default: [a]}"),
        ("{type: str, default: a}", "b", "{type: str, default: a, validator: '{% if q != \"a\" %}only a{% endif %}'}"),
        ("{type: str, default: a}", "b", "{type: int, default: 1}"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_fit_any_more_is_not_dropped(
    spec: str, answer: str, later: str, tmp_path: Path
) -> None:
    story = CopierStory(tmp_path, f"{NAME}q: {spec}\n", {"f.txt.jinja": "{{ q }}\n"})
    story.new(q=answer)
    before = story.read("f.txt")
    story.release(f"{NAME}q: {later}\n", {"g.txt": "g\n"})
    with pytest.raises(PatternError, match="'q'"):
        story.update()
    assert story.read("f.txt") == before
    story.update(q="1" if "int" in later else "a")
    assert story.read("g.txt") == "g\n"


def test_messages_are_shown(tmp_path: Path) -> None:
    config = "".join(
        f'_message_{when}_{what}: "{when} {what} of {{{{ project_name|default(1) }}}} in '
        f'{{{{ _copier_conf.dst_path }}}}"\n'
        for when in ("before", "after")
        for what in ("copy", "update")
    )
    story = CopierStory(tmp_path, NAME + config, {"f.txt": "1\n"})
    assert story.new().closing == "after copy of app in app"
    assert story.said == ["before copy of 1 in app"]
    story.release(NAME + config, {"f.txt": "2\n"})
    assert story.update().closing == "after update of app in app"
    assert story.said[1:] == ["before update of 1 in app"]


def test_several_documents_and_files_that_are_included(tmp_path: Path) -> None:
    config = NAME + "---\n!include shared/*.yml\n---\n_exclude: [b.txt, shared, copier.yml]\n"
    files = {
        "shared/one.yml": "who: {type: str, default: w}\n_exclude: [a.txt]\n---\n_sizes: &s [1, 2]\nsize: {type: int, choices: *s, default: 1}\n",
        "a.txt": "a\n",
        "b.txt": "b\n",
        "c.txt.jinja": "{{ who }} {{ size }}\n",
    }
    story = CopierStory(tmp_path, config, files)
    made = story.new(size="2")
    assert made.answers == {"project_name": "app", "who": "w", "size": 2}
    assert tree(story.project) == {"c.txt": b"w 2\n"}
    assert tree(story.project) == story.as_copier_does(tmp_path / "copier", size=2)
    assert story.update().up_to_date


@pytest.mark.parametrize("name", ["copier.yaml", "copier.YML"])
def test_the_file_may_have_another_ending(name: str, tmp_path: Path) -> None:
    story = CopierStory(tmp_path, NAME, {"f.txt.jinja": "{{ project_name }}\n"})
    (story.template / "copier.yml").rename(story.template / name)
    story.new()
    assert story.read("f.txt") == "app\n"
    (story.template / "copier.yml").write_text(NAME)
    with pytest.raises(PatternError, match=r"copier\.\w+ and copier\.y"):
        story.update()


def test_a_key_that_holds_an_anchor_is_no_setting(tmp_path: Path) -> None:
    config = "_copy_without_render: [x]\n_exclude_: &kinds {A: a, B: b}\nq: {type: str, choices: *kinds, default: a}\n"
    story = CopierStory(tmp_path, NAME + config, {"f.txt.jinja": "{{ q }}\n"})
    story.new(q="b")
    assert story.read("f.txt") == "b\n"


ODD = {
    "{% if project_name %}dir {{ project_name }}{% endif %}/{{ project_name }} é.txt.jinja": "1\n",
    "{% if not project_name %}never.txt{% endif %}": "x",
    "{% yield x from [1, 2] %}n{{ x }}{% endyield %}.txt.jinja": "{{ x }}\n",
    "windows.txt": "a {{ b }}\r\nc\r\n",
    "windows-too.txt.jinja": "{{ project_name }}\r\nb\r\n",
    "mixed.txt": "a\r\nb\nc\r",
    "no-end.txt": "a",
    "empty.txt": "",
    "logo.png": b"\x89PNG\r\n\x1a\n\x00",
    "bom.txt": b"\xef\xbb\xbfa\n",
    "latin.txt": b"\xe9\n",
    "run.sh": "#!/bin/sh\n",
    "empty {{ project_name }}/": None,
    "deep/empty/": None,
}


def test_odd_files_are_made_and_updated(tmp_path: Path) -> None:
    story = CopierStory(tmp_path, NAME, ODD)
    (story.template / "run.sh").chmod(0o755)
    story.new()
    assert os.access(story.project / "run.sh", os.X_OK)
    made = tree(story.project)
    assert made == story.as_copier_does(tmp_path / "copier")
    assert {"empty app/", "deep/empty/", "dir app/app é.txt", "n1.txt", "n2.txt"} <= made.keys()
    assert story.update().up_to_date

    (story.template / "deep/new/").mkdir()
    (story.template / "no-end.txt").chmod(0o755)
    (story.template / "run.sh").chmod(0o644)
    changed = {
        "windows.txt": "a {{ b }}\r\nc2\r\n",
        "mixed.txt": "a\r\nb\nc2\r",
        "latin.txt": b"\xe8\n",
    }
    story.release(NAME, changed)
    result = story.update()
    assert not result.conflicts
    assert {step.name for step in result.steps} == {*changed, "no-end.txt", "run.sh"}
    expected = {
        name: text.encode() if isinstance(text, str) else text for name, text in changed.items()
    }
    assert tree(story.project) == {**made, **expected, "deep/new/": b""}
    assert os.access(story.project / "no-end.txt", os.X_OK)
    assert not os.access(story.project / "run.sh", os.X_OK)


@pytest.mark.parametrize("mine", ["\n", "\r\n"])
@pytest.mark.parametrize("old", ["\n", "\r\n"])
@pytest.mark.parametrize("new", ["\n", "\r\n"])
def test_line_ends_are_no_conflict(mine: str, old: str, new: str, tmp_path: Path) -> None:
    def text(end: str, *lines: str) -> bytes:
        return "".join(f"{line}{end}" for line in lines).encode()

    files = {"a.txt": text(old, *"abcdefgh"), "b.txt": text(old, *"abc")}
    story = CopierStory(tmp_path, NAME, files)
    story.new()
    story.edit({"a.txt": text(mine, *"Abcdefgh"), "b.txt": text(mine, *"abc")})
    story.release(NAME, {"a.txt": text(new, *"abcdefgH"), "b.txt": text(new, *"abC")})
    assert not story.update().conflicts
    # The user's ends stay where they differ from the pattern's; else the pattern may change them.
    end = new if mine == old else mine
    assert (story.project / "a.txt").read_bytes() == text(end, *"AbcdefgH")
    assert (story.project / "b.txt").read_bytes() == text(end, *"abC")


def test_what_names_the_project_does_not_change_with_its_place(tmp_path: Path) -> None:
    files = {
        "f.txt.jinja": "{{ _folder_name }} {{ _copier_conf.dst_path }} {{ _copier_conf.src_path }}\n"
    }
    story = CopierStory(tmp_path, NAME, files)
    story.new()
    assert story.read("f.txt") == f"app app {story.template}\n"
    story.project.rename(tmp_path / "elsewhere")
    story.project = tmp_path / "elsewhere"
    assert story.update().up_to_date


def test_a_list_that_an_older_cfpy_wrote_is_read(tmp_path: Path) -> None:
    spec = "q: {type: str, multiselect: true, choices: [a, b], default: [a]}\n"
    story = CopierStory(tmp_path, NAME + spec, {"f.txt.jinja": "{{ q }}\n"})
    story.new()
    assert 'q = ["a"]' in story.read(".cfpy/answers.toml")
    assert story.update().up_to_date


def test_a_project_with_what_is_not_committed_is_left_alone(tmp_path: Path) -> None:
    story = CopierStory(tmp_path, "_skip_if_exists: [f.txt]\n" + NAME, {"f.txt": "1\n"})
    story.new()
    (story.project / "f.txt").write_text("mine\n")
    with pytest.raises(UsageError, match="uncommitted changes"):
        story.update()


def test_copier_itself_can_update_what_cfpy_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFPY_CACHE_DIR", str(tmp_path / "cache"))
    for name, value in (("NAME", "T"), ("EMAIL", "t@example.com")):
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", value)
    answers_file = {"{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers|to_nice_yaml }}"}
    bare = tmp_path / "bare.git"
    for number, where in enumerate(("a directory", "a repository")):
        root = tmp_path / str(number)
        story = CopierStory(root, NAME, {"f.txt": "1\n", **answers_file})
        git(story.template, "init", "--quiet", "--initial-branch=main")
        git(story.template, "add", "--all")
        git(story.template, "commit", "--quiet", "--message", "1")
        git(story.template, "tag", "v1.0.0")
        if where == "a repository":
            git(root, "clone", "--quiet", "--bare", str(story.template), str(bare))
            story.address = f"file://{bare}"
        story.new()
        said = yaml.safe_load(story.read(".copier-answers.yml"))
        assert said["_src_path"] == story.address
        assert said["_commit"]
        story.release(NAME, {"f.txt": "2\n"})
        git(story.template, "commit", "--quiet", "--all", "--message", "2")
        git(story.template, "tag", "v2.0.0")
        git(story.template, "push", "--quiet", "--tags", str(bare), "main") if number else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            copier.run_update(story.project, defaults=True, overwrite=True, quiet=True)
        assert story.read("f.txt") == "2\n"
        assert yaml.safe_load(story.read(".copier-answers.yml"))["_commit"] == "v2.0.0"

"""A secret answer is where the template writes it and nowhere else, and no update loses it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from copier_story import CopierStory

from cfpy.errors import PatternError
from cfpy.patterns.departures import departures

QUESTIONS = "project_name: {type: str}\nsalt: {type: str, secret: true, default: changeme}\n"
CONF = 'NAME = "{{ project_name }}"\nSALT = "{{ salt }}"\nCOLOR = "red"\nLAST = 1\n'
REAL = "real-salt-9"


@pytest.fixture
def story(tmp_path: Path) -> CopierStory:
    return CopierStory(tmp_path, QUESTIONS, {"conf.txt.jinja": CONF, "plain.txt": "1\n"})


@pytest.mark.parametrize(
    "questions",
    [
        QUESTIONS,
        "_secret_questions: [salt]\nproject_name: {type: str}\nsalt: changeme\n",
        "project_name: {type: str}\nsalt: {secret: true, default: changeme}\n",
        # The answer could not be the stand-in, and its default does not pass either.
        QUESTIONS.replace(
            "default: changeme",
            "default: changeme, validator: \"{{ '' if 'real-' in salt else 'no' }}\"",
        ),
    ],
    ids=["secret", "_secret_questions", "without a type", "with a validator"],
)
def test_the_value_survives_and_is_kept_nowhere(questions: str, tmp_path: Path) -> None:
    story = CopierStory(tmp_path, questions, {"conf.txt.jinja": CONF})
    assert "salt" not in story.new(salt=REAL).answers
    assert f'SALT = "{REAL}"' in story.read("conf.txt")
    assert REAL not in story.kept()
    assert departures(story.ctx, story.project)[1] == ()
    assert story.update().up_to_date
    story.release(questions, {"conf.txt.jinja": CONF.replace("red", "blue")})
    assert [step.name for step in story.update().steps] == ["conf.txt"]
    assert story.read("conf.txt") == CONF.replace("red", "blue").replace(
        "{{ project_name }}", "app"
    ).replace("{{ salt }}", REAL)
    assert REAL not in story.kept()
    story.commit()
    assert story.update().up_to_date


def test_it_goes_where_the_template_writes_it_next(story: CopierStory) -> None:
    story.new(salt=REAL)
    changed = CONF.replace('SALT = "{{ salt }}"', "[secrets]\nsalt = '{{ salt }}'")
    story.release(QUESTIONS, {"conf.txt.jinja": changed, "more.txt.jinja": "{{ salt }}!\n"})
    assert not story.update().conflicts
    assert f"[secrets]\nsalt = '{REAL}'" in story.read("conf.txt")
    assert story.read("more.txt") == f"{REAL}!\n"
    assert REAL not in story.kept()


def test_what_the_user_made_of_it_by_hand_stays(story: CopierStory) -> None:
    story.new(salt=REAL)
    story.edit(
        {"conf.txt": CONF.replace("{{ project_name }}", "app").replace("{{ salt }}", "by-hand")}
    )
    story.release(QUESTIONS, {"conf.txt.jinja": CONF.replace("LAST = 1", "LAST = 2")})
    story.update()
    assert 'SALT = "by-hand"' in story.read("conf.txt")
    assert "LAST = 2" in story.read("conf.txt")


def test_another_one_may_be_given(story: CopierStory) -> None:
    story.new(salt=REAL)
    assert not story.update(salt="rotated").conflicts
    assert 'SALT = "rotated"' in story.read("conf.txt")
    assert "rotated" not in story.kept()
    story.commit()
    assert story.update().up_to_date


def test_the_default_is_kept_like_any_other(story: CopierStory) -> None:
    story.new()
    story.release(QUESTIONS.replace("changeme", "other"), {"plain.txt": "2\n"})
    story.update()
    assert 'SALT = "changeme"' in story.read("conf.txt")


@pytest.mark.parametrize(
    ("default", "config"),
    [
        ("{{ 99999999999|ans_random|hash('sha256') }}", "secret: true"),
        ("{{ 99999999999|ans_random|hash('sha256') }}", "when: false"),
        ("{{ make_secret() }}", "when: false"),
    ],
)
def test_what_was_drawn_by_lot_is_not_drawn_again(
    default: str, config: str, tmp_path: Path
) -> None:
    questions = (
        f'project_name: {{type: str}}\nsalt: {{type: str, {config}, default: "{default}"}}\n'
    )
    story = CopierStory(tmp_path, questions, {"conf.txt.jinja": CONF})
    story.new()
    drawn = story.read("conf.txt").split('"')[3]
    assert len(drawn) >= 64
    assert drawn not in story.kept()
    assert story.update().up_to_date
    story.release(questions, {"conf.txt.jinja": CONF.replace("red", "blue")})
    assert not story.update().conflicts
    assert f'SALT = "{drawn}"' in story.read("conf.txt")
    assert "blue" in story.read("conf.txt")


def test_a_key_of_several_lines_survives(tmp_path: Path) -> None:
    questions = QUESTIONS.replace("secret: true", "secret: true, multiline: true")
    key = "-----BEGIN-----\nabc\ndef=\n-----END-----"
    files = {"key.pem.jinja": "{{ salt }}\n", "conf.txt.jinja": "a\nKEY='''{{ salt }}'''\nb\n"}
    story = CopierStory(tmp_path, questions, files)
    story.new(salt=key)
    assert "abc" not in story.kept()
    story.release(questions, {"conf.txt.jinja": "a\nKEY='''{{ salt }}'''\nb2\n"})
    assert not story.update().conflicts
    assert story.read("key.pem") == f"{key}\n"
    assert story.read("conf.txt") == f"a\nKEY='''{key}'''\nb2\n"


@pytest.mark.parametrize(
    ("kind", "default", "answer", "shown"),
    [
        ("int", 1, "77123", "77123"),
        ("bool", "false", "true", "True"),
        ("yaml", "{a: 1}", "{a: 77123}", "{'a': 77123}"),
        ("json", "'{\"a\": 1}'", '{"a": 77123}', "{'a': 77123}"),
        ("float", 0.5, "77.25", "77.25"),
        ("str, choices: [one, two]", "one", "two", "two"),
        ("str, multiselect: true, choices: [one, two]", "[one]", "two", "['two']"),
    ],
)
def test_one_that_no_stand_in_fits_stays_in_its_line(
    kind: str, default: object, answer: str, shown: str, tmp_path: Path
) -> None:
    questions = QUESTIONS.replace(
        "str, secret: true, default: changeme", f"{kind}, secret: true, default: {default}"
    )
    text = "A = {{ salt }}\nB = 1\nC = 1\nD = 1\n"
    story = CopierStory(tmp_path, questions, {"conf.txt.jinja": text})
    story.new(salt=answer)
    assert "salt" not in story.kept()
    story.release(questions, {"conf.txt.jinja": text.replace("D = 1", "D = 2")})
    assert not story.update().conflicts
    assert story.read("conf.txt") == f"A = {shown}\nB = 1\nC = 1\nD = 2\n"
    story.commit()
    # Its own line changes: nobody knows the answer any more.
    story.release(questions, {"conf.txt.jinja": text.replace("A =", "AA =")})
    with pytest.raises(PatternError, match=r"depend on 'salt', in conf\.txt") as caught:
        story.update()
    assert "--answer salt=" in caught.value.hint
    assert story.read("conf.txt") == f"A = {shown}\nB = 1\nC = 1\nD = 2\n"
    story.update(salt=answer)
    assert f"AA = {shown}\n" in story.read("conf.txt")


FILTERED = [
    "{{ salt|hash('sha256') }}",
    "{{ salt|upper }}",
    "{{ salt|b64encode }}",
    "{{ salt|to_json }}",
    "{% if salt == 'changeme' %}unsafe{% else %}safe{% endif %}",
]


@pytest.mark.parametrize("expression", FILTERED)
@pytest.mark.parametrize("real", [REAL, 'with "quotes" and \\'])
def test_one_behind_a_filter(expression: str, real: str, tmp_path: Path) -> None:
    text = f"A = {expression}\nB = 1\nC = 1\nD = 1\n"
    story = CopierStory(tmp_path, QUESTIONS, {"conf.txt.jinja": text})
    story.new(salt=real)
    before = story.read("conf.txt")
    assert real not in story.kept()
    story.release(QUESTIONS, {"conf.txt.jinja": text.replace("D = 1", "D = 2")})
    assert not story.update().conflicts
    assert story.read("conf.txt") == before.replace("D = 1", "D = 2")
    story.commit()
    story.release(QUESTIONS, {"conf.txt.jinja": text.replace("A =", "AA =").replace("1", "2")})
    with contextlib.suppress(PatternError):
        story.update()
    if story.read("conf.txt").startswith(before[:8]):
        story.update(salt=real)
    # Both versions of the line, if they can't be told apart; never the default's.
    lines = story.read("conf.txt").splitlines()
    assert before.splitlines()[0].replace("A =", "AA =") in lines
    assert not [line for line in lines if "cfpy-does-not-keep" in line]


def test_one_that_is_in_a_file_which_git_ignores_is_not_committed(tmp_path: Path) -> None:
    files = {".gitignore": ".dev.vars\n", ".dev.vars.jinja": "SALT={{ salt }}\nA=1\n"}
    story = CopierStory(tmp_path, QUESTIONS, files)
    story.new(salt=REAL)
    assert REAL not in story.kept()
    story.release(QUESTIONS, {".dev.vars.jinja": "SALT={{ salt }}\nA=2\n"})
    assert not story.update().conflicts
    assert story.read(".dev.vars") == f"SALT={REAL}\nA=2\n"
    # In a clone it is not there: its lines can't be asked.
    story.commit()
    (story.project / ".dev.vars").unlink()
    story.release(QUESTIONS, {"other.txt.jinja": "{{ salt }}\n"})
    with pytest.raises(PatternError, match="not found in the project"):
        story.update()
    assert story.update(look=True).steps
    story.update(salt=REAL)
    assert story.read("other.txt") == f"{REAL}\n"


def test_places_that_do_not_agree_tell_nothing(tmp_path: Path) -> None:
    files = {"a.txt.jinja": "{{ salt }}\n", "b.txt.jinja": "{{ salt }}\n1\n2\n3\n"}
    story = CopierStory(tmp_path, QUESTIONS, files)
    story.new(salt=REAL)
    story.edit({"a.txt": "another\n"})
    story.release(QUESTIONS, {"b.txt.jinja": "{{ salt }}\n1\n2\n4\n"})
    assert not story.update().conflicts
    assert (story.read("a.txt"), story.read("b.txt")) == ("another\n", f"{REAL}\n1\n2\n4\n")


def test_two_of_them_and_names_that_begin_alike(tmp_path: Path) -> None:
    questions = QUESTIONS + "salt2: {type: str, secret: true, default: ''}\n"
    text = "a\n{{ salt }}:{{ salt2 }}\nb\nc\n{{ salt2 }}\n"
    story = CopierStory(tmp_path, questions, {"conf.txt.jinja": text})
    story.new(salt=REAL, salt2="second")
    story.release(questions, {"conf.txt.jinja": text + "{{ salt }} {{ salt2 }}\n"})
    assert not story.update().conflicts
    assert story.read("conf.txt") == f"a\n{REAL}:second\nb\nc\nsecond\n{REAL} second\n"


def test_a_project_of_an_older_cfpy_keeps_its_value(story: CopierStory) -> None:
    from cfpy.patterns.base_archive import BASE_FILE, pack, read_tree

    story.new(salt=REAL)
    (story.project / BASE_FILE).write_bytes(
        pack({n: f for n, f in read_tree(story.project).items() if not n.startswith(".git/")})
    )
    story.commit()
    assert REAL in story.kept()
    story.release(QUESTIONS, {"conf.txt.jinja": CONF.replace("red", "blue")})
    assert not story.update().conflicts
    assert f'SALT = "{REAL}"' in story.read("conf.txt")
    assert REAL not in story.kept()


def test_no_error_shows_it(tmp_path: Path) -> None:
    choice = (
        "project_name: {type: str}\nsalt: {type: str, secret: true, choices: [a, b], default: a}\n"
    )
    dynamic = choice.replace("[a, b]", "\"{{ ['a', 'b'] }}\"")
    number = "project_name: {type: str}\nsalt: {type: int, secret: true, default: 1}\n"
    for questions in (choice, dynamic, number):
        story = CopierStory(tmp_path, questions, {"conf.txt.jinja": CONF})
        with pytest.raises(PatternError) as caught:
            story.new(salt="hush-hush")
        shown: list[Any] = [caught.value.message, caught.value.hint, caught.value.__cause__]
        assert "hush" not in str(shown)
        assert "salt" in caught.value.message


def test_one_in_the_name_of_a_file(tmp_path: Path) -> None:
    story = CopierStory(
        tmp_path, QUESTIONS, {"{{ salt }}.txt.jinja": "1\n", "a.txt.jinja": "{{ salt }}\n"}
    )
    story.new(salt=REAL)
    story.release(QUESTIONS, {"{{ salt }}.txt.jinja": "2\n"})
    story.update()
    assert (story.project / f"{REAL}.txt").is_file()
    assert [path.name for path in story.project.glob("cfpy-*")] == []

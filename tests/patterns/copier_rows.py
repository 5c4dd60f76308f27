"""Each setting and each key of copier's format in a template of its own, made and updated.

A row says what a file holds after `cfpy new`, which copier itself has to agree with, what the
template becomes, and what the file holds after `cfpy update`.
"""

# A row is read as one line of a table.
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Files = Mapping[str, str | bytes | None]


@dataclass(frozen=True)
class Row:
    """``then`` replaces texts of the template's files; ``made`` and ``updated`` are files of the
    project, ``None`` one that is not there."""

    key: str
    config: str
    files: Files
    made: Files
    then: Files = field(default_factory=dict)
    updated: Files = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)
    later: Mapping[str, Any] = field(default_factory=dict)
    next_config: str = ""
    trust: bool = False
    kept: Mapping[str, Any] | None = None


def question(key: str, spec: str, made: str, *, updated: str = "", **more: Any) -> Row:
    """A row about a question ``q``, whose answer is written in a file next to another line."""
    text = "{{ q }}|{{ q|type_debug }}\nx\ny\nz\n"
    return Row(
        key,
        f"q: {spec}\n",
        {"f.txt.jinja": text},
        {"f.txt": f"{made}\nx\ny\nz\n"},
        {"f.txt.jinja": text.replace("z\n", "z2\n")},
        {"f.txt": f"{updated or made}\nx\ny\nz2\n"},
        **more,
    )


NOTES = {"notes.md": "notes\n", "a.txt": "a\n"}
ODD_ENVOPS = '_envops: {block_start_string: "[%", block_end_string: "%]", variable_start_string: "[[", variable_end_string: "]]"}\n'

SETTINGS = [
    Row(
        "_answers_file",
        "_answers_file: .copier-answers.mine.yml\nq: {type: str, default: a}\n",
        {"{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers.q }}\n", "f.txt": "1\n"},
        {".copier-answers.mine.yml": "a\n"},
        {"f.txt": "2\n"},
        {".copier-answers.mine.yml": "b\n", "f.txt": "2\n"},
        later={"q": "b"},
    ),
    Row(
        "_envops",
        ODD_ENVOPS,
        {"[[ project_name ]].txt.jinja": "[[ project_name ]] {{ stays }}[% if 1 %]!\n[% endif %]"},
        {"app.txt": "app {{ stays }}!\n"},
        {"[[ project_name ]].txt.jinja": "[[ project_name ]] {{ stays too }}\n"},
        {"app.txt": "app {{ stays too }}\n"},
    ),
    Row(
        "_exclude",
        '_exclude: ["*.tmp", "copier.yml", "{% if project_name == \'app\' %}gone.txt{% endif %}"]\n',
        {"a.tmp": "x", "gone.txt": "x", "b.txt": "1\n"},
        {"a.tmp": None, "gone.txt": None, "b.txt": "1\n"},
        {"a.tmp": "y", "c.tmp": "y", "gone.txt": "y", "b.txt": "2\n"},
        {"a.tmp": None, "c.tmp": None, "gone.txt": None, "b.txt": "2\n"},
    ),
    Row(
        "_exclude",
        "_exclude: [copier.yml, \"{% if _copier_operation == 'update' %}example.txt{% endif %}\"]\n",
        {"example.txt": "1\n", "b.txt": "1\n"},
        {"example.txt": "1\n", "b.txt": "1\n"},
        {"example.txt": "2\n", "b.txt": "2\n"},
        {"example.txt": "1\n", "b.txt": "2\n"},
    ),
    Row(
        "_exclude",
        "_exclude: [copier.yml]\n",
        {"was.txt": "1\n", "b.txt": "1\n"},
        {"was.txt": "1\n", "b.txt": "1\n"},
        {"b.txt": "2\n"},
        # It is left out from now on, and not taken away.
        {"was.txt": "1\n", "b.txt": "2\n"},
        next_config="_exclude: [copier.yml, was.txt]\n",
    ),
    Row(
        "_exclude",
        '_exclude: [copier.yml, "{% if not db %}db/{% endif %}"]\ndb: {type: bool, default: true}\n',
        {"db/a.sql": "1\n", "b.txt": "1\n"},
        {"db/a.sql": "1\n"},
        {"b.txt": "2\n"},
        {"db/a.sql": None, "b.txt": "2\n"},
        later={"db": "false"},
    ),
    Row(
        "_jinja_extensions",
        "_jinja_extensions: [jinja2.ext.loopcontrols]\n",
        {
            "f.txt.jinja": "{% for x in 'abc' %}{% if x == 'b' %}{% break %}{% endif %}{{ x }}{% endfor %}\n"
        },
        {"f.txt": "a\n"},
        {
            "f.txt.jinja": "{% for x in 'abc' %}{% if x == 'c' %}{% break %}{% endif %}{{ x }}{% endfor %}\n"
        },
        {"f.txt": "ab\n"},
        trust=True,
    ),
    Row(
        "_min_copier_version",
        '_min_copier_version: "9.0.0"\n',
        {"f.txt": "1\n"},
        {"f.txt": "1\n"},
        {"f.txt": "2\n"},
        {"f.txt": "2\n"},
    ),
    Row(
        "_secret_questions",
        "_secret_questions: [token]\ntoken: nothing\n",
        {"f.txt.jinja": "{{ token }}\nb\n"},
        {"f.txt": "hush\nb\n"},
        {"f.txt.jinja": "{{ token }}\nb\nc\n"},
        {"f.txt": "hush\nb\nc\n"},
        answers={"token": "hush"},
        kept={"project_name": "app"},
    ),
    Row(
        "_skip_if_exists",
        "_skip_if_exists: ['*.md', '{{ project_name }}/', '!always.md']\n",
        {"notes.md": "1\n", "app/x/y.txt": "1\n", "always.md": "1\n", "b.txt": "1\n"},
        {"notes.md": "1\n", "app/x/y.txt": "1\n"},
        {
            "notes.md": "2\n",
            "app/x/y.txt": "2\n",
            "always.md": "2\n",
            "b.txt": "2\n",
            "new.md": "2\n",
        },
        {
            "notes.md": "1\n",
            "app/x/y.txt": "1\n",
            "always.md": "2\n",
            "b.txt": "2\n",
            "new.md": "2\n",
        },
    ),
    Row(
        "_skip_if_exists",
        "_skip_if_exists: [notes.md]\n",
        NOTES,
        NOTES,
        {"notes.md": None, "a.txt": None},
        # What is gone from the template goes, but for what is the project's since it was made.
        {"notes.md": "notes\n", "a.txt": None},
    ),
    Row(
        "_subdirectory",
        '_subdirectory: "{{ kind }}"\nkind: {type: str, choices: [one, two], default: one}\n',
        {"one/f.txt": "1\n", "two/f.txt": "2\n", "README.md": "of the template\n"},
        {"f.txt": "1\n", "README.md": None},
        {"one/f.txt": "1b\n"},
        {"f.txt": "2\n"},
        later={"kind": "two"},
    ),
    Row(
        "_tasks",
        "_tasks: ['echo made > t.txt', [touch, u.txt], "
        "{command: 'echo $STAGE > v.txt', when: \"{{ _copier_operation == 'copy' }}\", "
        "working_directory: sub}, {command: 'touch never', when: false}]\n",
        {"f.txt": "1\n", "sub/g.txt": "1\n"},
        {"t.txt": "made\n", "u.txt": "", "sub/v.txt": "task\n", "never": None},
        {"f.txt": "2\n"},
        {"f.txt": "2\n", "t.txt": "made\n"},
        trust=True,
    ),
    Row(
        "_templates_suffix",
        "_templates_suffix: .tmpl\n",
        {"f.txt.tmpl": "{{ project_name }}\n", "g.txt.jinja": "{{ stays }}\n"},
        {"f.txt": "app\n", "g.txt.jinja": "{{ stays }}\n"},
        {"f.txt.tmpl": "{{ project_name }}2\n"},
        {"f.txt": "app2\n"},
    ),
    Row(
        "_templates_suffix",
        '_templates_suffix: ""\n',
        {"f.txt": "{{ project_name }}\n", "logo.png": b"\x89PNG\r\n\xff\x00"},
        {"f.txt": "app\n", "logo.png": b"\x89PNG\r\n\xff\x00"},
        {"f.txt": "{{ project_name }}2\n", "logo.png": b"\x89PNG\r\n\xfe\x00"},
        {"f.txt": "app2\n", "logo.png": b"\x89PNG\r\n\xfe\x00"},
    ),
]

REGIONS = "{type: str, multiselect: true, choices: {West: weur, East: eeur, North: enam}, default: [weur]}"
QUESTIONS = [
    question("type", "{type: str, default: a}", "5|str", answers={"q": "5"}),
    question("type", "{type: int, default: 1}", "7|int", answers={"q": "7"}),
    question("type", "{type: float, default: 1.5}", "2.0|float", answers={"q": "2"}),
    question("type", "{type: bool, default: false}", "True|bool", answers={"q": "yes"}),
    question("type", "{type: path, default: a/b}", "c/d e|str", answers={"q": "c/d e"}),
    question("type", "{type: json, default: '{}'}", "{'a': [1, None]}|dict", answers={"q": '{"a": [1, null]}'}),
    question("type", "{type: yaml, default: {a: 1}}", "{'b': [1, 2]}|dict", answers={"q": "b: [1, 2]"}),
    question("type", "{type: yaml, default: {a: 1}}", "{'b': None, 3: 'x'}|dict", answers={"q": "{b: null, 3: x}"}),
    question("type", "{type: yaml, default: 1}", "None|NoneType", answers={"q": "null"}),
    question("type", "{type: yaml, default: 2024-01-02}", "2024-01-02|date"),
    question("type", "{default: 3}", "3|int"),
    question("type", "plain", "plain|str"),
    question("type", "[1, two]", "[1, 'two']|list"),
    question("type", "{type: \"{{ 'in' }}t\", default: 1}", "8|int", answers={"q": "8"}),
    question("default", '{type: str, default: "{{ project_name }}-db"}', "app-db|str"),
    question("default", "{type: str, default: ''}", "ü \"'\\|str", answers={"q": "ü \"'\\"}),
    question("choices", "{type: str, choices: [a, b], default: a}", "b|str", answers={"q": "b"}),
    question("choices", "{type: int, choices: [1, 2], default: 1}", "2|int", answers={"q": "2"}),
    question("choices", "{type: bool, choices: {On: true, Off: false}, default: true}", "False|bool", answers={"q": "false"}),
    question("choices", "{type: float, choices: [1.5, 2.5], default: 1.5}", "2.5|float", answers={"q": "2.50"}),
    question("choices", "{type: yaml, choices: {Nothing: 'null', One: 1}, default: 1}", "None|NoneType", answers={"q": "null"}),
    question("choices", "{type: str, choices: {A: a, Same as its label: null}, default: a}", "Same as its label|str", answers={"q": "Same as its label"}),
    question("choices", "{type: str, choices: [[First, a], [Second, b]], default: a}", "b|str", answers={"q": "b"}),
    question("choices", "{type: str, choices: {A: a, B: {value: b, validator: ''}}, default: a}", "b|str", answers={"q": "b"}),
    question("choices", "{type: str, choices: \"{% for x in ['a', 'b'] %}- {{ x }}\\n{% endfor %}\", default: a}", "b|str", answers={"q": "b"}),
    question("choices", '{type: str, choices: {"{{ project_name }}!": "{{ project_name }}", Other: o}, default: o}', "app|str", answers={"q": "app"}),
    question("multiselect", REGIONS, "['weur']|list"),
    question("multiselect", REGIONS, "['weur', 'enam']|list", answers={"q": "weur,enam"}),
    question("multiselect", REGIONS, "['weur', 'enam']|list", answers={"q": "[enam, weur]"}),
    question("multiselect", REGIONS, "['enam']|list", answers={"q": ["enam"]}, updated="['weur', 'eeur']|list", later={"q": "eeur, weur"}),
    question("multiselect", REGIONS, "['eeur']|list", answers={"q": "eeur"}),
    question("multiselect", REGIONS, "[]|list", answers={"q": ""}),
    question("multiselect", "{type: int, multiselect: true, choices: [1, 2, 3], default: [1]}", "[2, 3]|list", answers={"q": "3,2"}),
    question("multiselect", "{type: float, multiselect: true, choices: [1.5, 2], default: []}", "[2.0]|list", answers={"q": "2"}),
    question("multiselect", "{type: yaml, multiselect: true, choices: [a, 2, true], default: []}", "['a', True]|list", answers={"q": "[a, true]"}),
    question("multiselect", '{type: str, multiselect: true, choices: ["a,b", c], default: ["a,b"]}', "['a,b']|list", answers={"q": "a,b"}),
    question("multiselect", '{type: str, multiselect: true, choices: [a, b], default: "[b]"}', "['b']|list"),
    question("multiselect", '{type: str, multiselect: true, choices: "[{{ project_name }}, b]", default: [b]}', "['app', 'b']|list", answers={"q": "b,app"}),
    question("multiselect", "{type: str, multiselect: true, choices: {A: {value: a, validator: ''}, B: b}, default: []}", "['a']|list", answers={"q": "a"}),
    question("multiline", "{type: str, multiline: true, default: ''}", "a\nb|str", answers={"q": "a\nb"}),
    question("placeholder", "{type: str, placeholder: for example, default: ''}", "x|str", answers={"q": "x"}),
    question("help", '{type: str, help: "Of {{ project_name }}", default: h}', "h|str"),
    question("qmark", "{type: str, qmark: Q, default: h}", "h|str"),
    question("ask", "{type: str, ask: false, default: h}", "h|str"),
    question("ask", "{type: str, ask: false, default: h}", "i|str", answers={"q": "i"}),
    question("validator", "{type: str, default: a, validator: \"{% if q|length > 3 %}too long{% endif %}\"}", "abc|str", answers={"q": "abc"}),
    question("secret", "{type: str, secret: true, default: a}", "hush|str", answers={"q": "hush"}, kept={"project_name": "app"}),
    question("when", '{type: str, when: false, default: "{{ project_name }}-c"}', "app-c|str", kept={"project_name": "app"}),
    # A computed value follows the template, unless it was given by hand.
    question("when", '{type: str, when: false, default: "{{ project_name }}-c"}', "app-c|str", updated="app-d|str", next_config='q: {type: str, when: false, default: "{{ project_name }}-d"}\n'),
    question("when", '{type: str, when: false, default: "{{ project_name }}-c"}', "mine|str", answers={"q": "mine"}, next_config='q: {type: str, when: false, default: "{{ project_name }}-d"}\n'),
    # What is asked no more is as the template has it; what is asked again is asked.
    Row(
        "when",
        "db: {type: bool, default: true}\nq: {type: str, default: none, when: \"{{ db }}\"}\n",
        {"f.txt.jinja": "{{ q }}\n"},
        {"f.txt": "mydb\n"},
        {},
        {"f.txt": "none\n"},
        answers={"q": "mydb"},
        later={"db": "false"},
        kept={"project_name": "app", "db": True, "q": "mydb"},
    ),
]  # fmt: skip

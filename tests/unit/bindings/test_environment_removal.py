"""`cfpy env remove` undoes `cfpy env add`, byte for byte."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfpy.bindings.environment_edits import (
    additions,
    removals,
    secret_removals,
    settings_additions,
    settings_removals,
)
from cfpy.bindings.environments import derive, only_in
from cfpy.errors import ProjectError
from cfpy.project.config_text import edited
from cfpy.project.edits import Put
from wrangler_shapes import ALL, ids, values

SETTINGS = """\
# What wrangler.toml can't say.
[[vectorize]]
index_name = "shop-docs"
dimensions = 768
metric = "cosine"
metadata_indexes = [{ property_name = "kind", type = "string" }]

[[d1]]
database_name = "shop-db"
jurisdiction = "eu"

[[secrets]]
name = "API_TOKEN"
"""
PATH = Path("wrangler.toml")
WRITTEN = sorted(set(ALL) - {("wrangler.toml", "an environment as an inline table")})


def added(text: str, name: str, file: str = "wrangler.toml") -> str:
    return edited(Path(file), text, additions(derive(values(file, text), name)))


def without_environment(text: str, name: str, file: str = "wrangler.toml") -> str:
    return edited(Path(file), text, removals(name))


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\n# the end", "\n# the end\n"])
@pytest.mark.parametrize("shape", WRITTEN, ids=ids)
def test_what_was_added_is_removed(shape: tuple[str, str], end: str) -> None:
    file = shape[0]
    end = end.replace("#", "//") if file == "wrangler.jsonc" else end
    text = ALL[shape].rstrip("\r\n") + end
    after = added(text, "preview", file)
    assert after != text
    assert without_environment(after, "preview", file) == text


@pytest.mark.parametrize("shape", WRITTEN, ids=ids)
def test_another_environment_stays(shape: tuple[str, str]) -> None:
    file, text = shape[0], ALL[shape]
    one = added(text, "one", file)
    both = added(one, "two", file)
    assert without_environment(both, "two", file) == one
    assert without_environment(both, "one", file) == added(text, "two", file)


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(
        st.sampled_from(["", "# a", "[vars]", "A = '[env.live]'", "[[d1_databases]]", "x = nan"]),
        max_size=6,
        unique=True,
    ),
    end=st.sampled_from(["", "\n", "\r\n", "\n\n"]),
    windows=st.booleans(),
)
def test_any_file(lines: list[str], end: str, windows: bool) -> None:
    text = "\n".join(['name = "x"', *lines]) + end
    text = text.replace("\r\n", "\n").replace("\n", "\r\n") if windows else text
    put = Put(("env", "live"), {"name": "x-live", "vars": {"A": 1}}, comment="it")
    assert without_environment(edited(PATH, text, [put]), "live") == text


@pytest.mark.parametrize(
    "text",
    [
        'name = "x"\n[env.live]\nname = "y"\n\n[env.live.vars]\nA = """\n[env.live]\n"""\n',
        'name = "x"\nenv = { live = { name = "y" } }\n',
        'name = "x"\nenv.live.name = "y"\n',
        'name = "x"\n[env]\nlive = { name = "y" }\n',
        'name = "x"\n[env]\n[env.live]\nname = "y"\n',
        'name = "x"\n["env"."live"]\nname = "y"\n[ env . live . vars ]\nA = nan\n',
        'name = "x"\n[env.live]\nname = "y"\n[vars]\nB = nan\n[env.live.vars]\nA = 1\n',
    ],
)
def test_however_it_is_written(text: str) -> None:
    after = tomllib.loads(without_environment(text, "live"), parse_float=str)
    before = tomllib.loads(text, parse_float=str)
    assert not after.pop("env", {})
    assert after == {key: value for key, value in before.items() if key != "env"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        # What an empty line separates from it is about something else.
        (
            'name = "x"\n\n[env.live]\nname = "y"\n# A = 1\n\n# [env.b]\n# name = "z"\n\n'
            "# -- Variables --\n[vars]\nA = 1\n",
            'name = "x"\n\n# [env.b]\n# name = "z"\n\n# -- Variables --\n[vars]\nA = 1\n',
        ),
        ('name = "x"\n\n[env.live]\nname = "y"\n\n# the end\n', 'name = "x"\n\n# the end\n'),
        ('# A licence.\n[env.live]\nname = "y"\n[vars]\n', "# A licence.\n[vars]\n"),
        ('\n# A licence.\n[env.live]\nname = "y"\n[vars]\n', "\n# A licence.\n[vars]\n"),
        # An environment that is commented out is another one, wherever it is.
        (
            'name = "x"\n# [env.a]\n# name = "a"\n[env.live]\nname = "y"\n# B = 1\n# [env.c]\n',
            'name = "x"\n# [env.a]\n# name = "a"\n# [env.c]\n',
        ),
        # However it is written, its own comments go with it.
        (
            'name = "x"\n# it\nenv.live.name = "y"\nenv.live.vars.A = 1 # more\n\n[vars]\n',
            'name = "x"\n\n[vars]\n',
        ),
        (
            'name = "x"\n[env]\n# a\nb = {}\n# it\nlive = { name = "y" }\n',
            'name = "x"\n[env]\n# a\nb = {}\n',
        ),
        (
            'name = "x"\n# it\nenv = { live = { name = "y" } } # that\nA = 1\n',
            'name = "x"\nA = 1\n',
        ),
        ('name = "x"\n\n[env]\n# it\nlive.name = "y"\n\n[vars]\n', 'name = "x"\n\n[vars]\n'),
    ],
)
def test_comments_stay_with_what_they_are_about(text: str, left: str) -> None:
    assert without_environment(text, "live") == left


def test_an_environment_of_a_similar_name_stays() -> None:
    text = 'name = "x"\n\n[env.live]\nname = "y"\n\n[env.live2]\nname = "z"\n'
    assert without_environment(text, "live") == 'name = "x"\n\n[env.live2]\nname = "z"\n'


@pytest.mark.parametrize("end", ["", "\n"])
def test_settings_of_its_resources_go(end: str) -> None:
    text = SETTINGS.rstrip("\n") + end
    path = Path("cfpy.toml")
    config: dict[str, Any] = {
        "name": "shop",
        "d1_databases": [{"binding": "DB", "database_name": "shop-db"}],
        "vectorize": [{"binding": "V", "index_name": "shop-docs"}],
    }
    new = derive(config, "live")
    after = edited(path, text, settings_additions(tomllib.loads(text), new))
    assert after != text
    settings = tomllib.loads(after)
    whole = config | {"env": {"live": new.tables}}
    assert edited(path, after, settings_removals(settings, only_in(whole, "live"))) == text
    shared = whole | {"env": {"live": new.tables, "other": new.tables}}
    assert not settings_removals(settings, only_in(shared, "live"))


def test_secrets_of_some_environments_follow() -> None:
    path = Path("cfpy.toml")
    text = """\
[[secrets]]
name = "BOTH"
environments = ["", "test"] # of both

[[secrets]]
name = "TEST"
environments = ["test"]

# Everywhere.
[[secrets]]
name = "ALL"
"""
    new = derive({"name": "shop"}, "live")
    after = edited(path, text, settings_additions(tomllib.loads(text), new))
    assert after == text.replace('["", "test"]', '["", "test", "live"]')
    assert not settings_additions(tomllib.loads(after), new)
    assert edited(path, after, secret_removals(tomllib.loads(after), "live")) == text
    left = edited(path, text, secret_removals(tomllib.loads(text), "test"))
    assert tomllib.loads(left)["secrets"] == [
        {"name": "BOTH", "environments": [""]},
        {"name": "ALL"},
    ]
    assert "# Everywhere." in left


def test_what_can_t_be_removed_alone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tomlkit.dumps", lambda _: 'name = "z"\n')
    with pytest.raises(ProjectError, match="without changing something else"):
        without_environment('name = "x"\nenv = { live = { name = "y" }, b = {} }\n', "live")


@pytest.mark.parametrize("file", ["wrangler.toml", "wrangler.jsonc"])
@pytest.mark.parametrize("bound", [True, False])
def test_a_comment_about_bindings_is_only_above_some(*, bound: bool, file: str) -> None:
    text = '{\n  "name": "x"\n}\n' if file == "wrangler.jsonc" else 'name = "x"\n'
    if bound:
        text = edited(Path(file), text, [Put(("vars",), {"A": "1"})])
    after = added(text, "staging", file)
    assert "staging" in values(file, after)["env"]
    assert ("inherits no bindings" in after) is bound
    assert without_environment(after, "staging", file) == text


def test_an_environment_goes_and_comes_where_commas_begin_the_lines() -> None:
    text = '{ "name": "x"\n, "vars": { "A": "1" }\n}\n'
    after = added(text, "staging", "wrangler.jsonc")
    assert '\n, "env": {\n' in after
    assert without_environment(after, "staging", "wrangler.jsonc") == text

"""`cfpy env remove` undoes `cfpy env add`, byte for byte."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfpy.bindings.environment_remover import without_environment, without_settings
from cfpy.bindings.environment_writer import append, environment_text, settings_text
from cfpy.bindings.environments import derive, only_in
from cfpy.errors import ProjectError
from wrangler_shapes import SHAPES

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


def added(text: str, name: str, path: Path) -> str:
    path.write_bytes(text.encode())
    config: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"))
    append(path, environment_text(derive(config, name)))
    return path.read_bytes().decode()


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\n# the end", "\n# the end\n"])
@pytest.mark.parametrize("shape", sorted(set(SHAPES) - {"an environment as an inline table"}))
def test_what_was_added_is_removed(shape: str, end: str, tmp_path: Path) -> None:
    text = SHAPES[shape].rstrip("\r\n") + end
    after = added(text, "preview", tmp_path / "wrangler.toml")
    assert after != text
    assert without_environment(after, "preview", PATH) == text


@pytest.mark.parametrize("shape", sorted(set(SHAPES) - {"an environment as an inline table"}))
def test_another_environment_stays(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.toml"
    text = SHAPES[shape]
    one = added(text, "one", path)
    both = added(one, "two", path)
    assert without_environment(both, "two", PATH) == one
    assert without_environment(both, "one", PATH) == added(text, "two", path)


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
def test_any_file(lines: list[str], end: str, windows: bool, tmp_path_factory: Any) -> None:
    text = "\n".join(['name = "x"', *lines]) + end
    text = text.replace("\r\n", "\n").replace("\n", "\r\n") if windows else text
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(text.encode())
    append(path, '# it\n[env.live]\nname = "x-live"\n\n[env.live.vars]\nA = 1\n')
    assert without_environment(path.read_bytes().decode(), "live", PATH) == text


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
    after = tomllib.loads(without_environment(text, "live", PATH), parse_float=str)
    before = tomllib.loads(text, parse_float=str)
    assert not after.pop("env", {})
    assert after == {key: value for key, value in before.items() if key != "env"}


def test_an_environment_of_a_similar_name_stays() -> None:
    text = 'name = "x"\n\n[env.live]\nname = "y"\n\n[env.live2]\nname = "z"\n'
    assert without_environment(text, "live", PATH) == 'name = "x"\n\n[env.live2]\nname = "z"\n'


@pytest.mark.parametrize("end", ["", "\n"])
def test_settings_of_its_resources_go(end: str, tmp_path: Path) -> None:
    text = SETTINGS.rstrip("\n") + end
    path = tmp_path / "cfpy.toml"
    path.write_text(text)
    config: dict[str, Any] = {
        "name": "shop",
        "d1_databases": [{"binding": "DB", "database_name": "shop-db"}],
        "vectorize": [{"binding": "V", "index_name": "shop-docs"}],
    }
    new = derive(config, "live")
    append(path, settings_text(tomllib.loads(text), new))
    after = path.read_text()
    assert after != text
    whole = config | {"env": {"live": new.tables}}
    assert without_settings(after, only_in(whole, "live"), path) == text
    shared = whole | {"env": {"live": new.tables, "other": new.tables}}
    assert without_settings(after, only_in(shared, "live"), path) == after


def test_what_can_t_be_removed_alone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tomlkit.dumps", lambda _: 'name = "z"\n')
    with pytest.raises(ProjectError, match="without changing something else"):
        without_environment('name = "x"\nenv = { live = { name = "y" } }\n', "live", PATH)

"""wrangler.toml as people write it: an id goes in and out, and no other byte changes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from cfpy.bindings.environment_writer import append, environment_text
from cfpy.bindings.environments import derive, effective
from cfpy.project.wrangler_edit import set_id, unset_id
from wrangler_shapes import SHAPES

ID = "11111111-2222-3333-4444-555555555555"
# Those that bind a namespace as KV, too.
NAMESPACE = ("one line for each table", "an array over several lines", "everything at once")


def insertions(before: str, after: str) -> set[str]:
    """What may have been put in, and nothing else changed; spaces and commas aside."""
    more = len(after) - len(before)
    return {
        "".join(after[place : place + more].split()).strip(",")
        for place in range(len(before) + 1)
        if after[:place] + after[place + more :] == before
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_an_id_goes_in_and_out_again(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.toml"
    text = SHAPES[shape]
    path.write_bytes(text.encode())
    set_id(path, "", "d1_databases", "DB", "database_id", ID)
    after = path.read_bytes().decode()
    assert insertions(text, after) & {f'database_id="{ID}"', ID}
    wanted = tomllib.loads(text.removeprefix("\ufeff"))
    [entry] = [item for item in wanted["d1_databases"] if item["binding"] == "DB"]
    entry["database_id"] = ID
    assert tomllib.loads(after.removeprefix("\ufeff")) == wanted

    set_id(path, "", "d1_databases", "DB", "database_id", ID)
    assert path.read_bytes().decode() == after

    unset_id(path, "", "d1_databases", "DB", "database_id")
    left = path.read_bytes().decode()
    del entry["database_id"]
    assert tomllib.loads(left.removeprefix("\ufeff")) == wanted
    # What goes is the id, with its line; an empty one that was there goes with it.
    assert without_the_id(left) == without_the_id(text)


def without_the_id(text: str) -> list[str]:
    kept = [line for line in text.split("\n") if not line.startswith("database_id")]
    return "\n".join(kept).rstrip("\r\n").split("\n")


@pytest.mark.parametrize("shape", NAMESPACE)
def test_namespaces_too(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.toml"
    path.write_bytes(SHAPES[shape].encode())
    set_id(path, "", "kv_namespaces", "KV", "id", "abc")
    assert 'id="abc"' in insertions(SHAPES[shape], path.read_bytes().decode())


@pytest.mark.parametrize("shape", sorted(set(SHAPES) - {"an environment as an inline table"}))
def test_an_environment_goes_below_all_of_it(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.toml"
    text = SHAPES[shape]
    path.write_bytes(text.encode())
    config: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"))
    new = derive(config, "preview")
    append(path, environment_text(new))
    after = path.read_bytes().decode()
    assert after.startswith(text)
    ends = {line[-1:] == "\r" for line in after.split("\n")[:-1]}
    assert len(ends) == 1, "one kind of line ends"
    written = tomllib.loads(after.removeprefix("\ufeff"))
    assert written["env"]["preview"] == new.tables
    assert {**written, "env": config.get("env")} == {**config, "env": config.get("env")}
    assert effective(written, "preview")["name"] == f"{config['name']}-preview"
    # Nothing of production is named by the environment.
    for table, key in (("d1_databases", "database_name"), ("r2_buckets", "bucket_name")):
        theirs = {item[key] for item in config.get(table, []) if key in item}
        assert not theirs & {item.get(key) for item in new.tables.get(table, [])}


def test_production_keeps_its_routes() -> None:
    config = tomllib.loads(SHAPES["everything at once"])
    new = derive(config, "staging")
    assert (new.tables["routes"], new.tables["workers_dev"]) == ([], True)
    assert list(new.shared) == ["services"]
    assert "triggers" not in new.tables, "it is inherited"

"""The configuration as people write it: an id goes in and out, and no other byte changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.bindings.environment_edits import additions
from cfpy.bindings.environments import derive, effective
from cfpy.bindings.id_edits import set_id, unset_id
from cfpy.project.config_text import edited
from wrangler_shapes import ALL, SHAPES, ids, values

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


@pytest.mark.parametrize("shape", ALL, ids=ids)
def test_an_id_goes_in_and_out_again(shape: tuple[str, str], tmp_path: Path) -> None:
    file, text = shape[0], ALL[shape]
    path = tmp_path / file
    path.write_bytes(text.encode())
    set_id(path, "", "d1_databases", "DB", "database_id", ID)
    after = path.read_bytes().decode()
    # In JSON, a comma may go in at another place.
    new = insertions(
        *(text.replace(",", ""), after.replace(",", "")) if "json" in file else (text, after)
    )
    assert new & {f'database_id="{ID}"', f'"database_id":"{ID}"', ID}
    wanted = values(file, text)
    [entry] = [item for item in wanted["d1_databases"] if item["binding"] == "DB"]
    entry["database_id"] = ID
    assert values(file, after) == wanted

    set_id(path, "", "d1_databases", "DB", "database_id", ID)
    assert path.read_bytes().decode() == after

    unset_id(path, "", "d1_databases", "DB", "database_id")
    left = path.read_bytes().decode()
    del entry["database_id"]
    assert values(file, left) == wanted
    # What goes is the id, with its line; an empty one that was there goes with it.
    assert without_the_id(left) == without_the_id(text)


def without_the_id(text: str) -> list[str]:
    kept = [line for line in text.split("\n") if not line.strip(' "').startswith("database_id")]
    return "\n".join(kept).rstrip("\r\n").split("\n")


@pytest.mark.parametrize("shape", NAMESPACE)
def test_namespaces_too(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "wrangler.toml"
    path.write_bytes(SHAPES[shape].encode())
    set_id(path, "", "kv_namespaces", "KV", "id", "abc")
    assert 'id="abc"' in insertions(SHAPES[shape], path.read_bytes().decode())


@pytest.mark.parametrize("shape", ALL, ids=ids)
def test_an_environment_goes_below_all_of_it(shape: tuple[str, str]) -> None:
    file, text = shape[0], ALL[shape]
    config = values(file, text)
    new = derive(config, "preview")
    after = edited(Path(file), text, additions(new))
    if file == "wrangler.toml" and "inline" not in shape[1]:
        assert after.startswith(text.rstrip("\r\n"))
    ends = {line[-1:] == "\r" for line in after.split("\n")[:-1]}
    assert len(ends) <= 1, "one kind of line ends"
    written = values(file, after)
    assert written["env"].pop("preview") == new.tables
    assert written["env"] == config.get("env", {})
    assert {**written, "env": None} == {**config, "env": None}
    written["env"]["preview"] = new.tables
    assert effective(written, "preview")["name"] == f"{config['name']}-preview"
    # Nothing of production is named by the environment.
    for table, key in (("d1_databases", "database_name"), ("r2_buckets", "bucket_name")):
        theirs = {item[key] for item in config.get(table, []) if key in item}
        assert not theirs & {item.get(key) for item in new.tables.get(table, [])}


def test_production_keeps_its_routes() -> None:
    config = values("wrangler.toml", SHAPES["everything at once"])
    new = derive(config, "staging")
    assert (new.tables["routes"], new.tables["workers_dev"]) == ([], True)
    assert list(new.shared) == ["services"]
    assert "triggers" not in new.tables, "it is inherited"

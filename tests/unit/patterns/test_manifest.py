from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from cfpy.errors import PatternError
from cfpy.patterns.manifest import parse_manifest
from cfpy.patterns.pattern_store import PatternStore, load_layer

PATH = Path("pattern.toml")
MINIMAL = {"title": "T", "summary": "S", "version": "1.0.0"}
SCHEMA = json.loads(files("cfpy").joinpath("patterns/pattern.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def test_a_manifest_is_read_whole() -> None:
    manifest = parse_manifest(
        MINIMAL
        | {
            "services": ["D1"],
            "resources": [{"kind": "d1", "binding": "DB", "purpose": "rows"}],
            "secrets": [{"name": "API_TOKEN", "purpose": "auth"}],
            "next_steps": ["cfpy dev"],
        },
        PATH,
    )
    assert manifest.resources[0].binding == "DB"
    assert manifest.secrets[0].name == "API_TOKEN"
    assert manifest.next_steps == ("cfpy dev",)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ('title = "T"\nsummary = "S"\n', "1:1", "'version' is missing"),
        ('title = "T"\n  version = 1\nsummary = "S"\n', "2:3", "'version' is not a string"),
        ('title = "T"\nversion = "one"\nsummary = "S"\n', "2:1", "'one' is not a version"),
        ('title = " "\nversion = "1"\nsummary = "S"\n', "1:1", "'title' is missing or empty"),
        ("MINIMAL\nservces = []\n", "4:1", "unknown key 'servces'"),
        ('MINIMAL\nservices = "D1"\n', "4:1", "'services' is not a list of strings"),
        ('MINIMAL\nabstract = "yes"\n', "4:1", "'abstract' is not true or false"),
        ('MINIMAL\nextends = "a/b"\n', "4:1", "extends = 'a/b' does not name a pattern"),
        ('MINIMAL\n[secrets]\nname = "x"\n', "4:1", "'secrets' is not a list of tables"),
        (
            'MINIMAL\n[[secrets]]\nname = "A"\npurpose = "p"\n\n# b\n[[secrets]]\nname = "B"\n',
            "9:1",
            "'purpose' of [[secrets]] is missing",
        ),
        (
            'MINIMAL\n[[secrets]]\nname = "A"\npurpose = "p"\n\n[[secrets]]\nname = "B"\n'
            'purpose = "p"\n  size = 1\n',
            "11:3",
            "unknown key 'size' in [[secrets]]",
        ),
        ("MINIMAL\nnext_steps = = 1\n", "4:14", "Unexpected character"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_column(
    tmp_path: Path, text: str, where: str, words: str
) -> None:
    path = tmp_path / "pattern.toml"
    path.write_text(text.replace("MINIMAL", tomlkit.dumps(MINIMAL).rstrip()))
    with pytest.raises(PatternError) as caught:
        load_layer(tmp_path)
    assert f"{path}:{where}: " in caught.value.message
    assert words in caught.value.message


def test_a_misspelt_key_gets_the_nearest_known_one() -> None:
    with pytest.raises(PatternError) as caught:
        parse_manifest(MINIMAL | {"next_step": []}, PATH)
    assert caught.value.hint == "Did you mean 'next_steps'?"


def test_the_schema_accepts_cfpys_own_patterns() -> None:
    store = PatternStore()
    layers = {layer.name: layer for name in store.names() for layer in store.get(name).layers}
    assert {"base", "auth", "api", "rag", "pipeline", "fullstack"} <= set(layers)
    for layer in layers.values():
        text = (layer.root / "pattern.toml").read_text("utf-8")
        VALIDATOR.validate(tomlkit.parse(text).unwrap())


_TEXTS = st.sampled_from(["", " ", "x", "1.0", "1.0rc1", "1..0", "rag", "rag >=1", "a/b", "rag1.0"])
_VALUES = st.one_of(
    _TEXTS,
    st.booleans(),
    st.integers(),
    st.lists(st.one_of(_TEXTS, st.integers()), max_size=2),
    st.lists(
        st.dictionaries(
            st.sampled_from(["kind", "binding", "purpose", "name", "other"]),
            st.one_of(_TEXTS, st.integers()),
            max_size=4,
        ),
        max_size=2,
    ),
)


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), _VALUES))
def test_the_schema_and_cfpy_accept_the_same(changes: dict[str, Any]) -> None:
    document = MINIMAL | changes
    try:
        parse_manifest(document, PATH)
        accepted = True
    except PatternError:
        accepted = False
    assert accepted == VALIDATOR.is_valid(document)

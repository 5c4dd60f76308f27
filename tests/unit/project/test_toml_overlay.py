from __future__ import annotations

import tomllib
from textwrap import dedent
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from cfpy.project.toml_overlay import lay_over
from wrangler_shapes import SHAPES

BELOW = dedent(
    """\
    # About the Worker.
    name = "shop"
    compatibility_flags = ["python_workers"]  # Python

    [vars]
    # What it says.
    GREETING = "hello"

    # The orders.
    [[d1_databases]]
    binding = "DB"
    database_name = "shop-db"

    [[queues.consumers]]
    queue = "jobs"
    max_batch_size = 10

    [env.staging.vars]
    GREETING = "test"
    """
)


def test_tables_merge_by_binding_and_new_ones_come_with_their_comments() -> None:
    above = dedent(
        """\
        compatibility_flags = [
          "python_workers",
          "nodejs_compat",  # for one package
        ]

        [vars]
        # Who is greeted.
        WHO = "you"
        GREETING = "hi"

        [[d1_databases]]
        binding = "DB"
        migrations_dir = "sql"

        # One database of events.
        [[d1_databases]]
        binding = "EVENTS"
        database_name = "shop-events"

        [[queues.consumers]]
        queue = "jobs"
        max_batch_size = 20

        # Short-lived.
        [[kv_namespaces]]
        binding = "SESSIONS"

        [observability]
        enabled = true
        """
    )
    assert lay_over(BELOW, above) == dedent(
        """\
        # About the Worker.
        name = "shop"
        compatibility_flags = [
          "python_workers",
          "nodejs_compat",  # for one package
        ]  # Python

        [vars]
        # What it says.
        GREETING = "hi"
        # Who is greeted.
        WHO = "you"

        # The orders.
        [[d1_databases]]
        binding = "DB"
        database_name = "shop-db"
        migrations_dir = "sql"

        # One database of events.
        [[d1_databases]]
        binding = "EVENTS"
        database_name = "shop-events"

        [[queues.consumers]]
        queue = "jobs"
        max_batch_size = 20

        # Short-lived.
        [[kv_namespaces]]
        binding = "SESSIONS"

        [observability]
        enabled = true

        [env.staging.vars]
        GREETING = "test"
        """
    )


def test_a_table_within_a_table_of_an_array_comes_along_and_merges() -> None:
    below = '[[vectorize]]\nindex_name = "docs"\ndimensions = 768\n'
    above = dedent(
        """\
        [[vectorize]]
        index_name = "docs"

        [[vectorize.metadata_indexes]]
        property = "tenant"
        type = "string"

        [[vectorize]]
        index_name = "other"

        [[vectorize.metadata_indexes]]
        property = "lang"
        type = "string"
        """
    )
    merged = lay_over(below, above)
    assert tomllib.loads(merged)["vectorize"] == [
        {
            "index_name": "docs",
            "dimensions": 768,
            "metadata_indexes": [{"property": "tenant", "type": "string"}],
        },
        {"index_name": "other", "metadata_indexes": [{"property": "lang", "type": "string"}]},
    ]


def test_an_environment_of_the_upper_text_is_laid_over_the_same_one() -> None:
    merged = lay_over(BELOW, '[env.staging.vars]\nWHO = "me"\n\n[env.live]\nname = "live"\n')
    environments = tomllib.loads(merged)["env"]
    assert environments == {
        "staging": {"vars": {"GREETING": "test", "WHO": "me"}},
        "live": {"name": "live"},
    }


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_over_any_shape_of_file_nothing_but_what_was_said_changes(shape: str) -> None:
    below = SHAPES[shape]
    above = '[vars]\nNEW = "x"\n\n[[kv_namespaces]]\nbinding = "NEW_KV"\n\n[limits]\ncpu_ms = 5\n'
    before, after = (
        tomllib.loads(text.removeprefix("\ufeff")) for text in (below, lay_over(below, above))
    )
    assert after["vars"].pop("NEW") == "x"
    assert after["limits"].pop("cpu_ms") == 5
    assert after["kv_namespaces"].pop() == {"binding": "NEW_KV"}
    emptied = {key for key in after if not after[key] and key not in before}
    assert {key: value for key, value in after.items() if key not in emptied} == before


_KEYS = st.sampled_from(["a", "b", "binding"])
_PLAIN = st.one_of(st.integers(), st.sampled_from(["x", "y"]), st.lists(st.integers(), max_size=2))
_TABLE = st.dictionaries(_KEYS, _PLAIN, max_size=3)
_DOCUMENT = st.dictionaries(
    st.sampled_from(["p", "q", "r"]),
    st.one_of(_PLAIN, _TABLE, st.lists(_TABLE.filter(bool), min_size=1, max_size=2)),
    max_size=3,
)


@given(_DOCUMENT)
def test_a_text_over_itself_changes_nothing_that_has_an_identity(document: dict[str, Any]) -> None:
    for value in document.values():
        if isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    item["binding"] = f"B{number}"
    text = tomlkit.dumps(document)
    assert lay_over(text, text) == text


@given(_DOCUMENT)
def test_a_text_over_nothing_is_that_text(document: dict[str, Any]) -> None:
    assert tomllib.loads(lay_over("", tomlkit.dumps(document))) == document

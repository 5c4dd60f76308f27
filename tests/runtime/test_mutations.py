"""When the local Vectorize shows a mutation, and which vectors a filter finds: its own modules, in
Node, with a clock that the tests set."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfpy.local.local_runtime import RUNTIME_FILES
from cfpy.tools.process import SubprocessRunner
from cfpy.tools.toolchain import Toolchain

Step = tuple[Any, ...]
DELAY = 2000
START: Step = ("start", {"delay": DELAY})
LANG = {"property": "lang", "type": "string"}


def run(*steps: Step) -> list[Any]:
    """What each step that reads shows."""
    node = Toolchain(SubprocessRunner(), print).node.binary
    script = Path(__file__).parent / "mutations.mjs"
    services = RUNTIME_FILES / "local_services"
    argv = [str(node), "--no-warnings", str(script), str(services), json.dumps(steps)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown: list[Any] = json.loads(done.stdout)
    return shown


def vector(name: str, *, value: float = 1.0, **metadata: Any) -> dict[str, Any]:
    return {"id": name, "values": [value, 0.5], "metadata": metadata}


def names(found: Any) -> list[str]:
    return sorted(item["id"] for item in found["matches"])


QUERY: Step = ("query", [1.0, 0.5], {"topK": 100})


def test_nothing_shows_a_mutation_before_its_time() -> None:
    reads: list[Step] = [QUERY, ("getByIds", ["a"]), ("queryById", "a", {}), ("describe",)]
    writes = ("upsert", [vector("a")])
    early, late = ("wait", DELAY - 1), ("wait", 1)
    shown = run(START, writes, early, *reads, late, *reads)
    assert shown[0] == {"count": 0, "matches": []}
    assert shown[1] == []
    assert "not found" in shown[2]["error"]
    nothing = {"processedUpToDatetime": None, "processedUpToMutation": None}
    assert shown[3] == {"vectorCount": 0, "dimensions": 2, **nothing}
    assert names(shown[4]) == [item["id"] for item in shown[5]] == names(shown[6]) == ["a"]
    processed = {"processedUpToDatetime": DELAY, "processedUpToMutation": 1}
    assert shown[7] == {"vectorCount": 1, "dimensions": 2, **processed}


def test_without_a_delay_a_mutation_is_visible_at_once() -> None:
    [found] = run(("start", {"delay": 0}), ("upsert", [vector("a")]), QUERY)
    assert names(found) == ["a"]


def test_a_deletion_waits_as_well() -> None:
    gone: Step = ("deleteByIds", ["a"])
    wait: Step = ("wait", DELAY)
    shown = run(START, ("upsert", [vector("a")]), wait, gone, QUERY, wait, QUERY, ("describe",))
    assert [names(shown[0]), names(shown[1])] == [["a"], []]
    assert shown[2]["processedUpToMutation"] == 2


def test_a_deletion_of_nothing_is_a_mutation() -> None:
    shown = run(START, ("deleteByIds", []), START, ("wait", DELAY), ("describe",))
    assert shown[0]["processedUpToMutation"] == 1
    assert shown[0]["processedUpToDatetime"] == DELAY


def test_what_waits_outlives_a_restart() -> None:
    write: Step = ("upsert", [vector("a", lang="en"), vector("b")])
    again: list[Step] = [START, QUERY, ("wait", DELAY), QUERY, ("getByIds", ["a", "b"]), START]
    shown = run(START, write, ("wait", 5), *again, QUERY, ("describe",))
    assert [names(shown[0]), names(shown[1]), names(shown[3])] == [[], ["a", "b"], ["a", "b"]]
    assert shown[2][0] == {"id": "a", "values": [1, 0.5], "metadata": {"lang": "en"}}
    assert shown[4]["processedUpToMutation"] == 1


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    [found] = run(START, ("upsert", [vector("a")]), ("wait", -3_600_000), QUERY)
    assert names(found) == ["a"]


def test_a_page_shows_how_many_wait() -> None:
    shown = run(START, ("upsert", [vector("a")]), ("upsert", [vector("b")]), ("page", 0, 9))
    assert shown == [{"total": 0, "waiting": 2, "vectors": []}]


def test_an_index_that_waits_for_vectors_can_not_change() -> None:
    write: Step = ("upsert", [vector("a")])
    [refused] = run(START, write, ("settings", {"dimensions": 3}), ("describe",))
    assert "an index can't be changed" in refused["error"].lower()


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([1, DELAY // 2, DELAY])),
        st.tuples(
            st.sampled_from(["insert", "upsert", "deleteByIds"]), st.sampled_from(["a", "b", "c"])
        ),
        st.just(("start",)),
    ),
    max_size=20,
)


@settings(max_examples=25, deadline=None)
@given(operations=OPERATIONS)
def test_mutations_are_shown_in_their_order(operations: list[tuple[Any, ...]]) -> None:
    steps: list[Step] = [START]
    expected: list[dict[str, float]] = []
    waiting: list[tuple[int, str, str, float]] = []
    visible: dict[str, float] = {}
    now = 0
    for number, operation in enumerate(operations):
        name = operation[0]
        if name == "start":
            steps.append(START)
        elif name == "wait":
            now += operation[1]
            steps.append(operation)
        else:
            item = operation[1]
            written = [item] if name == "deleteByIds" else [vector(item, value=float(number))]
            steps.append((name, written))
            waiting.append((now, name, item, float(number)))
        while waiting and now - waiting[0][0] >= DELAY:
            _, kind, item, value = waiting.pop(0)
            if kind == "deleteByIds":
                visible.pop(item, None)
            elif kind == "upsert" or item not in visible:
                visible[item] = value
        steps.append(("getByIds", ["a", "b", "c"]))
        expected.append(dict(visible))
    shown = run(*steps)
    assert [{item["id"]: item["values"][0] for item in found} for found in shown] == expected


FILTERED: Step = ("query", [1.0, 0.5], {"topK": 100, "filter": {"lang": "en"}})
INDEXED: Step = ("settings", {"metadata_indexes": [LANG]})
NOW: Step = ("start", {"delay": 0})


def filtered(condition: Any) -> Step:
    return ("query", [1.0, 0.5], {"topK": 100, "filter": {"lang": condition}})


@pytest.mark.parametrize(
    "condition", ["en", {"$eq": "en"}, {"$in": ["en"]}, {"$ne": "de"}, {"$nin": ["de"]}], ids=str
)
def test_a_filter_finds_only_vectors_that_were_written_after_its_index(condition: Any) -> None:
    old, new = ("upsert", [vector("old", lang="en")]), ("upsert", [vector("new", lang="en")])
    shown = run(NOW, old, INDEXED, new, filtered(condition), QUERY, old, filtered(condition))
    assert names(shown[0]) == ["new"]
    assert names(shown[1]) == ["new", "old"]
    assert names(shown[2]) == ["new", "old"]


def test_the_time_of_writing_counts_not_that_of_becoming_visible() -> None:
    write: Step = ("upsert", [vector("a", lang="en")])
    wait: Step = ("wait", DELAY)
    assert names(run(START, write, INDEXED, ("describe",), wait, FILTERED)[1]) == []
    assert names(run(START, INDEXED, write, wait, FILTERED)[0]) == ["a"]


def test_a_restart_remembers_which_vectors_an_index_has() -> None:
    old, new = ("upsert", [vector("old", lang="en")]), ("upsert", [vector("new", lang="en")])
    shown = run(NOW, old, INDEXED, new, ("deleteByIds", ["new"]), NOW, new, NOW, FILTERED)
    assert names(shown[0]) == ["new"]


def test_an_index_of_another_type_is_another_index() -> None:
    number: Step = ("settings", {"metadata_indexes": [{"property": "lang", "type": "number"}]})
    write: Step = ("upsert", [vector("a", lang=1)])
    query = filtered(1)
    shown = run(NOW, INDEXED, write, number, query, write, query)
    assert [names(found) for found in shown] == [[], ["a"]]


def test_indexed_metadata_is_that_of_the_indexes_that_have_the_vector() -> None:
    options = {"returnMetadata": "indexed"}
    write: Step = ("upsert", [vector("old", lang="en")])
    [found] = run(NOW, write, INDEXED, ("query", [1.0, 0.5], options))
    assert found["matches"][0]["metadata"] == {}


def test_vectors_of_an_older_cfpy_are_in_every_index() -> None:
    old = """
        CREATE TABLE vectors (
          id TEXT PRIMARY KEY, namespace TEXT, vals BLOB NOT NULL, metadata TEXT
        );
        CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
        INSERT INTO facts VALUES ('made', '2 dimensions, cosine');
        INSERT INTO vectors VALUES ('a', NULL, X'0000803F0000003F', '{"lang": "en"}');
    """
    start: Step = ("start", {"delay": 0, "old": old})
    shown = run(start, INDEXED, FILTERED, ("hint", {"filter": {"lang": "en"}}))
    assert names(shown[0]) == ["a"]
    assert shown[1] == ""


def test_a_filter_that_misses_vectors_says_so_once() -> None:
    hint: Step = ("hint", {"filter": {"lang": "en"}})
    old: Step = ("upsert", [vector("a", lang="en"), vector("b", lang="de"), vector("c")])
    shown = run(NOW, old, INDEXED, hint, hint, ("hint", {}), ("hint", {"filter": None}))
    assert shown[0].startswith('2 vectors were written before the metadata index on "lang" was')
    assert shown[1:] == ["", "", ""]
    one = run(NOW, ("upsert", [vector("a", lang="en")]), INDEXED, hint)
    assert one[0].startswith("1 vector was")
    assert run(NOW, INDEXED, old, hint) == [""]

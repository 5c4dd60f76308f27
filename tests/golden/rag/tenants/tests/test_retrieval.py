"""Vectors and words: what each of them finds, and both together."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import World
from rag.limits import CANDIDATES, FUSION_RANK, MAX_WORD_CHUNKS
from rag.records import chunk_id
from rag.retrieval import fuse
from rag.text_index import indexed_words

DOCUMENTS = {
    "error": "The controller shows ERR-4711 when the dome is stuck.",
    "number": "The controller shows ERR-4712 when the door is open; 4711 is a perfume.",
    "accents": "Der Fährmann heißt Ångström und raucht.",
    "quote": "Whoever leaves last turns the yellow switch beside the stairs.",
    "words": "The switch that turns is yellow, beside other stairs. Whoever sees it leaves last.",
    "japanese": "望遠鏡は島に10台あります。",
    "chinese": "渡轮每天两班，冬天停航。",
    "thai": "หอดูดาวตั้งอยู่บนเกาะ",
    "korean": "천문대는 섬에 있습니다.",
    "hindi": "वेधशाला एक द्वीप पर है।",
    "greek": "Το αστεροσκοπείο βρίσκεται σε νησί.",
    "code": "Set MAX_BLANK to 32 in limits.py, or call read_all() first.",
}


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    world.ingest(*({"id": id_, "text": text} for id_, text in DOCUMENTS.items()))
    world.search("x")
    return world


def found(world: World, query: str, mode: str = "text", **more: str) -> list[str]:
    """Ids of the documents that a search finds, best first."""
    parameters = {"q": query, "mode": mode, "top_k": "10", **more}
    status, reply = world.call("GET", "/search", parameters=parameters)
    assert status == 200, reply
    return [source["document_id"] for source in reply["sources"]]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("What does ERR-4711 mean?", "error"),
        ("err-4711", "error"),
        ("perfume 4711", "number"),
        ('"the yellow switch"', "quote"),
        ("„beside the stairs“", "quote"),
        ("fahrmann", "accents"),
        ("ANGSTROM?", "accents"),
        ("望遠鏡", "japanese"),
        ("望遠", "japanese"),
        ("島", "japanese"),
        ("冬天有渡轮吗？", "chinese"),
        ("หอดูดาว", "thai"),
        ("천문대", "korean"),
        ("द्वीप", "hindi"),
        ("νησί", "greek"),
        ("what is MAX_BLANK", "code"),
        ("limits.py", "code"),
        ("read_all()", "code"),
    ],
)
def test_exact_words_are_found_by_text_alone(world: World, query: str, first: str) -> None:
    assert found(world, query)[0] == first


@pytest.mark.parametrize(
    "query",
    [
        '"',
        '""',
        "'; DROP TABLE chunks; --",
        "AND",
        "NOT dome",
        "NEAR(dome, 2)",
        "text : dome",
        "^dome*",
        "{words} : dome",
        "dome) OR (dome",
        '"dome" + "door"',
        "- -- + * : ( )",
        "\U0001f52d \U0001f52d",
        "\ufffd",
        "\u0301\u0301",
        "a" * 1000,
        "a " * 500,
        "a-b " * 250,
        "望" * 1000,
        '"望" ' * 200,
        "\ue000 \u0378 \U0010ffff",
    ],
)
@pytest.mark.parametrize("mode", ["text", "reranked"])
def test_no_question_is_an_order_to_the_index(world: World, query: str, mode: str) -> None:
    assert set(found(world, query, mode)) <= set(DOCUMENTS)
    assert world.database.rows("SELECT count(*) AS n FROM chunks") == [{"n": len(DOCUMENTS)}]


def test_a_word_that_is_in_too_many_chunks_does_not_count() -> None:
    world = World()
    world.ingest({"id": "rare", "text": "common rare"})
    world.search("x")
    world.database.rows(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
        f"{MAX_WORD_CHUNKS}) INSERT INTO chunks (id, document_id, revision, position, text) "
        "SELECT 'n' || i, 'acme/rare', 'x', i, 'common' FROM n"
    )
    assert found(world, "common") == []
    assert found(world, "Cómmon rare") == ["rare"]


def test_title_and_headings_are_embedded_indexed_reranked_and_shown() -> None:
    world = World()
    text = "# Winter\n" + "It leaves twice a day. " * 70
    world.ingest({"id": "ferry", "title": "Sandpiper", "text": text})
    heading = "Sandpiper > Winter"
    _, inputs = world.ai.calls[-1]
    assert [part.split("\n")[0] for part in inputs["text"]] == [heading] * 2
    _, reply = world.call("POST", "/query", {"query": "sandpiper winter"})
    assert [source["heading"] for source in reply["sources"]] == [heading] * 2
    assert reply["citations"][0]["heading"] == heading
    reranked = next(inputs["contexts"] for _, inputs in world.ai.calls if "contexts" in inputs)
    assert [context["text"].split("\n")[0] for context in reranked] == [heading] * 2
    assert f'title="{heading}"' in world.ai.chats()[-1]["messages"][-1]["content"]
    _, reply = world.call("GET", "/search", parameters={"q": "sandpiper winter", "mode": "text"})
    assert len(reply["sources"]) == 2


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid", "reranked"])
def test_filters_apply_to_every_way(mode: str) -> None:
    world = World()
    for lang in ("en", "de"):
        world.ingest({"id": lang, "text": f"Sandpiper {lang}", "metadata": {"lang": lang}})
    world.ingest({"id": "none", "text": "Sandpiper none"})
    assert sorted(found(world, "Sandpiper", mode)) == ["de", "en", "none"]
    assert found(world, "Sandpiper", mode, lang="de") == ["de"]
    assert found(world, "Sandpiper", mode, lang="fr") == []
    assert found(world, "Sandpiper", mode, section="en") == []


def test_each_mode_uses_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.ingest({"id": "near", "text": "near"}, {"id": "match", "text": "match"})
    [vector] = [
        v
        for v in world.vectorize.vectors.values()
        if v["id"].startswith(chunk_id("acme/near", "", 0)[:24])
    ]

    async def query(*_: Any) -> dict[str, Any]:
        return {"matches": [{"id": vector["id"], "score": 1.0}]}

    monkeypatch.setattr(world.vectorize, "query", query)
    world.ai.calls.clear()
    assert found(world, "match", "text") == ["match"]
    assert world.ai.calls == []
    assert found(world, "match", "vector") == ["near"]
    assert sorted(found(world, "match", "hybrid")) == ["match", "near"]
    assert len(world.ai.calls) == 2
    assert found(world, "match", "reranked") == ["match", "near"]
    assert "contexts" in world.ai.calls[-1][1]


def test_a_mode_that_is_none_is_refused(world: World) -> None:
    status, problem = world.call("GET", "/search", parameters={"q": "x", "mode": "fast"})
    assert (status, problem["errors"][0]["pointer"]) == (422, "?mode")


def test_what_two_rankings_agree_on_comes_first() -> None:
    fused = fuse(["a", "b", "c"], ["d", "b"])
    assert list(fused) == ["b", "a", "d", "c"]
    assert fused["b"] == 2 / (FUSION_RANK + 2)
    many = [str(n) for n in range(2 * CANDIDATES)]
    assert list(fuse(many)) == many[:CANDIDATES]
    assert fuse([], []) == {}


def test_the_text_index_holds_what_the_chunks_do() -> None:
    world = World()
    for text in ("望遠鏡 one. " * 200, "two. " * 900, "three"):
        world.ingest({"id": "a", "title": "望遠", "text": text})
        world.search("x")
        world.run_cron()
        # FTS5 compares the index with the words of the view.
        world.database.rows(
            "INSERT INTO chunk_index (chunk_index, rank) VALUES ('integrity-check', 1)"
        )
    world.call("DELETE", "/documents/a")
    assert world.database.rows("SELECT * FROM chunk_index_words") == []


def test_a_chunk_and_its_words_are_written_together_or_not_at_all() -> None:
    world = World()
    world.database.rows("DROP TABLE chunk_index_words")
    world.database.rows("DROP TABLE chunk_index")
    assert world.call("POST", "/documents", {"id": "a", "text": "one"})[0] == 500
    assert world.database.rows("SELECT id FROM chunks") == []


def test_scripts_without_spaces_are_cut_into_pairs() -> None:
    assert indexed_words("Only words.") is None
    assert indexed_words("Die 望遠鏡は, x") == "Die 望遠 遠鏡 鏡は は , x"
    assert indexed_words("島") == "島 島"

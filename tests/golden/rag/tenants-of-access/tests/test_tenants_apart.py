"""Two tenants with documents of the same id and the same text: neither notices the other."""

from __future__ import annotations

from typing import Any

import pytest

from access.tokens import HEADER
from access_stand_in import OTHER_TOKEN, PEOPLE
from fakes import World
from rag.settings import Settings
from services import TOKEN
from web.problems import Problem

ACME, GLOBEX = TOKEN, OTHER_TOKEN
KITCHEN = {"id": "kitchen.md", "title": "Kitchen", "text": "In our kitchen we drink coffee."}
SECRET = {"id": "plans/secret.md", "title": "Plans", "text": "Zanzibar opens in 2031."}


def send(world: World, token: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
    """Send a request as the owner of a token."""
    headers = {HEADER.lower(): token} | more.pop("headers", {})
    return world.call(method, path, body, headers=headers, **more)


def ids(world: World, token: str, **parameters: str) -> list[str]:
    page = send(world, token, "GET", "/documents", parameters=parameters)[1]
    return [document["id"] for document in page["documents"]]


def found(world: World, token: str, query: str, mode: str = "reranked") -> list[tuple[str, str]]:
    parameters = {"q": query, "mode": mode, "top_k": "10"}
    sources = send(world, token, "GET", "/search", parameters=parameters)[1]["sources"]
    return [(source["document_id"], source["text"]) for source in sources]


def tool(world: World, token: str, name: str, **arguments: Any) -> Any:
    params = {"name": name, "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return send(world, token, "POST", "/mcp", message)[1]["result"]


@pytest.fixture
def world() -> World:
    world = World(TENANTS="acme:ada@example.com,globex:bob@example.com")
    for token in (ACME, GLOBEX):
        assert send(world, token, "POST", "/documents", KITCHEN)[0] == 200
    assert send(world, GLOBEX, "POST", "/documents", SECRET)[0] == 200
    # What Vectorize has processed is published by the next search.
    world.search("anything")
    return world


def test_the_same_document_is_stored_for_each(world: World) -> None:
    rows = world.database.rows("SELECT id FROM documents ORDER BY id")
    names = ["acme/kitchen.md", "globex/kitchen.md", "globex/plans/secret.md"]
    assert [row["id"] for row in rows] == names
    spaces = [vector["namespace"] for vector in world.vectorize.vectors.values()]
    assert sorted(spaces) == ["acme", "globex", "globex"]
    # What one has already is new from another, and unchanged from itself.
    assert send(world, ACME, "POST", "/documents", SECRET)[1]["documents"][0]["status"] == "indexed"
    again = send(world, ACME, "POST", "/documents", KITCHEN)[1]["documents"]
    assert again == [{"id": "kitchen.md", "status": "unchanged"}]


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid", "reranked"])
def test_a_search_finds_what_is_ones_own(world: World, mode: str) -> None:
    for token in (ACME, GLOBEX):
        own = found(world, token, "kitchen coffee", mode)
        assert own[0] == ("kitchen.md", KITCHEN["text"])
        assert [item for item in own if item[0] == "kitchen.md"] == own[:1]
    assert all(id_ != SECRET["id"] for id_, _ in found(world, ACME, "Zanzibar opens", mode))
    assert found(world, GLOBEX, "Zanzibar opens", mode)[0][0] == SECRET["id"]


def test_vectors_and_words_of_others_are_not_even_candidates(world: World) -> None:
    """More of another's documents than a search looks at: they push out nobody's own."""
    for number in range(0, 60, 10):
        some = [
            {"id": f"coffee-{n}", "text": f"coffee kitchen drink {n}"}
            for n in range(number, number + 10)
        ]
        assert send(world, GLOBEX, "POST", "/documents", {"documents": some})[0] == 200
    for mode in ("vector", "text", "hybrid", "reranked"):
        assert found(world, ACME, "kitchen coffee", mode) == [("kitchen.md", KITCHEN["text"])]


def test_an_answer_cites_what_is_ones_own(world: World) -> None:
    question = {"query": "When does Zanzibar open?"}
    assert send(world, ACME, "POST", "/query", question)[1]["grounded"] is False
    assert world.ai.chats() == []
    answer = send(world, GLOBEX, "POST", "/query", question)[1]
    assert [source["document_id"] for source in answer["citations"]] == [SECRET["id"]]
    history = [{"role": "user", "content": "Tell me of Zanzibar."}]
    follow_up = {"query": "When does it open? Zanzibar", "history": history}
    world.ai.replies = ["Zanzibar opens"]
    assert send(world, ACME, "POST", "/query", follow_up)[1]["sources"] == []


def test_a_list_has_what_is_ones_own_on_every_page(world: World) -> None:
    assert ids(world, ACME) == ["kitchen.md"]
    assert ids(world, GLOBEX) == ["kitchen.md", "plans/secret.md"]
    assert ids(world, GLOBEX, limit="1") == ["kitchen.md"]
    assert ids(world, GLOBEX, limit="1", cursor="kitchen.md") == ["plans/secret.md"]
    for cursor in ("kitchen.md", "zzz"):
        assert ids(world, ACME, cursor=cursor) == []
    world.vectorize.lags = True
    send(world, GLOBEX, "POST", "/documents", {"id": "new", "text": "New."})
    assert (ids(world, ACME, state="pending"), ids(world, GLOBEX, state="pending")) == ([], ["new"])


@pytest.mark.parametrize("path", ["plans/secret.md", "globex/plans/secret.md", "../globex/x"])
def test_what_is_anothers_is_not_there(world: World, path: str) -> None:
    for method in ("GET", "DELETE"):
        status, problem = send(world, ACME, method, f"/documents/{path}")
        assert (status, problem["code"]) == (404, "not-found")
        assert problem["detail"] == f"There is no document '{path}'."
    assert ids(world, GLOBEX) == ["kitchen.md", "plans/secret.md"]


def test_a_document_is_replaced_and_deleted_for_one_alone(world: World) -> None:
    send(world, ACME, "POST", "/documents", {**KITCHEN, "text": "In our kitchen we drink tea."})
    world.search("anything")
    world.run_cron()
    assert found(world, GLOBEX, "kitchen")[0] == ("kitchen.md", KITCHEN["text"])
    assert found(world, ACME, "kitchen") == [("kitchen.md", "In our kitchen we drink tea.")]
    assert send(world, ACME, "DELETE", "/documents/kitchen.md")[0] == 204
    world.run_cron()
    assert not ids(world, ACME)
    assert not found(world, ACME, "kitchen")
    assert found(world, GLOBEX, "kitchen")[0] == ("kitchen.md", KITCHEN["text"])


def test_an_id_can_not_reach_into_another(world: World) -> None:
    attack = {"id": "globex/kitchen.md", "text": "We drink poison in our kitchen."}
    assert send(world, ACME, "POST", "/documents", attack)[0] == 200
    assert ids(world, ACME) == ["globex/kitchen.md", "kitchen.md"]
    assert all("poison" not in text for _, text in found(world, GLOBEX, "kitchen drink poison"))


def test_a_claim_of_one_keeps_no_other_waiting(world: World) -> None:
    world.database.rows("UPDATE documents SET claim = 'x', claimed_at = unixepoch()")
    world.database.rows("UPDATE documents SET claim = NULL WHERE id = 'globex/kitchen.md'")
    status, problem = send(world, ACME, "DELETE", "/documents/kitchen.md")
    assert (status, problem["code"]) == (409, "document-busy")
    assert "acme" not in problem["detail"]
    assert send(world, GLOBEX, "DELETE", "/documents/kitchen.md")[0] == 204


def test_agents_see_what_is_ones_own(world: World) -> None:
    results = tool(world, ACME, "search", query="Zanzibar opens")["structuredContent"]["results"]
    assert [result["id"] for result in results] in ([], ["kitchen.md"])
    assert tool(world, ACME, "fetch", id=SECRET["id"])["isError"]
    assert tool(world, ACME, "fetch", id=f"globex/{SECRET['id']}")["isError"]
    fetched = tool(world, GLOBEX, "fetch", id=SECRET["id"])["structuredContent"]
    assert (fetched["id"], fetched["text"]) == (SECRET["id"], SECRET["text"])
    assert not tool(world, ACME, "ask", query="When does Zanzibar open?")["structuredContent"][
        "grounded"
    ]


def test_nobody_gets_in_without_a_tenant(world: World) -> None:
    for method, path in (("GET", "/documents"), ("GET", "/search"), ("POST", "/mcp")):
        assert send(world, "nobody's", method, path, {})[0] == 401
    assert send(world, "", "GET", "/health")[1] == {"status": "ok"}


def test_each_is_limited_alone(world: World) -> None:
    world.limiter.keys.clear()
    for token in (ACME, GLOBEX):
        ids(world, token)
    assert len(set(world.limiter.keys)) == 2


def test_who_belongs_to_whom() -> None:
    said = "acme:Acme.com, acme:service:CI.access,guest:ada@acme.com,acme:eve@example.org"
    settings = Settings(World(TENANTS=said).variables.get)
    for caller in ("bob@acme.com", "service:CI.access", "eve@example.org", '"a@b.org"@acme.com'):
        assert settings.tenant_of(caller) == "acme"
    assert settings.tenant_of("ada@acme.com") == "guest"
    strangers = ["bob@x.acme.com", "service:bob@acme.com", "acme.com@example.org", "ada@other.com"]
    alone = {settings.tenant_of(caller) for caller in strangers}
    assert len(alone) == len(strangers)
    assert not alone & {"acme", "guest"}
    assert all(len(name.encode()) <= 64 and name.startswith("_") for name in alone)


def test_who_is_not_named_is_alone() -> None:
    world = World(TENANTS="")
    for token in PEOPLE:
        send(world, token, "POST", "/documents", KITCHEN | {"text": f"{token} drinks coffee."})
        assert ids(world, token) == ["kitchen.md"]
    for token in PEOPLE:
        assert found(world, token, "coffee") == [("kitchen.md", f"{token} drinks coffee.")]


@pytest.mark.parametrize(
    "said", ["acme", "acme:", ":acme.com", "a/b:x.com", "a_b:x.com", "a:x.com,b:X.com", "Ä:x.com"]
)
def test_tenants_that_make_no_sense_let_nobody_in(said: str) -> None:
    with pytest.raises(Problem, match="TENANTS"):
        Settings(World(TENANTS=said).variables.get)
    world = World(TENANTS=said)
    assert world.call("GET", "/documents")[0] == world.call("GET", "/health")[0] == 503

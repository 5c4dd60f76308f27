"""What agents get: the protocol, and the tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes import World
from rag.limits import FETCH_CHUNKS, MAX_BODY_BYTES

LATEST = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": LATEST,
    "io.modelcontextprotocol/clientCapabilities": {},
}
FERRY = {
    "id": "visitors/ferry.md",
    "title": "Ferry",
    "source": "https://example.org/ferry",
    "text": "A return ticket for the ferry costs 24 crowns.",
    "metadata": {"lang": "en", "section": "visitors"},
}


@pytest.fixture
def world() -> World:
    world = World()
    world.ingest(FERRY)
    return world


def send(world: World, method: str, params: Any = None, **headers: str) -> tuple[int, Any]:
    """Send a request, as clients before 2026-07-28 do."""
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    status, reply = world.call("POST", "/mcp", message, headers=named)
    assert "id" not in reply or (reply["jsonrpc"], reply["id"]) == ("2.0", 7)
    return status, reply


def send_stateless(world: World, method: str, **params: Any) -> tuple[int, Any]:
    """Send a request without a handshake."""
    named = {"mcp_name": params["name"]} if "name" in params else {}
    headers = {"mcp_protocol_version": LATEST, "mcp_method": method, **named}
    return send(world, method, {"_meta": META, **params}, **headers)


def use(world: World, tool: str, **arguments: Any) -> Any:
    """Call a tool; what it found."""
    status, reply = send(world, "tools/call", {"name": tool, "arguments": arguments})
    assert status == 200
    result = reply["result"]
    assert "isError" not in result, result
    [content] = result["content"]
    assert (content["type"], json.loads(content["text"])) == ("text", result["structuredContent"])
    return result["structuredContent"]


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"), ("2024-11-05", "2025-11-25")],
)
def test_a_client_may_shake_hands(world: World, offered: str, agreed: str) -> None:
    status, reply = send(world, "initialize", {"protocolVersion": offered})
    assert (status, reply["result"]["protocolVersion"]) == (200, agreed)
    assert reply["result"]["capabilities"] == {"tools": {}}
    notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    headers = {"mcp-protocol-version": agreed}
    assert world.call("POST", "/mcp", notification, headers=headers) == (202, None)
    assert send(world, "ping", mcp_protocol_version=agreed)[1]["result"] == {}


def test_or_ask_at_once(world: World) -> None:
    status, reply = send_stateless(world, "server/discover")
    assert (status, reply["result"]["resultType"]) == (200, "complete")
    assert LATEST in reply["result"]["supportedVersions"]
    _, reply = send_stateless(world, "tools/list")
    assert [tool["name"] for tool in reply["result"]["tools"]] == ["search", "fetch", "ask"]
    _, reply = send_stateless(world, "tools/call", name="search", arguments={"query": "ferry"})
    assert reply["result"]["structuredContent"]["results"][0]["id"] == FERRY["id"]


def test_search_gives_each_document_once(world: World) -> None:
    sentences = [f"The ferry number {n} waits at the pier." for n in range(100)]
    world.ingest({"id": "long", "text": " ".join(sentences)})
    results = use(world, "search", query="the ferry", top_k=5)["results"]
    assert sorted(result["id"] for result in results) == ["long", FERRY["id"]]
    ferry = next(result for result in results if result["id"] == FERRY["id"])
    assert (ferry["title"], ferry["url"]) == ("Ferry", FERRY["source"])
    assert ferry["text"] == FERRY["text"]
    only = use(world, "search", query="the ferry", filter={"section": "visitors"})["results"]
    assert [result["id"] for result in only] == [FERRY["id"]]


def read(world: World, document_id: str) -> list[str]:
    """The parts of a document."""
    part = use(world, "fetch", id=document_id)
    parts = [part["text"]]
    while part["next_start"]:
        part = use(world, "fetch", id=document_id, start=part["next_start"])
        parts.append(part["text"])
    return parts


@pytest.mark.parametrize("join", [" ", "\n\n", "\n\n## Part\n\n", "\n\n| a |\n|---|\n| 1 |\n"])
def test_fetch_gives_a_document_as_it_was(world: World, join: str) -> None:
    sentences = [f"The ferry number {n} waits at the pier until noon." for n in range(200)]
    world.ingest({"id": "long", "text": join.join(sentences)})
    assert "".join(read(world, "long")) == join.join(sentences)
    fetched = use(world, "fetch", id=FERRY["id"])
    assert (fetched["text"], fetched["next_start"]) == (FERRY["text"], None)
    assert (fetched["title"], fetched["metadata"]) == (FERRY["title"], FERRY["metadata"])


def test_a_long_document_is_read_in_parts(world: World) -> None:
    text = " ".join(f"The ferry {n} waits." for n in range(4000))
    world.ingest({"id": "long", "text": text})
    assert use(world, "fetch", id="long")["next_start"].startswith(f"{FETCH_CHUNKS}-")
    parts = read(world, "long")
    assert ("".join(parts), len(parts) > 2) == (text, True)


def test_parts_of_two_revisions_are_never_mixed(world: World) -> None:
    world.ingest({"id": "long", "text": "The ferry waits.\n\n" * 4000})
    start = use(world, "fetch", id="long")["next_start"]
    assert use(world, "fetch", id="long", start=start)["text"]
    world.ingest({"id": "long", "text": "The ferry leaves.\n\n" * 4000})
    params = {"name": "fetch", "arguments": {"id": "long", "start": start}}
    result = send(world, "tools/call", params)[1]["result"]
    assert result["isError"]
    assert "has changed" in result["content"][0]["text"]
    assert "".join(read(world, "long")).count("leaves") == 4000


@pytest.mark.parametrize("new", ["Short.", "The ferry waits.\n\n" * 4000 + "Now."])
def test_fetch_gives_one_revision_while_the_next_is_pending(world: World, new: str) -> None:
    world.vectorize.lags = True
    world.ingest({"id": "new", "title": "New", "text": new})
    assert "".join(read(world, "new")) == new
    world.ingest({**FERRY, "title": "New", "text": new, "metadata": {}})
    fetched = use(world, "fetch", id=FERRY["id"])
    assert (fetched["title"], fetched["metadata"]) == ("New", {})
    assert "".join(read(world, str(FERRY["id"]))) == new


def test_ask_answers_with_citations(world: World) -> None:
    answer = use(world, "ask", query="What does the ferry cost?")
    assert (answer["answer"], answer["grounded"]) == ("It says so [1].", True)
    assert answer["citations"][0]["document_id"] == FERRY["id"]
    assert use(world, "ask", query="sourdough bread")["grounded"] is False


@pytest.mark.parametrize(
    ("tool", "arguments", "word"),
    [
        ("search", {}, "#/query"),
        ("search", {"query": "x", "top_k": 99}, "#/top_k"),
        ("search", {"query": "x", "colour": "red"}, "colour"),
        ("ask", {"query": "x" * 1001}, "#/query"),
        ("ask", [1], "must be an object"),
        ("fetch", {"id": 7}, "#/id"),
        ("fetch", {"id": "ferry", "start": -1}, "#/start"),
        ("fetch", {"id": "nothing"}, "no such document"),
        ("fetch", {"id": FERRY["id"], "start": "9"}, "next_start of a part"),
        ("fetch", {"id": FERRY["id"], "start": "9-ab-cd"}, "without start"),
    ],
)
def test_a_model_reads_what_it_did_wrong(
    world: World, tool: str, arguments: Any, word: str
) -> None:
    status, reply = send(world, "tools/call", {"name": tool, "arguments": arguments})
    assert (status, reply["result"]["isError"]) == (200, True)
    assert word in reply["result"]["content"][0]["text"]


def test_it_reads_that_the_chat_model_said_nothing(world: World) -> None:
    world.ai.reply = ""
    _, reply = send(world, "tools/call", {"name": "ask", "arguments": {"query": "the ferry"}})
    assert reply["result"]["isError"] is True


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        (b"{", -32700, None),
        ([{"jsonrpc": "2.0", "id": 1, "method": "ping"}], -32600, None),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, -32600, 1),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, -32600, None),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600, None),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}, -32602, 1),
    ],
)
def test_what_is_no_message_is_refused(
    world: World, body: Any, code: int, named: int | None
) -> None:
    status, reply = world.call("POST", "/mcp", body)
    assert (status, reply["error"]["code"], reply["id"]) == (400, code, named)


@pytest.mark.parametrize("name", ["nothing", None, ["search"]])
def test_a_tool_that_there_is_not_is_an_error_of_the_protocol(world: World, name: Any) -> None:
    status, reply = send(world, "tools/call", {"name": name, "arguments": {}})
    assert (status, reply["error"]["code"]) == (200, -32602)


def test_an_unknown_method_has_the_status_of_its_version(world: World) -> None:
    for status, reply in (send(world, "tools/x"), send(world, "server/discover")):
        assert (status, reply["error"]["code"]) == (200, -32601)
    for method in ("tools/x", "ping"):
        status, reply = send_stateless(world, method)
        assert (status, reply["error"]["code"]) == (404, -32601)


@pytest.mark.parametrize(
    ("headers", "params", "code"),
    [
        ({"mcp-protocol-version": "2031-01-01"}, {"_meta": META}, -32022),
        ({"mcp-protocol-version": "2031-01-01"}, {}, -32022),
        ({"mcp-protocol-version": LATEST}, {}, -32602),
        ({"mcp-protocol-version": LATEST}, {"_meta": 7}, -32602),
        ({"mcp-protocol-version": LATEST}, {"_meta": META}, -32020),
        ({"mcp-method": "tools/call", "mcp-name": "ask"}, {"_meta": META}, -32020),
        (
            {"mcp-protocol-version": LATEST, "mcp-method": "tools/call", "mcp-name": "ask"},
            {"_meta": META},
            -32020,
        ),
    ],
)
def test_headers_and_body_must_agree_on_a_version_that_it_knows(
    world: World, headers: dict[str, str], params: Any, code: int
) -> None:
    params = params | {"name": "search", "arguments": {"query": "ferry"}}
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    status, reply = world.call("POST", "/mcp", message, headers=headers)
    assert (status, reply["error"]["code"], reply["id"]) == (400, code, 7)
    if code == -32022:
        assert LATEST in reply["error"]["data"]["supported"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://rag.example", 200),
        ("https://trusted.example", 200),
        ("https://rag.example.evil.example", 403),
        ("https://elsewhere.example", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_pages_of_other_origins_may_not_call(origin: str, status: int) -> None:
    world = World(CORS_ORIGINS="https://trusted.example")
    assert send(world, "ping", origin=origin, host="rag.example")[0] == status


def test_an_id_comes_back_as_it_was(world: World) -> None:
    for identifier in ("\ud800", "\U0001f600", 7):
        message = {"jsonrpc": "2.0", "id": identifier, "method": "ping"}
        assert world.call("POST", "/mcp", message)[1]["id"] == identifier


def test_it_is_guarded_as_the_api_is(world: World) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    wrong = {"authorization": "Bearer wrong"}
    assert world.call("POST", "/mcp", message, headers=wrong)[0] == 401
    assert world.call("POST", "/mcp", b"x" * (MAX_BODY_BYTES + 1))[0] == 413
    assert world.call("POST", "/mcp", message, headers={"content-type": "text/plain"})[0] == 415
    for method in ("GET", "DELETE"):
        assert world.call(method, "/mcp")[0] == 405
    world.limiter.left = 0
    assert world.call("POST", "/mcp", message)[0] == 429

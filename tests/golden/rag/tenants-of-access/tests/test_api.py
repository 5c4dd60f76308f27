"""The application from its outside, among fake services."""

from __future__ import annotations

import asyncio
import json

import pytest

import openapi
from access.tokens import HEADER
from access_stand_in import OTHER_TOKEN
from fakes import World
from rag.answering import NO_ANSWER
from rag.limits import CANDIDATES, MAX_BODY_BYTES, MAX_ERRORS
from rag.resources import ROUTES, StreamReply
from services import TOKEN, ServiceError

FERRY = {
    "id": "visitors/ferry.md",
    "title": "Ferry",
    "source": "https://example.org/ferry",
    "text": "A return ticket for the ferry costs 24 crowns.",
    "metadata": {"lang": "en", "section": "visitors", "page": 3},
}
COMET = {"id": "comet", "text": "The comet was found in 1953.", "metadata": {"section": "history"}}
QUESTION = {"query": "What does the ferry cost?"}


@pytest.fixture
def world() -> World:
    world = World()
    world.ingest(FERRY, COMET)
    return world


def test_an_answer_comes_with_its_sources(world: World) -> None:
    status, reply = world.call("POST", "/query", QUESTION)
    assert status == 200
    assert reply["answer"] == "It says so [1]."
    assert reply["grounded"] is True
    assert reply["citations"] == [
        {
            "id": 1,
            "document_id": FERRY["id"],
            "title": "Ferry",
            "heading": "Ferry",
            "source": "https://example.org/ferry",
        }
    ]
    assert reply["sources"][0]["text"] == FERRY["text"]
    assert reply["sources"][0]["metadata"] == FERRY["metadata"]


def test_below_the_floor_no_model_is_asked(world: World) -> None:
    status, reply = world.call("POST", "/query", {"query": "sourdough bread"})
    assert (status, reply["answer"], reply["grounded"]) == (200, NO_ANSWER, False)
    assert reply["sources"] == []
    assert not world.ai.chats()


def test_not_to_know_is_not_grounded_whatever_it_cites(world: World) -> None:
    world.ai.reply = f"{NO_ANSWER} [1]"
    assert world.call("POST", "/query", QUESTION)[1]["grounded"] is False
    assert world.stream(QUESTION)[-1][1]["grounded"] is False


def test_an_answer_that_cites_no_passage_is_not_grounded(world: World) -> None:
    world.ai.reply = "Surely [9]."
    _, reply = world.call("POST", "/query", QUESTION)
    assert reply["answer"] == "Surely."
    assert (reply["grounded"], reply["dropped_citations"]) == (False, [9])


@pytest.mark.parametrize("reply", ["", "[9]", "<think>Which passage?"])
def test_a_model_that_says_nothing_is_not_one_that_does_not_know(world: World, reply: str) -> None:
    world.ai.reply = reply
    status, problem = world.call("POST", "/query", QUESTION)
    assert (status, problem["code"]) == (502, "empty-answer")
    assert [name for name, _ in world.stream(QUESTION)] == ["sources", "error"]


def test_an_answer_that_was_cut_off_says_so(world: World) -> None:
    world.ai.finish_reason = "length"
    assert world.call("POST", "/query", QUESTION)[1]["truncated"] is True
    assert world.stream(QUESTION)[-1][1]["truncated"] is True


@pytest.mark.parametrize(
    "model", ["@cf/qwen/qwq-32b", "@cf/deepseek-ai/deepseek-r1-distill-qwen-32b"]
)
def test_a_thought_that_began_in_the_prompt_is_no_answer(world: World, model: str) -> None:
    world.variables["CHAT_MODEL"] = model
    world.ai.reply = "Is it [2]?\n</think>\n\nIt says so [1]."
    _, reply = world.call("POST", "/query", QUESTION)
    assert (reply["answer"], reply["dropped_citations"]) == ("It says so [1].", [])


@pytest.mark.parametrize(("used", "truncated"), [(800, True), (42, False)])
def test_llama_says_how_long_its_answer_was(world: World, used: int, truncated: bool) -> None:
    usage = {"prompt_tokens": 900, "completion_tokens": used}
    world.ai.frames = [{"response": "It says so [1]."}, {"response": "", "usage": usage}]
    _, reply = world.call("POST", "/query", QUESTION)
    assert (reply["answer"], reply["truncated"]) == ("It says so [1].", truncated)


def test_a_stream_tells_sources_then_tokens_then_the_outcome(world: World) -> None:
    world.ai.reply = "24 crowns [1][9]."
    events = world.stream(QUESTION)
    assert [name for name, _ in events][:1] + [events[-1][0]] == ["sources", "done"]
    assert "".join(data["text"] for name, data in events if name == "token") == "24 crowns [1]."
    assert events[-1][1]["grounded"] is True
    assert events[-1][1]["dropped_citations"] == [9]


def test_a_stream_below_the_floor_says_so(world: World) -> None:
    events = world.stream({"query": "sourdough bread"})
    assert [name for name, _ in events] == ["sources", "token", "done"]
    assert events[1][1]["text"] == NO_ANSWER
    assert not world.ai.chats()


def test_a_stream_that_breaks_ends_in_an_error(world: World) -> None:
    # Seven calls go well, the last to the reranker; the chat model does not answer.
    world.search("ferry")
    world.fuse.calls, world.fuse.blows_at = 0, 8
    events = world.stream(QUESTION)
    assert [name for name, _ in events] == ["sources", "error"]
    assert (events[-1][1]["status"], events[-1][1]["code"]) == (503, "model-busy")


def test_a_client_that_leaves_stops_the_model(world: World) -> None:
    async def leave() -> None:
        reply = await world.send("POST", "/query", {**QUESTION, "stream": True})
        assert isinstance(reply, StreamReply)
        assert b"sources" in await anext(reply.stream)
        assert b"token" in await anext(reply.stream)
        await reply.stream.aclose()
        assert [stream.cancelled for stream in world.ai.streams] == [True]

    asyncio.run(leave())


def test_search_gives_passages_below_the_floor_too(world: World) -> None:
    status, reply = world.call("GET", "/search", parameters={"q": "bread", "top_k": "2"})
    assert status == 200
    assert [source["id"] for source in reply["sources"]] == [1, 2]


def test_more_passages_are_reranked_than_returned(world: World) -> None:
    world.ingest(*[{"text": f"Note {n} about the ferry."} for n in range(45)])
    world.call("GET", "/search", parameters={"q": "ferry", "top_k": "3"})
    contexts = world.ai.calls[-1][1]["contexts"]
    assert len(contexts) == CANDIDATES


@pytest.mark.parametrize("wanted", ["visitors", ["visitors", "other"]])
def test_a_filter_narrows_the_search(world: World, wanted: object) -> None:
    body = {"query": "the ferry and the comet", "filter": {"section": wanted}}
    _, reply = world.call("POST", "/query", body)
    assert {source["document_id"] for source in reply["sources"]} == {FERRY["id"]}


def test_documents_are_listed_in_pages(world: World) -> None:
    _, first = world.call("GET", "/documents", parameters={"limit": "1"})
    cursor = first["next_cursor"]
    _, second = world.call("GET", "/documents", parameters={"limit": "9", "cursor": cursor})
    ids = [document["id"] for page in (first, second) for document in page["documents"]]
    assert ids == ["comet", FERRY["id"]]
    assert second["next_cursor"] is None


def test_a_document_can_be_read_and_deleted(world: World) -> None:
    path = f"/documents/{FERRY['id']}"
    status, document = world.call("GET", path)
    assert (status, document["chunks"], document["metadata"]) == (200, 1, FERRY["metadata"])
    assert world.call("DELETE", path) == (204, None)
    assert world.call("GET", path)[0] == 404
    assert world.call("DELETE", path)[0] == 404


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], ["#"]),
        ({"documents": []}, ["#/documents"]),
        ({"documents": [{"text": "x"}] * 51}, ["#/documents"]),
        ({"documents": [{"text": "x"}, {"text": "x"}]}, ["#/documents/1/id"]),
        ({"text": ""}, ["#/text"]),
        ({"text": "\0"}, ["#/text"]),
        ({"text": "x", "colour": 1}, ["#"]),
        ({"text": 1, "title": 2, "id": "a b"}, ["#/text", "#/title", "#/id"]),
        ({"text": "x", "id": ".."}, ["#/id"]),
        ({"text": "x", "id": "a/./b"}, ["#/id"]),
        ({"text": "x", "id": "a/.."}, ["#/id"]),
        ({"text": "x", "metadata": {"lang": ""}}, ["#/metadata/lang"]),
        ({"text": "x", "metadata": {"lang": "\0"}}, ["#/metadata/lang"]),
        ({"text": "x", "metadata": {"lang": "é" * 40}}, ["#/metadata/lang"]),
        ({"text": "x", "metadata": {"year": 10**400}}, ["#/metadata/year"]),
        (b'{"text": "x", "metadata": {"year": -1e999}}', ["#/metadata/year"]),
        ({"text": "x", "metadata": {"tags": ["a"], "a.b": 1}}, ["#/metadata/tags", "#/metadata"]),
        ({"text": "é" * 600_000}, ["#/text"]),
    ],
)
def test_all_that_is_wrong_with_a_document_is_named(body: object, pointers: list[str]) -> None:
    status, problem = World().call("POST", "/documents", body)
    assert (status, problem["code"]) == (422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == pointers


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/query"),
        ({"query": " "}, "#/query"),
        ({"query": "\0"}, "#/query"),
        ({"query": "x" * 1001}, "#/query"),
        ({"query": "x", "top_k": 0}, "#/top_k"),
        ({"query": "x", "top_k": True}, "#/top_k"),
        ({"query": "x", "stream": "yes"}, "#/stream"),
        ({"query": "x", "filter": {"colour": "red"}}, "#/filter"),
        ({"query": "x", "filter": {"lang": []}}, "#/filter/lang"),
        ({"query": "x", "filter": {"lang": [1]}}, "#/filter/lang/0"),
        ({"query": "x", "filter": {"lang": ["en"] * 512}}, "#/filter/lang"),
        ({"query": "x", "filter": {"lang": ["é" * 32] * 31}}, "#/filter"),
        ({"query": "x", "filter": {"lang": "\0"}}, "#/filter/lang"),
        ({"query": "x", "filter": {"lang": {"$ne": "en"}}}, "#/filter/lang"),
    ],
)
def test_what_is_wrong_with_a_question_is_named(body: object, pointer: str) -> None:
    status, problem = World().call("POST", "/query", body)
    assert status == 422
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/query", {str(n): 1 for n in range(10_000)}),
        ("/query", {"query": "x", "long" * 10_000: 1}),
        ("/documents", {"documents": [{str(n): 1 for n in range(100)}] * 50}),
        ("/documents", {"text": "x", "metadata": {"\1" * 10_000: 1}}),
    ],
)
def test_a_request_full_of_errors_gets_a_short_reply(path: str, body: object) -> None:
    reply = asyncio.run(World().send("POST", path, body))
    assert reply.status == 422
    assert len(reply.body) < 5_000


def test_a_list_of_errors_says_that_there_are_more() -> None:
    _, problem = World().call("POST", "/query", {str(n): 1 for n in range(100)})
    *listed, last = problem["errors"]
    assert len(listed) == MAX_ERRORS
    assert last["detail"] == "has more errors than these"


@pytest.mark.parametrize(
    "parameters", [{"q": "\0"}, {"q": "x", "lang": "\0"}, {"q": "x", "lang": ""}]
)
def test_a_search_for_nothing_is_refused(parameters: dict[str, str]) -> None:
    assert World().call("GET", "/search", parameters=parameters)[0] == 422


@pytest.mark.parametrize("top_k", ["0", "11", "x", "-1", "9" * 5000])
def test_parameters_are_checked(top_k: str) -> None:
    status, _ = World().call("GET", "/search", parameters={"q": "x", "top_k": top_k})
    assert status == 422


def test_half_characters_and_nul_are_stored_harmlessly() -> None:
    world = World()
    body = b'{"id": "odd", "title": "\\ud83d", "text": "a\\u0000b \\udc00"}'
    assert world.call("POST", "/documents", body)[0] == 200
    assert world.database.rows("SELECT text FROM chunks") == [{"text": "ab ?"}]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"text": "\xff"}', {}, 400),
        (b'{"text": "x", "metadata": {"year": NaN}}', {}, 400),
        (b'{"text": "x", "metadata": {"year": -Infinity}}', {}, 400),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"\x1f\x8b", {"content-encoding": "gzip"}, 400),
        (b"\x1f\x8b", {"content-encoding": "br"}, 415),
        (b"x", {"content-length": str(MAX_BODY_BYTES + 1)}, 413),
        (b"x" * (MAX_BODY_BYTES + 1), {}, 413),
    ],
)
def test_bodies_are_checked(body: bytes, headers: dict[str, str], status: int) -> None:
    assert World().call("POST", "/documents", body, headers=headers)[0] == status


def test_a_reply_is_json_or_an_error(world: World) -> None:
    world.search("ferry")
    world.database.rows("""UPDATE documents SET metadata = '{"year": NaN}'""")
    assert world.call("GET", "/documents")[0] == 500


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN}x", f"{TOKEN}, {TOKEN}"])
def test_nobody_comes_in_without_a_token_of_access(token: str) -> None:
    world = World()
    headers = {HEADER.lower(): token, "authorization": f"Bearer {TOKEN}"}
    reply = asyncio.run(world.send("GET", "/documents", headers=headers))
    assert reply.status == 401
    assert world.fuse.calls == 0


@pytest.mark.parametrize("path", ["/documents", "/health"])
@pytest.mark.parametrize("missing", ["ACCESS_TEAM_DOMAIN", "ACCESS_AUD"])
def test_without_an_application_nothing_is_open(path: str, missing: str) -> None:
    status, problem = World(**{missing: ""}).call("GET", path)
    assert (status, problem["code"]) == (503, "misconfigured")


def test_the_page_can_show_who_is_signed_in(world: World) -> None:
    assert world.call("GET", "/me") == (200, {"name": "ada@example.com"})


def test_pages_of_other_sites_change_nothing(world: World) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    status, problem = world.call("DELETE", "/documents/comet", headers=headers)
    assert (status, problem["code"]) == (403, "cross-site")


def test_each_caller_has_a_limit_of_their_own(world: World) -> None:
    for token in (TOKEN, OTHER_TOKEN):
        assert world.call("GET", "/documents", headers={HEADER.lower(): token})[0] == 200
    assert world.limiter.keys == {"ada@example.com", "bob@example.com"}


@pytest.mark.parametrize(("name", "value"), [("MIN_SCORE", "much"), ("CHAT_MODEL", "")])
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    status, problem = World(**{name: value}).call("GET", "/health")
    assert status == 503
    assert name in problem["detail"]


def test_requests_are_limited_by_caller(world: World) -> None:
    world.limiter.left = 0
    reply = asyncio.run(world.send("GET", "/documents"))
    assert (reply.status, reply.headers["Retry-After"]) == (429, "60")
    assert TOKEN not in "".join(world.limiter.keys)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("PUT", "/documents", 405),
        ("GET", "/query", 405),
        ("HEAD", "/health", 200),
    ],
)
def test_other_methods_and_paths(method: str, path: str, status: int) -> None:
    assert asyncio.run(World().send(method, path)).status == status


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ("AiError: 3036: daily free allocation used", 503, "quota-exhausted"),
        ("5028: Model was deprecated", 500, "model-unavailable"),
        ("VECTOR_QUERY_ERROR (code = 40006): expected 768 dimensions", 500, "index-mismatch"),
        ("D1_ERROR: no such table: documents", 502, "service-failed"),
    ],
)
def test_failures_of_services_are_told_apart_and_kept_secret(
    world: World,
    message: str,
    status: int,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def fail(*_: object) -> None:
        raise ServiceError(message)

    monkeypatch.setattr(world.ai, "run", fail)
    reply, problem = world.call("POST", "/query", QUESTION)
    assert (reply, problem["code"]) == (status, code)
    assert message not in json.dumps(problem)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert message in line["error"]
    assert (line["level"], line["request_id"]) == ("error", problem["request_id"])
    assert QUESTION["query"] not in json.dumps(line)


def test_other_origins_are_refused_unless_named() -> None:
    headers = {"origin": "https://a.example"}
    closed = asyncio.run(World().send("OPTIONS", "/query", headers=headers))
    assert not any(name.startswith("Access-Control") for name in closed.headers)
    world = World(CORS_ORIGINS="https://a.example, https://b.example")
    preflight = asyncio.run(world.send("OPTIONS", "/query", headers=headers))
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    other = asyncio.run(world.send("GET", "/health", headers={"origin": "https://c.example"}))
    assert "Access-Control-Allow-Origin" not in other.headers
    assert other.headers["Vary"] == "Origin"


def test_the_description_of_the_api_is_what_the_code_says() -> None:
    described = json.loads(openapi.FILE.read_text("utf-8"))
    assert described == openapi.describe(), "run: PYTHONPATH=src python3 scripts/openapi.py"
    routes = {f"{method} {path}" for path, methods in ROUTES.items() for method in methods}
    # Agents have a protocol that describes itself.
    assert set(openapi.DESCRIBED) == routes - {"POST /mcp"}


def test_a_chat_model_that_fails_is_replaced_by_the_next(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.variables |= {"CHAT_FALLBACKS": "@cf/second, @cf/third", "AI_GATEWAY": "my-gateway"}
    world.ai.failing = {world.variables["CHAT_MODEL"], "@cf/second"}
    assert world.call("POST", "/query", QUESTION)[1]["answer"] == "It says so [1]."
    assert [model for model, inputs in world.ai.calls if "messages" in inputs][-1] == "@cf/third"
    assert "my-gateway" in world.ai.gateways
    assert capsys.readouterr().out.count('"level": "warning"') == 2
    world.ai.failing.add("@cf/third")
    assert world.call("POST", "/query", QUESTION)[1]["code"] == "model-busy"

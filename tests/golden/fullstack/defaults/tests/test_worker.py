"""The Worker itself: FastAPI in Pyodide, with the real local D1, KV, R2, queue and assets."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from worker_client import send

FINISH_SECONDS = 120
# The key of no file.
KEY = "0" * 32
ITEM = {"name": "Kettle", "description": "Boils water quickly"}


def call(url: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """The parsed reply to a request that goes well."""
    response, content = send(url, method, path, body, **headers)
    assert response.status < 300, content
    return json.loads(content) if content else None


def worked_on(url: str, path: str) -> Any:
    """The item, when its background work has ended."""
    deadline = time.monotonic() + FINISH_SECONDS
    while (found := call(url, "GET", path))["status"] == "queued":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


@pytest.fixture
def item(worker_url: str) -> Iterator[dict[str, Any]]:
    """An item, which goes again when the test ends."""
    made = call(worker_url, "POST", "/api/items", ITEM)
    yield made
    path = f"/api/items/{made['id']}"
    response, content = send(worker_url, "GET", path)
    if response.status == 200:
        send(worker_url, "DELETE", path, If_Match=f'"{json.loads(content)["version"]}"')


def test_it_is_healthy(worker_url: str) -> None:
    response, body = send(worker_url, "GET", "/health", token="")
    assert (response.status, json.loads(body)) == (200, {"status": "ok"})
    assert response.headers["X-Request-Id"]


def test_an_item_lives_and_dies(worker_url: str) -> None:
    response, content = send(worker_url, "POST", "/api/items", ITEM)
    made = json.loads(content)
    path = response.headers["Location"]
    assert (response.status, response.headers["ETag"]) == (201, '"1"')
    assert made | ITEM == made
    assert call(worker_url, "GET", path) == made
    changed = call(worker_url, "PUT", path, {"name": " Pot "}, If_Match='"1"')
    assert (changed["name"], changed["description"], changed["version"]) == ("Pot", "", 2)
    assert call(worker_url, "GET", path) == changed
    assert send(worker_url, "DELETE", path, If_Match='"2"')[0].status == 204
    assert send(worker_url, "GET", path)[0].status == 404


def test_nobody_overwrites_what_they_have_not_seen(worker_url: str, item: dict[str, Any]) -> None:
    path = f"/api/items/{item['id']}"
    call(worker_url, "PUT", path, ITEM, If_Match='"1"')
    for etag, status in (
        *(("", 428), ("2", 428), ("*", 428)),
        *(('"1"', 412), ('"7"', 412), ('"x"', 412), ('"1", "3"', 412)),
    ):
        headers = {"If_Match": etag} if etag else {}
        for method, body in (("PUT", ITEM), ("DELETE", None)):
            response, _ = send(worker_url, method, path, body, **headers)
            assert response.status == status
            assert response.headers["ETag"] == ('"2"' if status == 412 else None)
    assert call(worker_url, "GET", path)["version"] == 2


def test_an_unchanged_item_is_not_sent_again(worker_url: str, item: dict[str, Any]) -> None:
    path = f"/api/items/{item['id']}"
    for known in ('"1"', 'W/"1"', '"0", W/"1"', "*"):
        response, content = send(worker_url, "GET", path, If_None_Match=known)
        assert (response.status, content) == (304, b""), known
    for other in ('"0"', 'W/"0", "10"', "1", "W/*"):
        assert send(worker_url, "GET", path, If_None_Match=other)[0].status == 200, other


def test_an_etag_that_a_proxy_has_made_weak_still_names_its_version(
    worker_url: str, item: dict[str, Any]
) -> None:
    path = f"/api/items/{item['id']}"
    assert call(worker_url, "PUT", path, {"name": "Pot"}, If_Match='W/"1"')["version"] == 2
    assert send(worker_url, "DELETE", path, If_Match='W/"1"')[0].status == 412
    assert call(worker_url, "PUT", path, {"name": "Pot"}, If_Match='"7", W/"2"')["version"] == 3


def test_a_list_goes_on_to_its_end(worker_url: str) -> None:
    made = [call(worker_url, "POST", "/api/items", ITEM)["id"] for _ in range(5)]
    seen, cursor = [], made[0] - 1
    while cursor is not None:
        page = call(worker_url, "GET", f"/api/items?limit=2&cursor={cursor}")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == made


def test_background_work_is_done(worker_url: str, item: dict[str, Any]) -> None:
    response, content = send(worker_url, "POST", "/api/process", {"item_id": item["id"]})
    assert (response.status, json.loads(content)["status"]) == (202, "queued")
    found = worked_on(worker_url, response.headers["Location"])
    assert (found["status"], found["result"]) == ("done", {"words": 4, "characters": 26})
    assert call(worker_url, "GET", "/api/metrics")["items"]["done"] >= 1


def test_background_work_can_be_watched(worker_url: str, item: dict[str, Any]) -> None:
    path = f"/api/items/{item['id']}/events"
    call(worker_url, "POST", "/api/process", {"item_id": item["id"]})
    # It ends by itself when the work has ended, or at once.
    for _ in range(2):
        response, content = send(worker_url, "GET", path)
        assert response.headers["Content-Type"].startswith("text/event-stream")
        *before, last = [
            json.loads(line[5:]) for line in content.splitlines() if line[:5] == b"data:"
        ]
        assert {found["status"] for found in before} <= {"queued"}
        assert (last["id"], last["status"]) == (item["id"], "done")
    response, content = send(worker_url, "GET", "/api/items/1000000/events")
    assert (response.status, json.loads(content)["code"]) == (404, "not-found")


def test_an_edit_drops_what_was_found_out_about_the_old_text(
    worker_url: str, item: dict[str, Any]
) -> None:
    path = f"/api/items/{item['id']}"
    call(worker_url, "POST", "/api/process", {"item_id": item["id"]})
    version = worked_on(worker_url, path)["version"]
    changed = call(worker_url, "PUT", path, {"name": "Pot"}, If_Match=f'"{version}"')
    assert (changed["status"], changed["result"]) == ("new", None)


def test_an_edit_of_a_queued_item_is_worked_on(worker_url: str, item: dict[str, Any]) -> None:
    path, status = f"/api/items/{item['id']}", 412
    # Where the work is done before the edit arrives, the version is another one.
    while status == 412:
        queued = call(worker_url, "POST", "/api/process", {"item_id": item["id"]})
        known = f'"{queued["version"]}"'
        status = send(worker_url, "PUT", path, {"name": "One two three"}, If_Match=known)[0].status
    assert status == 200
    assert worked_on(worker_url, path)["result"] == {"words": 3, "characters": 13}


def test_metrics_say_that_they_are_local(worker_url: str) -> None:
    metrics = call(worker_url, "GET", "/api/metrics")
    assert (metrics["source"], metrics["events"]) == ("local", [])
    assert "ANALYTICS_TOKEN" in metrics["note"]


def test_a_file_comes_back_byte_for_byte(worker_url: str) -> None:
    data = bytes(range(256)) * 10_000
    response, content = send(worker_url, "POST", "/files/a.png", data, Content_Type="image/png")
    file = json.loads(content)
    assert (response.status, file["name"], file["size"]) == (201, "a.png", len(data))
    path, etag = response.headers["Location"], response.headers["ETag"]
    assert path == file["url"]
    response, content = send(worker_url, "GET", path, token="")
    assert content == data
    assert response.headers["Content-Length"] == str(len(data))
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["ETag"] == etag
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    for known in (etag, f'"x", W/{etag}', "*"):
        response, content = send(worker_url, "GET", path, If_None_Match=known)
        assert (response.status, content) == (304, b"")
    response, content = send(worker_url, "HEAD", path)
    assert (response.headers["Content-Length"], content) == (str(len(data)), b"")
    assert send(worker_url, "DELETE", path)[0].status == 204
    assert send(worker_url, "GET", path)[0].status == 404


def test_a_file_never_replaces_another_one(worker_url: str) -> None:
    for data in (b"first", b"second"):
        file = store(worker_url, "same.txt", data)
        assert send(worker_url, "GET", file)[1] == data
    seen, cursor = [], ""
    while cursor is not None:
        page = call(worker_url, "GET", f"/api/files?limit=2&cursor={quote(cursor)}")
        seen += page["files"]
        cursor = page["next_cursor"]
    sizes = {file["url"]: file["size"] for file in seen}
    assert len(sizes) == len(seen)
    assert sizes[file] == len(data)
    assert [file["name"] for file in seen].count("same.txt") == 2


@pytest.mark.parametrize("name", ["-a.txt", "a b.txt", "ä.txt", f"{'a' * 97}.txt"])
def test_a_bad_file_name_is_explained(worker_url: str, name: str) -> None:
    path = f"/files/{quote(name)}"
    response, content = send(worker_url, "POST", path, b"x", Content_Type="text/plain")
    [error] = json.loads(content)["errors"]
    assert (response.status, error["pointer"]) == (422, "#/name")
    assert error["detail"].startswith("A file name is 1 to 100 characters: A-Z, a-z, 0-9, dot")


def test_an_error_points_to_any_key(worker_url: str) -> None:
    response, content = send(worker_url, "POST", "/api/items", {"name": "x", "a/b~ä": 1})
    [error] = json.loads(content)["errors"]
    assert (response.status, error["pointer"]) == (422, "#/a~1b~0%C3%A4")


def store(url: str, name: str, data: bytes, kind: str = "text/plain") -> str:
    """The address of a new file."""
    response, content = send(url, "POST", f"/files/{name}", data, Content_Type=kind)
    assert response.status == 201, content
    return str(response.headers["Location"])


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("text/csv; charset=Windows-1252", "text/csv; charset=windows-1252"),
        ('Text/Csv;charset="ISO-8859-1"; x=y', 'text/csv;charset="iso-8859-1"'),
        ("application/pdf; charset=x", "application/pdf"),
    ],
)
def test_a_file_keeps_its_charset(worker_url: str, said: str, kind: str) -> None:
    data = "Jürgen;Köln".encode("cp1252")
    response, content = send(worker_url, "GET", store(worker_url, "c.csv", data, said))
    assert (response.headers["Content-Type"], content) == (kind, data)


@pytest.mark.parametrize(
    ("said", "name", "kind"),
    [
        ("application/x-zip-compressed", "a.zip", "application/zip"),
        ("application/vnd.ms-excel", "a.csv", "text/csv"),
        ("text/markdown", "a.md", "text/markdown"),
        ("application/octet-stream", "a.PNG", "image/png"),
        ("text/plain", "a.csv", "text/csv"),
        ("text/plain", "a.html", "text/plain"),
        ("application/vnd.ms-excel", "a.xls", None),
        ("application/octet-stream", "a.csv.gz", None),
        ("application/octet-stream", "a", None),
    ],
)
def test_the_name_tells_what_the_browser_does_not_know(
    worker_url: str, said: str, name: str, kind: str | None
) -> None:
    path = f"/files/{name}"
    response, _ = send(worker_url, "POST", path, b"a,b", Content_Type=said)
    assert response.status == (201 if kind else 415)
    if kind:
        head, _ = send(worker_url, "HEAD", response.headers["Location"])
        assert head.headers["Content-Type"] == kind


@pytest.mark.parametrize("path", ["/files/a.txt", "/api/items"])
def test_a_compressed_body_is_refused(worker_url: str, path: str) -> None:
    said = {"Content_Type": "text/plain", "Content_Encoding": "gzip"}
    response, content = send(worker_url, "POST", path, gzip.compress(b"{}"), **said)
    problem = json.loads(content)
    assert (response.status, problem["code"]) == (415, "unsupported-encoding")
    assert response.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=-99", 206, b"0123456789"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-2", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("lines=0-1", 200, b"0123456789"),
    ],
)
def test_a_part_of_a_file(worker_url: str, wanted: str, status: int, part: bytes | None) -> None:
    path = store(worker_url, "digits.txt", b"0123456789")
    response, content = send(worker_url, "GET", path, Range=wanted)
    assert response.status == status
    assert part is None or content == part
    assert response.headers["Content-Length"] == str(len(content))
    assert response.headers["Content-Disposition"] == (None if status == 416 else "attachment")


@pytest.mark.parametrize("wanted", ["bytes=0-3", "bytes=0-", "bytes=-3", "bytes=5-999999999999999"])
def test_an_empty_file_has_no_parts(worker_url: str, wanted: str) -> None:
    path = store(worker_url, "empty.txt", b"")
    assert send(worker_url, "GET", path)[0].status == 200
    response, _ = send(worker_url, "GET", path, Range=wanted)
    assert (response.status, response.headers["Content-Range"]) == (416, "bytes */0")


def test_preconditions_of_a_file(worker_url: str) -> None:
    """In the order of RFC 9110, section 13.2.2."""
    path = store(worker_url, "digits.txt", b"0123456789")
    etag = send(worker_url, "HEAD", path)[0].headers["ETag"]
    for headers, status, content in [
        ({"If_Match": '"x"', "If_None_Match": etag, "Range": "bytes=99-"}, 412, None),
        ({"If_Match": f'"x", {etag}', "If_None_Match": etag, "Range": "bytes=99-"}, 304, b""),
        ({"If_Match": "*", "If_None_Match": '"x"', "Range": "bytes=99-"}, 416, None),
        ({"If_Range": etag, "Range": "bytes=1-2"}, 206, b"12"),
        ({"If_Range": '"x"', "Range": "bytes=1-2"}, 200, b"0123456789"),
        ({"If_Range": f"W/{etag}", "Range": "bytes=99-"}, 200, b"0123456789"),
    ]:
        response, sent = send(worker_url, "GET", path, **headers)
        assert response.status == status, headers
        assert content is None or sent == content
    assert send(worker_url, "DELETE", path, If_Match='"x"')[0].status == 412
    assert send(worker_url, "DELETE", path, If_Match=etag)[0].status == 204


@pytest.mark.parametrize("path", ["/%66iles/encoded.png", "/files%2Fencoded.png"])
def test_an_encoded_path_is_an_upload_too(worker_url: str, path: str) -> None:
    data = b"x" * 200_000
    response, content = send(worker_url, "POST", path, data, Content_Type="image/png")
    assert (response.status, json.loads(content)["size"]) == (201, len(data))
    assert send(worker_url, "GET", response.headers["Location"])[1] == data
    assert send(worker_url, "POST", path, iter([b"x"]), Content_Type="image/png")[0].status == 411
    assert send(worker_url, "POST", path.replace("%", "%25"), b"x")[0].status == 404


def test_head_answers_where_get_does(worker_url: str, item: dict[str, Any]) -> None:
    for path in ("/health", "/openapi.json", "/api/items", f"/api/items/{item['id']}"):
        get, content = send(worker_url, "GET", path)
        head, nothing = send(worker_url, "HEAD", path)
        assert (head.status, nothing) == (200, b""), path
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
        assert head.headers["Content-Length"] == str(len(content))
    assert send(worker_url, "HEAD", "/api/items", token="")[0].status == 401
    assert send(worker_url, "HEAD", "/api/process")[0].status == 405


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/health", "/api/items", f"/files/{KEY}/none.txt"])
def test_a_body_of_get_means_nothing(worker_url: str, method: str, path: str) -> None:
    """``requests.get(url, json={})`` sends one."""
    for body in (b"{}", b"{"):
        response, _ = send(worker_url, method, path, body, Content_Type="application/json")
        assert response.status == (404 if "none" in path else 200)
        assert response.headers["X-Request-Id"]


@pytest.mark.parametrize("method", ["PATCH", "QUERY", "PROPFIND"])
@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/health", "GET, HEAD"),
        ("/api/items", "GET, HEAD, POST"),
        ("/api/items/1", "GET, HEAD, PUT, DELETE"),
        ("/api/process", "POST"),
        ("/%66iles/a.txt", "POST"),
    ],
)
def test_a_refusal_names_the_methods_of_the_path(
    worker_url: str, method: str, path: str, methods: str
) -> None:
    response, _ = send(worker_url, method, path)
    assert (response.status, response.headers["Allow"]) == (405, methods)


def test_a_body_that_is_no_json_is_refused_in_plain_words(worker_url: str) -> None:
    json_type, form_type = "application/json", "application/x-www-form-urlencoded"
    body = b'{"name": "x"}'
    for headers in ({"Content_Type": form_type}, {"Content_Type": "text/plain"}, {}):
        response, content = send(worker_url, "POST", "/api/items", body, **headers)
        hint = "Send JSON, with the header Content-Type: application/json."
        assert (response.status, json.loads(content)["detail"]) == (415, hint)
    assert send(worker_url, "POST", "/api/items", body, token="")[0].status == 401
    digits = b'{"name": ' + b"9" * 5_000 + b"}"
    for body in (b'{"name"', b'{"name": "caf\xe9"}', b'{"name": "\0"}', digits):
        response, content = send(worker_url, "POST", "/api/items", body, Content_Type=json_type)
        problem = json.loads(content)
        assert (response.status, problem["code"]) == (400, "not-json")
        assert problem["detail"] == "The body is no valid JSON in UTF-8."


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/api/items", None, {"Authorization": "Bearer wrong"}, 401),
        ("GET", "/api/items", None, {"Authorization": "Basic eDp5"}, 401),
        ("POST", "/files/a.txt", b"x", {"Authorization": "", "Content_Type": "text/plain"}, 401),
        ("GET", "/nothing", None, {}, 404),
        ("GET", f"/files/{KEY}/none.txt", None, {}, 404),
        ("GET", f"/files/{KEY}/..%2Fa", None, {}, 404),
        ("GET", f"/files/{KEY}/.a", None, {}, 422),
        ("POST", "/api/process", {"item_id": 1_000_000}, {}, 404),
        ("POST", "/api/process", {"item_id": 1_000_000.0}, {}, 404),
        ("PATCH", "/api/items", None, {}, 405),
        ("QUERY", "/api/items", {"a": 1}, {}, 405),
        ("PROPFIND", "/api/items", None, {}, 405),
        ("PROPFIND", "/nothing", None, {}, 404),
        ("MKCOL", f"/files/{KEY}/a.txt", b"<a>", {"Content_Type": "application/xml"}, 405),
        ("POST", "/files/a.txt", iter([b"x"]), {"Content_Type": "text/plain"}, 411),
        ("POST", "/api/items", {"name": "x" * 100_000}, {}, 413),
        ("POST", "/files/a.html", b"<b>", {"Content_Type": "text/html"}, 415),
        ("POST", "/files/a", b"x", {}, 415),
        ("POST", "/api/items", b"[" * 50_000, {"Content_Type": "application/json"}, 400),
        ("POST", "/api/items", "[]".encode("utf-16"), {"Content_Type": "application/json"}, 400),
        ("POST", "/api/items", {"name": " "}, {}, 422),
        ("POST", "/api/items", {"name": "x", "id": 1}, {}, 422),
        ("GET", "/api/items?limit=0", None, {}, 422),
        ("GET", "/api/items/0", None, {}, 422),
        ("GET", "/api/items/1.0", None, {}, 422),
        ("GET", "/api/items?cursor=1_0", None, {}, 422),
        ("GET", "/api/files?cursor=garbage", None, {}, 422),
        ("GET", "/api/files?cursor=/files/", None, {}, 422),
        ("POST", "/api/process", {"item_id": True}, {}, 422),
        ("POST", "/api/process", {"item_id": "1"}, {}, 422),
        ("POST", "/api/process", {"item_id": 1.5}, {}, 422),
    ],
)
def test_errors_are_problem_details(
    worker_url: str, method: str, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    response, content = send(worker_url, method, path, body, **headers)
    assert response.status == status, content
    problem = json.loads(content)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (problem["status"], bool(problem["code"])) == (status, True)
    assert problem["request_id"] == response.headers["X-Request-Id"]
    if status == 422:
        assert problem["errors"][0]["pointer"].startswith("#/")


def test_the_page_may_load_nothing_from_elsewhere(worker_url: str) -> None:
    response, body = send(worker_url, "GET", "/", token="")
    assert response.status == 200
    assert b"<!doctype html>" in body
    assert b"//" not in body.replace(b"</", b"")
    assert "//" not in response.headers["Content-Security-Policy"]
    for path in ("/static/app.js", "/static/style.css", "/static/docs.js"):
        assert send(worker_url, "GET", path, token="")[0].status == 200


def test_what_the_docs_load_from_elsewhere_is_pinned(worker_url: str) -> None:
    response, body = send(worker_url, "GET", "/docs", token="")
    loaded = re.findall(r'(?:src|href)="(https://[^"]*)"\s+integrity="sha384-', body.decode())
    assert len(loaded) == body.count(b"https://") == 2
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert all(url.rpartition("/")[0] + "/" in policy for url in loaded)


def test_the_api_describes_itself(worker_url: str) -> None:
    document = call(worker_url, "GET", "/openapi.json")
    change = document["paths"]["/api/items/{item_id}"]["put"]
    assert set(change["responses"]) >= {"200", "401", "404", "412", "422", "428"}
    problem = change["responses"]["412"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/ProblemDetails"}
    assert "HTTPValidationError" not in json.dumps(document["paths"])
    [name] = document["paths"]["/files/{name}"]["post"]["parameters"]
    assert re.search(name["schema"]["pattern"], "a.txt")

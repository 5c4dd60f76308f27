"""Requests and replies."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import tracemalloc
from typing import Any

import pytest

from fakes import OTHER_TOKEN, TOKEN, World
from pipeline.limits import MAX_FILE_BYTES, MAX_PAGE_CHARS
from pipeline.settings import read_settings
from web.problems import Problem

JSON = {"content-type": "application/json"}
GZIPPED = gzip.compress(b"Whales.")
# Fifty times as much as a file may have.
BOMB = gzip.compress(bytes(50 * MAX_FILE_BYTES))


@pytest.fixture
def world() -> World:
    return World()


def form(*files: tuple[str, str, bytes], boundary: str = "xyz") -> tuple[bytes, dict[str, str]]:
    """A form with these files (name, type, content), and its header."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {kind}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, kind, content in files
    ]
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    return body, {"content-type": f"multipart/form-data; boundary={boundary}"}


def test_an_upload_is_answered_at_once_and_leads_to_its_job(world: World) -> None:
    reply = asyncio.run(world.send("POST", "/files", b"Whales.", parameters={"name": "a.md"}))
    job = json.loads(reply.body)
    assert reply.status == 202
    assert reply.headers["Location"] == f"/jobs/{job['id']}"
    assert (job["status"], job["name"], job["media_type"]) == ("queued", "a.md", "text/markdown")
    assert world.ai.prompts == []
    assert [message.body for message in world.queue.waiting] == [{"job": job["id"]}]


def test_a_body_of_known_length_goes_to_r2_as_a_stream(world: World) -> None:
    kinds: list[type] = []
    put = world.bucket.put

    async def note(key: str, value: Any) -> None:
        kinds.append(type(value))
        await put(key, value)

    world.bucket.put = note  # type: ignore[method-assign]
    world.upload("x" * 5000)
    world.upload("y" * 5000, headers={"content-length": ""})
    assert kinds[0] is not bytes
    assert kinds[1] is bytes
    assert sorted(len(stored.data) for stored in world.bucket.files.values()) == [5000, 5000]


def test_a_form_brings_a_file_byte_for_byte(world: World) -> None:
    content = "Zeile\r\nzwei\nUmlaut ü\r".encode() + b"--xy\r\n"
    body, headers = form(("größe.txt", "text/plain", content))
    status, job = world.call("POST", "/files", body, headers=headers)
    assert (status, job["name"]) == (202, "größe.txt")
    assert [stored.data for stored in world.bucket.files.values()] == [content]


@pytest.mark.parametrize(
    "files", [[], [("a.txt", "text/plain", b"a"), ("b.txt", "text/plain", b"b")]]
)
def test_a_form_without_exactly_one_file_is_refused(
    world: World, files: list[tuple[str, str, bytes]]
) -> None:
    body, headers = form(*files)
    status, problem = world.call("POST", "/files", body, headers=headers)
    assert status == 422
    assert f"but has {len(files) or 'none'}" in problem["errors"][0]["detail"]


DISPOSITION = b"Content-Disposition: form-data"


@pytest.mark.parametrize(
    ("head", "name", "said"),
    [
        (b'; name="f"; filename="a \\"b\\" \\\\.txt"', 'a "b" \\.txt', "text/plain"),
        (b'; name="f"; filename="a; b=c%22.md"', 'a; b=c".md', "text/markdown"),
        (b"; name=f; filename=a.csv", "a.csv", "text/csv"),
        (b"; filename*=utf-8''gr%C3%B6%C3%9Fe.txt", "größe.txt", "text/plain"),
        ('; filename="größe.html"'.encode(), "größe.html", "text/html"),
    ],
)
def test_a_form_may_hold_other_fields_and_names_of_all_kinds(
    world: World, head: bytes, name: str, said: str
) -> None:
    lines = [
        *(b"--a'b c", DISPOSITION + b'; name="note"', b"", "größer\r\n--a".encode()),
        *(b"--a'b c", DISPOSITION + head, b"content-type: application/octet-stream"),
        *(b"", b"Whales.", b"--a'b c", DISPOSITION + b'; name="none"; filename=""', b"", b""),
        *(b"--a'b c--", b""),
    ]
    headers = {"content-type": 'Multipart/Form-Data; charset=utf-8; Boundary="a\'b c"'}
    status, job = world.call("POST", "/files", b"\r\n".join(lines), headers=headers)
    assert (status, job.get("name"), job.get("media_type")) == (202, name, said)
    assert [stored.data for stored in world.bucket.files.values()] == [b"Whales."]


NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
    for depth in range(1, 3000)
)


@pytest.mark.parametrize(
    ("boundary", "body"),
    [
        ("(" * 3000, b"--" + b"(" * 3000 + b"--\r\n"),
        ("b0", b"--b0\r\n\r\n" * 100_000),
        ("b0", b"--b0\r\n" + NESTED),
        ("b0", form(*[("a.txt", "text/plain", b"a")] * 50, boundary="b0")[0]),
        ("b0", form(("a.txt", "text/plain", b"a"), boundary="b0")[0].removesuffix(b"--b0--\r\n")),
        *(
            ("b0", b"--b0\r\n" + head + b"\r\n\r\nx\r\n--b0--\r\n")
            for head in (
                DISPOSITION + b";" * 100_000,
                DISPOSITION + b'; filename="' + b"a b" * 100_000,
                DISPOSITION + b"; a=b" * 80_000,
                DISPOSITION + b"; filename=" + b"(" * 3000,
                DISPOSITION + b"; filename*" + b"9" * 5000 + b"*=utf-8''x.txt",
                DISPOSITION + b"; filename*=a\0b''x.txt",
                DISPOSITION + b'; filename="\xff.txt"',
                DISPOSITION + b'; filename="a.txt"\r\nContent-Transfer-Encoding: base64',
                DISPOSITION + b'; filename="a.txt"\r\nno header',
            )
        ),
    ],
)
def test_what_is_no_sound_form_is_refused(world: World, boundary: str, body: bytes) -> None:
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    status, problem = world.call("POST", "/files", body, headers=headers)
    assert (status, problem["code"]) == (400, "not-a-form")


@pytest.mark.parametrize(
    ("name", "said", "status"),
    [
        ("a.txt", "text/plain", 202),
        ("a", "text/html; charset=utf-8", 202),
        ("a.CSV", "", 202),
        ("a.csv", "text/csv; charset=windows-1252", 202),
        ("a.csv", "text/csv; charset=klingon", 415),
        ("a.CSV", "application/x-www-form-urlencoded", 202),
        ("a.csv", "application/vnd.ms-excel", 202),
        ("a.json", "application/octet-stream", 202),
        ("a.pdf", "application/pdf; charset=binary", 202),
        ("a.docx", "application/zip", 202),
        ("a.zip", "application/zip", 415),
        ("a.pptx", "", 415),
        ("a.gif", "image/gif", 415),
        ("a.exe", "", 415),
        ("noname", "", 202),
        ("a.py", "text/plain", 202),
        ("a.xls", "application/vnd.ms-excel", 415),
    ],
)
def test_what_can_not_be_read_is_refused_at_upload(
    world: World, name: str, said: str, status: int
) -> None:
    given = {"content-type": said}
    got, body = world.call("POST", "/files", b"a,b", parameters={"name": name}, headers=given)
    assert got == status, body
    assert bool(world.bucket.files) == (status == 202)


@pytest.mark.parametrize(
    ("name", "said", "content", "hint"),
    [
        ("a.json.gz", "", GZIPPED, "Content-Encoding: gzip"),
        ("a.json.gz", "application/octet-stream", GZIPPED, "Content-Encoding: gzip"),
        ("a.tgz", "application/x-gzip", GZIPPED, "Content-Encoding: gzip"),
        ("noname", "", GZIPPED, "Content-Encoding: gzip"),
        ("a", "application/gzip", GZIPPED, "Content-Encoding: gzip"),
        ("A.JSONL", "", b"{}", "as a .txt file"),
        ("a.ndjson", "application/x-ndjson", b"{}", "as a .txt file"),
        ("a", "application/jsonl", b"{}", "as a .txt file"),
        ("a.exe", "", b"MZ", "name it in the Content-Type"),
    ],
)
def test_who_sends_what_is_not_read_hears_what_to_send(
    world: World, name: str, said: str, content: bytes, hint: str
) -> None:
    body, headers = form((name, said, content))
    options: list[dict[str, Any]] = [{"headers": headers}]
    if name != "noname":
        options.append({"parameters": {"name": name}, "headers": {"content-type": said}})
    for option, data in zip(options, (body, content), strict=False):
        status, problem = world.call("POST", "/files", data, **option)
        assert (status, hint in problem["detail"]) == (415, True), problem


def test_an_unknown_field_is_named(world: World) -> None:
    for name in ("fileurl", "\ud800", ""):
        body = json.dumps({name: 1, "file_url": "https://docs.example.org/"}).encode()
        status, problem = world.call("POST", "/files", body, headers=JSON)
        assert status == 422
        assert f"the unknown field {name!r}" in problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("method", "path", "known", "unknown", "takes"),
    [
        ("POST", "/files", {"name": "a.txt"}, "webhok", "name, webhook"),
        ("GET", "/jobs", {"limit": "5"}, "stauts", "status, limit, cursor"),
    ],
)
def test_an_unknown_parameter_is_named(
    world: World, method: str, path: str, known: dict[str, str], unknown: str, takes: str
) -> None:
    parameters = known | {unknown: "https://hooks.example.com/"}
    status, problem = world.call(method, path, b"Whales.", parameters=parameters)
    [error] = problem["errors"]
    assert (status, error["pointer"]) == (422, "#")
    assert error["detail"] == f"has the unknown parameter {unknown!r}: it takes {takes}"
    assert not world.bucket.files
    assert world.call(method, path, b"Whales.", parameters=known)[0] < 300
    # Programs that watch add what keeps caches away.
    assert world.call("GET", "/health", parameters={"now": "1"})[0] == 200


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.html", b"<script>no()</script><p>Whales", "text/html"),
        ("report.pdf", b"%PDF-1.7", "application/pdf"),
        ("report", b"%PDF-1.7", "application/pdf"),
        ("report.txt", b"%PDF-1.7", "application/pdf"),
        ("report.pdf", b"<!doctype html>Sign in", None),
        ("report.csv", b"PK\x03\x04...", None),
        ("photo", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("photo", b"GIF89a", None),
        ("README", b"Whales.", "text/plain"),
        ("sheet.csv", b"a;b\n1;2", "text/csv"),
    ],
)
def test_a_part_without_a_type_is_what_its_name_or_its_content_says(
    world: World, name: str, content: bytes, said: str | None
) -> None:
    body, headers = form((name, "", content))
    for sent in (body, body.replace(b"Content-Type: \r\n", b"")):
        status, job = world.call("POST", "/files", sent, headers=headers)
        assert (status, job.get("media_type")) == (202 if said else 415, said)


@pytest.mark.parametrize("kind", ["", "text/plain", "application/octet-stream"])
@pytest.mark.parametrize("length", [None, ""])
def test_a_body_without_a_telling_name_is_looked_at(
    world: World, kind: str, length: str | None
) -> None:
    headers = {"content-type": kind} | ({} if length is None else {"content-length": length})
    parameters = {"name": "report"}
    status, problem = world.call(
        "POST", "/files", b"PK\x03\x04...", parameters=parameters, headers=headers
    )
    assert (status, problem["code"]) == (415, "unsupported-type")
    job_id = world.upload(b"<!doctype html><script>no()</script><p>Whales", "page", headers=headers)
    world.deliver()
    assert world.job(job_id)["media_type"] == "text/html"
    assert "no()" not in world.ai.prompts[0]


@pytest.mark.parametrize(
    ("body", "parameters", "headers", "status"),
    [
        (b"", {"name": "a.txt"}, {}, 422),
        (b"x", {"name": ""}, {}, 422),
        (b"x", {"name": "a\nb.txt"}, {}, 422),
        (b"x", {"name": "a" * 201}, {}, 422),
        (b"x", {"name": "gr\N{REPLACEMENT CHARACTER}sse.txt"}, {}, 422),
        (b"x", {}, {}, 415),
        (b"x", {"name": "a.txt"}, {"content-length": str(MAX_FILE_BYTES + 1)}, 413),
        (b"x" * (MAX_FILE_BYTES + 1), {"name": "a.txt"}, {"content-length": ""}, 413),
        (b"{", {}, JSON, 400),
        (b"[]", {}, JSON, 422),
        (b'{"file_url": 1}', {}, JSON, 422),
        (b'{"file_url": "https://a.example.org/", "x": 1}', {}, JSON, 422),
        (b'{"file_url": "http://a.example.org/"}', {}, JSON, 422),
        (b"x", {}, {"content-type": "multipart/form-data"}, 400),
        (GZIPPED, {"name": "a.txt"}, {"content-encoding": "gzip, gzip"}, 415),
        (GZIPPED[:-9], {"name": "a.txt"}, {"content-encoding": "gzip"}, 400),
        (GZIPPED + b"Whales.", {"name": "a.txt"}, {"content-encoding": "gzip"}, 400),
        (b"Whales.", {"name": "a.txt"}, {"content-encoding": "gzip"}, 400),
        (b"", {"name": "a.txt"}, {"content-encoding": "gzip"}, 400),
        (BOMB, {"name": "a.txt"}, {"content-encoding": "gzip"}, 413),
        (BOMB, {}, JSON | {"content-encoding": "gzip"}, 413),
        (GZIPPED, {"name": "a.txt"}, {"content-encoding": "GZIP, br", "content-length": ""}, 415),
        (GZIPPED, {}, {"content-encoding": "deflate", "content-type": "multipart/form-data"}, 415),
        (GZIPPED, {}, JSON | {"content-encoding": "br"}, 415),
        (b"x", {"name": "a.txt"}, {"idempotency-key": "k" * 256}, 400),
    ],
)
def test_bad_uploads_leave_nothing_behind(
    world: World, body: bytes, parameters: Any, headers: Any, status: int
) -> None:
    got, problem = world.call("POST", "/files", body, parameters=parameters, headers=headers)
    assert got == status, problem
    assert problem["status"] == status
    assert not world.bucket.files
    assert not world.queue.waiting
    assert world.call("GET", "/jobs")[1]["jobs"] == []


@pytest.mark.parametrize("char", list("\u202f\u3000\xa0\u200c\u200d\u200e\u2009\xad\uf8ff"))
def test_a_name_may_have_the_spaces_and_joiners_of_all_scripts(world: World, char: str) -> None:
    name = f"Screenshot 3.12{char}PM.txt"
    assert world.job(world.upload(name=name))["name"] == name


@pytest.mark.parametrize("char", list("\0\t\x7f\x85\u2028\u2029\u202e\u2066\u2069\ufffd\ufffe"))
def test_a_name_that_nobody_can_read_is_refused(world: World, char: str) -> None:
    parameters = {"name": f"a{char}txt.txt"}
    status, problem = world.call("POST", "/files", b"x", parameters=parameters)
    assert (status, problem["errors"][0]["pointer"]) == (422, "#/name")


@pytest.mark.parametrize("length", [None, ""])
def test_a_body_may_be_compressed_with_gzip(world: World, length: str | None) -> None:
    large = "Whales swim. " * 200_000
    sent = {"Whales.": "identity", "Whales": "GZIP", large: "x-gzip"}
    both = world.upload(GZIPPED + GZIPPED, headers={"content-encoding": "gzip"})
    assert world.bucket.files[f"uploads/{both}"].data == b"Whales.Whales."
    for text, encoding in sent.items():
        body = text.encode() if encoding == "identity" else gzip.compress(text.encode())
        headers = {"content-encoding": encoding} | (
            {} if length is None else {"content-length": ""}
        )
        job_id = world.upload(body, headers=headers)
        assert world.bucket.files[f"uploads/{job_id}"].data == text.encode()
    reply = asyncio.run(
        world.send("POST", "/files", GZIPPED, headers={"content-encoding": "br"} | JSON)
    )
    assert (reply.status, reply.headers["Accept-Encoding"]) == (415, "gzip")
    assert "not with Content-Encoding: br" in json.loads(reply.body)["detail"]


def test_what_expands_takes_no_more_memory_than_the_limit(world: World) -> None:
    tracemalloc.start()
    try:
        headers = {"content-encoding": "gzip"}
        assert (
            world.call("POST", "/files", BOMB, parameters={"name": "a"}, headers=headers)[0] == 413
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MAX_FILE_BYTES


def test_json_may_begin_with_a_byte_order_mark(world: World) -> None:
    body = b'\xef\xbb\xbf{"file_url": "https://docs.example.org/a.txt"}'
    assert world.call("POST", "/files", body, headers=JSON)[0] == 202


def test_an_address_is_not_fetched_by_the_request(world: World) -> None:
    job_id = world.upload_url("https://docs.example.org/a.txt?signature=secret")
    assert world.fetched == []
    assert world.job(job_id)["file_url"] == "https://docs.example.org/a.txt"


def test_only_hosts_of_the_list_are_taken_where_there_is_one() -> None:
    world = World(ALLOWED_HOSTS="docs.example.org")
    world.upload_url("https://docs.example.org/a.txt")
    body = b'{"file_url": "https://other.example.org/a.txt"}'
    status, problem = world.call("POST", "/files", body, headers=JSON)
    assert status == 422
    assert problem["errors"][0]["pointer"] == "#/file_url"


def test_the_same_request_twice_is_one_job(world: World) -> None:
    key = {"idempotency-key": "k1"}
    first = world.upload("Whales.", headers=key)
    assert world.upload("Whales.", headers=key) == first
    assert len(world.bucket.files) == 1
    status, problem = world.call(
        "POST", "/files", b"Another file", parameters={"name": "a.txt"}, headers=key
    )
    assert (status, problem["code"]) == (422, "idempotency-key-reused")
    assert world.upload("Whales.", headers=key, token=OTHER_TOKEN) != first


def test_the_same_request_twice_at_once_is_one_job(world: World) -> None:
    async def both() -> list[int]:
        options: Any = {"parameters": {"name": "a.txt"}, "headers": {"idempotency-key": "k"}}
        sent = [world.send("POST", "/files", b"x", **options) for _ in range(2)]
        return sorted(reply.status for reply in await asyncio.gather(*sent))

    assert asyncio.run(both()) == [202, 409]
    assert len(world.queue.waiting) == 1


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/jobs", "GET, HEAD"),
        ("/jobs/0", "GET, HEAD, DELETE"),
        ("/files", "POST"),
    ],
)
def test_a_refusal_names_the_methods_of_the_path(world: World, path: str, methods: str) -> None:
    reply = asyncio.run(world.send("PATCH", path))
    assert (reply.status, reply.headers["Allow"]) == (405, methods)


def test_a_job_is_seen_by_its_owner_alone(world: World) -> None:
    job_id = world.upload()
    headers = {"x-owner": "ada", "x-user-id": "ada"}
    for method in ("GET", "DELETE"):
        status, _ = world.call(method, f"/jobs/{job_id}", token=OTHER_TOKEN, headers=headers)
        assert status == 404
    assert world.call("GET", "/jobs", token=OTHER_TOKEN)[1]["jobs"] == []
    assert world.job(job_id)["id"] == job_id


def test_a_list_goes_on_to_its_end_newest_first(world: World) -> None:
    made = []
    for number in range(5):
        world.pass_time(seconds=1)
        made.append(world.upload(f"Text {number}"))
    seen, cursor = [], ""
    while cursor is not None:
        page = world.call("GET", "/jobs", parameters={"limit": "2", "cursor": cursor})[1]
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]


def test_a_page_ends_where_its_results_get_long(world: World) -> None:
    made = []
    for number in range(5):
        world.pass_time(seconds=1)
        made.append(world.upload(f"Text {number}"))
    world.deliver()
    world.pass_time(seconds=1)
    made.append(world.upload("Not done yet."))
    long = "x" * (MAX_PAGE_CHARS // 2)
    world.database.connection.execute("UPDATE results SET summary = ?", (long,))
    pages, cursor = [], ""
    while cursor is not None:
        page = world.call("GET", "/jobs", parameters={"limit": "5", "cursor": cursor})[1]
        pages.append([job["id"] for job in page["jobs"]])
        cursor = page["next_cursor"]
    newest_first = made[::-1]
    assert pages == [newest_first[:4], newest_first[4:]]


def test_a_list_by_status(world: World) -> None:
    done = world.upload("One.")
    world.deliver()
    waiting = world.upload("Two.")
    for status, expected in {"done": [done], "queued": [waiting], "failed": []}.items():
        _, page = world.call("GET", "/jobs", parameters={"status": status})
        assert [job["id"] for job in page["jobs"]] == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"status": "lost"},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "²"},
        {"cursor": "x"},
        {"cursor": "W10="},
        {"cursor": "WzFlMzAwLCAiYSJd"},
        {"limit": "000000001999"},
        {"limit": "000000001" + "9" * 30},
        {"limit": "000000001" + "9" * 4400},
        *(
            {"cursor": base64.urlsafe_b64encode(text.encode()).decode()}
            for text in ("[" * 6000, f'[-{"9" * 400},"a"]', '[true,"a"]', '[-1,"a"]')
        ),
        {"cursor": f"{'9' * 30}-{'a' * 32}"},
        {"cursor": f"1-{'a' * 5000}"},
    ],
)
def test_a_list_that_can_not_be(world: World, parameters: dict[str, str]) -> None:
    status, problem = world.call("GET", "/jobs", parameters=parameters)
    assert status == 422
    assert problem["errors"]


def test_a_job_and_its_file_are_deleted(world: World) -> None:
    job_id = world.upload()
    world.deliver()
    assert world.call("DELETE", f"/jobs/{job_id}")[0] == 204
    assert world.call("GET", f"/jobs/{job_id}")[0] == 404
    assert not world.bucket.files
    assert world.database.rows("SELECT * FROM results") == []


@pytest.mark.parametrize(
    ("token", "status"), [("", 401), ("wrong", 401), (f"{TOKEN}x", 401), (TOKEN, 200)]
)
def test_a_token_is_needed(world: World, token: str, status: int) -> None:
    assert world.call("GET", "/jobs", token=token)[0] == status


@pytest.mark.parametrize("missing", ["ACCESS_TEAM_DOMAIN", "ACCESS_AUD"])
def test_without_an_application_nothing_is_served(missing: str) -> None:
    for path in ("/jobs", "/health"):
        status, problem = World(**{missing: ""}).call("GET", path)
        assert (status, problem["code"]) == (503, "misconfigured")


def test_the_page_can_show_who_is_signed_in(world: World) -> None:
    assert world.call("GET", "/me") == (200, {"name": "ada@example.com"})
    assert world.call("GET", "/me", token="")[0] == 401


def test_pages_of_other_sites_change_nothing(world: World) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    status, problem = world.call("POST", "/jobs/retry", headers=headers)
    assert (status, problem["code"]) == (403, "cross-site")


def test_a_setting_that_is_missing_is_named() -> None:
    with pytest.raises(Problem, match="SUMMARY_MODEL"):
        read_settings(dict[str, object]().get)


def test_who_asks_too_often_waits(world: World) -> None:
    world.limiter.left = 1
    assert world.call("GET", "/jobs")[0] == 200
    status, problem = world.call("GET", "/jobs")
    assert (status, problem["code"]) == (429, "rate-limited")
    assert world.limiter.keys == {"ada@example.com"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/jobs/unknown", 404),
        ("DELETE", "/jobs/unknown", 404),
        ("GET", "/files", 405),
        ("POST", "/jobs", 405),
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
    ],
)
def test_resources(world: World, method: str, path: str, status: int) -> None:
    assert asyncio.run(world.send(method, path)).status == status


def test_a_failing_service_is_no_secret_and_no_traceback(world: World) -> None:
    world.fuse.blows_at = 1
    status, problem = world.call("GET", "/jobs")
    assert (status, problem["code"]) == (502, "service-failed")
    assert "3040" not in json.dumps(problem)

"""Whatever a client or the queue sends, pipeline answers, and every message finds an end."""

from __future__ import annotations

from typing import Any

from fakes import World
from hypothesis import given, settings
from hypothesis import strategies as st
from inputs import bodies, headers, tables, text, values
from job_services import FakeMessage

address = tables(
    file_url=text | st.sampled_from(["https://127.0.0.1/", "http://a.b/", "file:///x"]),
    webhook=text,
)
# What files and forms are made of, in any order.
pieces = st.sampled_from(
    [
        *("<p>", "<svg>", "</svg>", "<script", "<!--", "<meta charset=gbk>", '="', "&#", "&amp;"),
        *('"', '""', ",", ";", "\t", "\n", "\r\n", "sep=;", "1,50", "größe", "\ufeff", "\0", "--b"),
        *("--b\r\nContent-Disposition: form-data; filename", '="a.csv"', "*=utf-8''%E9", "--b--"),
        *("Content-Type: text/csv; charset=", "Content-Transfer-Encoding: ", "\r\n\r\n"),
    ]
)
codecs = st.sampled_from(["utf-8", "utf-16", "utf-16-le", "cp1252", "gbk"])
files = st.builds(
    lambda parts, codec: "".join(parts).encode(codec, "replace"),
    st.lists(pieces | text, max_size=15),
    codecs,
)
requests = st.one_of(
    st.tuples(st.just("POST"), st.just("/files"), bodies(address) | files),
    st.tuples(st.sampled_from(["GET", "DELETE"]), text.map("/jobs/{}".format), st.none()),
    st.tuples(st.just("GET"), st.sampled_from(["/jobs", "/files", "/nothing"]), st.none()),
    st.tuples(text, text, st.none()),
)
name = text | st.sampled_from(["a.txt", "a.md", "a.json", "a.html", "a.csv", "a.pdf"])
webhooks = text | st.sampled_from(["https://hooks.example.com/", "https://127.0.0.1/"])
parameters = st.fixed_dictionaries(
    {}, optional={"name": name, "limit": text, "cursor": text, "webhook": webhooks}
)


@settings(max_examples=300, deadline=None)
@given(requests, parameters, headers)
def test_requests(sent: Any, asked: dict[str, str], given_headers: dict[str, str]) -> None:
    world = World()
    method, path, body = sent
    status, reply = world.call(method, path, body, parameters=asked, headers=given_headers)
    assert status < 500, (status, reply)
    if status >= 400:
        assert set(reply) >= {"title", "status", "code"}
        assert "Traceback" not in str(reply)
    # What was taken in comes to an end, or waits for an address that nobody answers at.
    for _ in range(9):
        world.deliver()
    world.deliver("myapp-jobs-dead-letters")
    assert world.queue.waiting == []
    if status == 202:
        job = world.job(reply["id"])
        assert job["status"] in ("done", "failed") or (job["retry_at"] and "file_url" in job)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(values | tables(job=text, webhook=values), max_size=4),
    st.sampled_from(["", "-dead-letters"]),
)
def test_messages(sent: list[Any], which: str) -> None:
    world = World()
    messages = [FakeMessage(f"m{number}", body) for number, body in enumerate(sent)]
    (world.queue.dead if which else world.queue.waiting).extend(messages)
    outcomes = [message.outcome for message in world.deliver(f"myapp-jobs{which}")]
    assert len(outcomes) == len(sent)
    assert set(outcomes) <= {"ack", "retry"}

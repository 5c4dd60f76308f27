"""Whatever a client sends, rag answers, and never with a fault of its own."""

from __future__ import annotations

from typing import Any

from fakes import World
from hypothesis import given, settings
from hypothesis import strategies as st
from inputs import bodies, headers, tables, text, values

metadata = st.dictionaries(st.sampled_from(["lang", "section", "year"]) | text, values, max_size=2)
document = tables(text=st.text(max_size=200), id=text, title=text, source=text, metadata=metadata)
ingest = document | tables(documents=st.lists(document, max_size=2))
query = tables(
    query=text,
    top_k=st.integers(-1, 60),
    filter=st.dictionaries(st.sampled_from(["lang", "section"]) | text, values, max_size=2),
    stream=st.booleans(),
)
requests = st.one_of(
    st.tuples(st.just("POST"), st.just("/documents"), bodies(ingest)),
    st.tuples(st.just("POST"), st.just("/query"), bodies(query)),
    st.tuples(
        st.just("GET"), st.sampled_from(["/documents", "/search", "/query", "/nothing"]), st.none()
    ),
    st.tuples(st.sampled_from(["GET", "DELETE"]), text.map("/documents/{}".format), st.none()),
    st.tuples(text, text, st.none()),
)
parameters = st.dictionaries(
    st.sampled_from(["q", "top_k", "lang", "limit", "cursor"]), text, max_size=3
)


@settings(max_examples=400, deadline=None)
@given(st.lists(requests, min_size=1, max_size=3), parameters, headers)
def test_requests(sent: list[Any], asked: dict[str, str], given_headers: dict[str, str]) -> None:
    world = World()
    for method, path, body in sent:
        try:
            status, reply = world.call(method, path, body, parameters=asked, headers=given_headers)
        except ValueError:  # An event stream is no JSON.
            continue
        assert status < 500, (status, reply)
        if status >= 400:
            assert set(reply) >= {"title", "status", "code"}
            assert "Traceback" not in str(reply)

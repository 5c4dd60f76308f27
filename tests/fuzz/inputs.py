"""What a client, or a queue, might send."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

text = st.text(max_size=20)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


def tables(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these keys, mostly with values that fit, and sometimes with others."""
    fitting = {name: one | values for name, one in known.items()}
    return st.tuples(
        st.fixed_dictionaries({}, optional=fitting), st.dictionaries(text, values, max_size=1)
    ).map(lambda both: both[0] | both[1])


def bodies(objects: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """JSON, what almost is JSON, and bytes."""
    sent = (objects | values).map(lambda value: json.dumps(value).encode())
    return sent | sent.map(lambda data: data[:-1]) | st.binary(max_size=60) | st.just(b"[" * 50_000)


headers = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            [
                *("application/json", "text/plain", "multipart/form-data; boundary=b", "", "a/b/c"),
                *("text/csv; charset=latin1", "text/html; charset=gbk", "text/csv; charset=x"),
                *("application/x-www-form-urlencoded", "text/plain; charset=utf-16"),
            ]
        )
        | text,
        "content-encoding": st.sampled_from(["identity", "gzip", "x, br"]),
        "content-length": st.sampled_from(["0", "-1", "10000000000", "x"]),
        "idempotency-key": text,
        "accept": text,
    },
)

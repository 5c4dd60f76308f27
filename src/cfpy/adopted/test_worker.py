"""The Worker answers, in the local runtime of cfpy."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit


def test_the_worker_answers(worker_url: str) -> None:
    """Write here what your Worker has to answer: this only finds one that does not run."""
    connection = http.client.HTTPConnection(urlsplit(worker_url).netloc, timeout=60)
    connection.request("GET", "/")
    assert connection.getresponse().status < 500
    connection.close()

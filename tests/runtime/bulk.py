"""Many small documents through the queue of a rag project, while others ask for them.

The test sends some, ``benchmarks/queue_of_documents.py`` a thousand.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

#: Sends a request; returns the status and what the JSON of the answer says.
Call = Callable[[str, str, Any], tuple[int, Any]]

_IN_A_REQUEST = 25
_PAUSE = 0.05


@dataclass(frozen=True)
class Round:
    """What came of one round. ``blank`` are the questions whose document was not found."""

    seconds: float
    statuses: list[str]
    asked: int
    blank: list[str]


def ids(count: int) -> list[str]:
    return [f"locker{number:04}" for number in range(count)]


def send(call: Call, count: int, edition: str, known: list[str]) -> Round:
    """Have ``count`` documents indexed, and ask for those that are ``known`` until all are.

    Each document is the same in all editions but for their name. Once it is known, each question
    must find it, in whatever edition.
    """
    documents = [
        {"id": id_, "title": id_, "text": f"By the {edition} register, {id_} belongs to Ada."}
        for id_ in ids(count)
    ]
    started, jobs = time.perf_counter(), []
    for start in range(0, count, _IN_A_REQUEST):
        body = {"documents": documents[start : start + _IN_A_REQUEST]}
        status, job = call("POST", "/documents", body)
        assert status == 202, job
        jobs.append(job["id"])
    chance, asked, blank, statuses = random.Random(1), 0, [], []
    for job_id in jobs:
        while (job := call("GET", f"/jobs/{job_id}", None)[1])["status"] != "done":
            assert job["status"] in ("received", "queued", "processing"), job
            time.sleep(_PAUSE)
            if known:
                asked += 1
                wanted = chance.choice(known)
                if wanted not in found(call, wanted):
                    blank.append(wanted)
        statuses += [outcome["status"] for outcome in job["documents"]]
    return Round(time.perf_counter() - started, statuses, asked, blank)


def settle(call: Call) -> None:
    """Wait until searches find every document."""
    while call("GET", "/documents?state=pending&limit=1", None)[1]["documents"]:
        time.sleep(_PAUSE)


def found(call: Call, question: str, mode: str = "hybrid") -> dict[str, str]:
    """The texts that a question finds, by the ids of their documents."""
    path = "/search?" + urlencode({"q": question, "mode": mode, "top_k": 5})
    status, reply = call("GET", path, None)
    assert status == 200, reply
    return {source["document_id"]: source["text"] for source in reply["sources"]}

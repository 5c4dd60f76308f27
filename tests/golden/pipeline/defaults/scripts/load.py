"""Sends many small files to a running Worker and counts what becomes of them.

    python3 scripts/load.py --url http://127.0.0.1:8787 --jobs 1000

Exits with 1 if an accepted job is lost, is never finished, or has two results.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode, urlsplit

_TOKEN = os.environ.get("API_TOKEN", "local-development-token")
# A Worker that is being restarted is away for some seconds; one that was cut off in the middle of a
# request lets that request be taken over after a minute, and may be cut off again.
_PATIENCE_SECONDS = 600
_PAGE = 200


class Client:
    """Calls the Worker, again and again if it has to, on one connection for each thread."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._netloc = parts.netloc
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        self._kind = kinds[parts.scheme]
        self._local = threading.local()

    def call(self, method: str, path: str, body: str | None = None, **headers: str) -> Any:
        """The parsed answer. Sending twice must be harmless: see ``Idempotency-Key``."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                status, answer = self._send(method, path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                status, answer = 0, str(error).encode()
                self._local.__dict__.clear()
            if 200 <= status < 300:
                return json.loads(answer)
            # 409: the Worker was cut off in the middle of this very request, and waits for it.
            if status not in (0, 409, 429, 500, 502, 503, 504) or time.monotonic() > deadline:
                raise SystemExit(f"{method} {path} answered {status}: {answer.decode()}")
            time.sleep(1)

    def _send(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        connection = self._local.__dict__.setdefault(
            "connection", self._kind(self._netloc, timeout=60)
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {_TOKEN}"
        connection.request(method, path, body, named)
        response = connection.getresponse()
        return response.status, response.read()


def submit(client: Client, run: str, number: int) -> str:
    """Send one file; return the id of its job."""
    text = f"File number {number} of the run {run}. It says little, and says it briefly."
    path = "/files?" + urlencode({"name": f"{number}.txt"})
    job = client.call(
        "POST", path, text, Content_Type="text/plain", Idempotency_Key=f"{run}-{number}"
    )
    return str(job["id"])


def all_jobs(client: Client, **only: str) -> dict[str, dict[str, Any]]:
    """Every job that there is, or only those of a status, by id."""
    jobs: dict[str, dict[str, Any]] = {}
    cursor: str | None = ""
    while cursor is not None:
        query = urlencode({"limit": _PAGE, "cursor": cursor, **only})
        page = client.call("GET", f"/jobs?{query}")
        jobs |= {job["id"]: job for job in page["jobs"]}
        cursor = page["next_cursor"]
    return jobs


def wait(client: Client, ids: set[str], seconds: float) -> None:
    """Wait until none of these jobs is unfinished, or the time is over."""
    deadline = time.monotonic() + seconds
    for status in ("received", "queued", "processing", "queued"):
        while not ids.isdisjoint(all_jobs(client, status=status)) and time.monotonic() < deadline:
            time.sleep(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", default="http://127.0.0.1:8787")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1800, help="how long to wait at most")
    options = parser.parse_args()
    client = Client(options.url)
    run = f"{time.time_ns():x}"
    with ThreadPoolExecutor(options.threads) as pool:
        ids = list(pool.map(lambda number: submit(client, run, number), range(options.jobs)))
    wait(client, set(ids), options.seconds)
    jobs = all_jobs(client)
    states = collections.Counter(jobs[i]["status"] if i in jobs else "lost" for i in ids)
    names = collections.Counter(job["name"] for i, job in jobs.items() if i in set(ids))
    counts = {
        "sent": options.jobs,
        "done": states["done"],
        "failed": states["failed"],
        "unfinished": states["received"] + states["queued"] + states["processing"],
        "lost": states["lost"],
        "twice": options.jobs - len(set(ids)) + sum(count - 1 for count in names.values()),
        "without_result": sum(
            jobs[i]["status"] == "done" and not jobs[i]["result"] for i in ids if i in jobs
        ),
        "attempts": sum(jobs[i]["attempts"] for i in ids if i in jobs),
    }
    print(json.dumps(counts))
    return 1 if counts["unfinished"] + counts["lost"] + counts["twice"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""A stand-in for GitHub's and GitLab's API: the comments of one pull request or merge request."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "forge-token"
#: The paths, as in docs.github.com/rest/issues/comments and docs.gitlab.com/api/notes, and the
#: method that changes a comment there.
GITHUB = ("/repos/acme/shop/issues/7/comments", "/repos/acme/shop/issues/comments", "PATCH")
GITLAB = ("/projects/3/merge_requests/7/notes", "/projects/3/merge_requests/7/notes", "PUT")
PRIVATE = "/repos/acme/shop"


@dataclass
class Forge:
    """``url`` is its address; ``comments`` are the texts of all comments, oldest first."""

    url: str = ""
    comments: list[str] = field(default_factory=list)

    def answer(self, method: str, target: str, headers: Any, body: Any) -> tuple[int, Any]:
        """The status and the document for one request."""
        if TOKEN not in (headers["PRIVATE-TOKEN"], headers["Authorization"].__str__()[7:]):
            return 401, {"message": "401 Unauthorized"}
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        listed, changed, change = GITLAB if headers["PRIVATE-TOKEN"] else GITHUB
        if (method, path) == ("GET", PRIVATE):
            return 200, {"private": True}
        if (method, path) == ("GET", listed):
            start, size = int(query["page"][0]) - 1, int(query["per_page"][0])
            rows = list(enumerate(self.comments))[start * size : (start + 1) * size]
            return 200, [self._row(number, text) for number, text in rows]
        if (method, path) == ("POST", listed):
            self.comments.append(body["body"])
            return 201, self._row(len(self.comments) - 1, body["body"])
        found = re.fullmatch(f"{re.escape(changed)}/([0-9]+)", path)
        if method == change and found:
            self.comments[int(found[1])] = body["body"]
            return 200, self._row(int(found[1]), body["body"])
        return 404, {"message": "404 Not Found"}

    def _row(self, number: int, text: str) -> dict[str, Any]:
        bot = {"login": "github-actions[bot]" if text.startswith("<!--") else "someone"}
        return {"id": number, "body": text, "user": bot}


@contextlib.contextmanager
def forge() -> Iterator[Forge]:
    """One that listens, where somebody has commented more than one page."""
    forge = Forge(comments=[f"Comment {number}" for number in range(101)])

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers["Content-Length"] or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, document = forge.answer(self.command, self.path, self.headers, body)
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _handle  # noqa: N815

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    forge.url = f"http://127.0.0.1:{server.server_port}"
    yield forge
    server.shutdown()
    server.server_close()

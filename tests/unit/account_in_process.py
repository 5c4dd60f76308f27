"""Cloudflare's API without a connection: the stand-in of the acceptance tests, called in place."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx

from cfpy.account.cloudflare import Account
from cfpy.account.desired import DesiredState
from cfpy.account.observed import ObservedState
from cloudflare_api import ACCOUNT, TOKEN, CloudflareApi, RefusedError

BASE_URL = "http://api.test/v4"
HOME = f"accounts/{ACCOUNT}/"


def refused(status: int, code: int, message: str = "no", **headers: str) -> httpx.Response:
    """An answer of the API that is no success."""
    errors = [{"code": code, "message": message}]
    document = {"success": False, "errors": errors, "messages": [], "result": None}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=document, headers=named)


def found(result: Any, **more: Any) -> httpx.Response:
    """An answer of the API that is one."""
    return httpx.Response(200, json={"success": True, "errors": [], "result": result, **more})


def observe(account: Account, *wanted: object) -> ObservedState:
    """What there is of what a project wants that has a Worker and nothing else."""
    return account.observe(DesiredState("shop", "", wanted))


class InProcess:
    """Answers each request from the state of ``api``.

    What ``instead`` holds for a path of the account, such as ``queues``, comes first: answers, and
    exceptions to raise, each once.
    """

    def __init__(self) -> None:
        self.api = CloudflareApi()
        self.instead: dict[str, list[httpx.Response | Exception]] = {}
        self.requests: list[httpx.Request] = []
        self._lock = threading.Lock()

    @property
    def asked(self) -> list[str]:
        """What was asked for: methods and paths, below the account where they are, in order."""
        return [f"{request.method} {self._path(request)}" for request in self.requests]

    def handle(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url).startswith(f"{BASE_URL}/"), request.url
        with self._lock:
            self.requests.append(request)
            if queued := self.instead.get(self._path(request)):
                answer = queued.pop(0)
                if isinstance(answer, Exception):
                    raise answer
                return answer
            return self._truth(request)

    @staticmethod
    def _path(request: httpx.Request) -> str:
        return request.url.path.removeprefix("/v4/").removeprefix(HOME)

    def _truth(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refused(401, 10000, "Authentication error")
        query = dict(request.url.params)
        if where := request.headers.get("cf-r2-jurisdiction"):
            query["jurisdiction"] = where
        # As it was sent: keys and objects have slashes and spaces.
        path = request.url.raw_path.decode().partition("?")[0].removeprefix("/v4/")
        try:
            body = json.loads(request.content or b"null")
            document = self.api.answer(request.method, path, query, body)
        except RefusedError as error:
            return refused(error.status, error.code, str(error))
        if isinstance(document, bytes):
            return httpx.Response(200, content=document)
        return httpx.Response(200, json=document) if path == "graphql" else found(**document)

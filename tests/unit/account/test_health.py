"""How a Worker is asked after its deployment: no test here waits."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cfpy.account.failed_deployment import unhealthy
from cfpy.account.health import Answer, ask, wait_for_answer
from cfpy.account.live import is_stub
from cfpy.errors import WranglerError
from cfpy.tools.http_client import HttpClient

WELL = Answer("200 OK", healthy=True)
SICK = Answer("500 Internal Server Error")
UNKNOWN = Answer("the name shop.example is not in DNS, as seen from here", resolved=False)
ADDRESS = "https://shop.example/health"


class FakeClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.time += seconds


def wait(answers: list[Answer], seconds: float) -> tuple[Answer, FakeClock, list[str]]:
    clock, said, left = FakeClock(), [], iter(answers)
    answer = wait_for_answer(lambda: next(left, answers[-1]), seconds, said.append, clock)
    return answer, clock, said


def test_a_good_answer_ends_it_at_once() -> None:
    answer, clock, said = wait([WELL], 60)
    assert (answer, clock.slept, said) == (WELL, [], [])


def test_it_asks_until_the_answer_is_good_and_says_so_meanwhile() -> None:
    answer, clock, said = wait([UNKNOWN, SICK, WELL], 60)
    assert (answer, clock.slept) == (WELL, [1, 2])
    assert said == [
        f"{UNKNOWN.said}; trying again for 60 s",
        "500 Internal Server Error; trying again for 59 s",
    ]


def test_it_ends_when_its_time_is_over() -> None:
    answer, clock, said = wait([UNKNOWN], 20)
    assert (answer, sum(clock.slept)) == (UNKNOWN, 20)
    assert clock.slept == [1, 2, 4, 8, 5]
    assert len(said) == len(clock.slept)


def test_with_no_time_it_asks_once() -> None:
    answer, clock, said = wait([SICK, WELL], 0)
    assert (answer, clock.slept, said) == (SICK, [], [])


def client(**environ: str) -> HttpClient:
    return HttpClient("http://shop.example", source="the address", timeout=1, environ=environ)


def answering(
    error: Exception | None, status: int = 200, end: str = ADDRESS
) -> Callable[..., httpx.Response]:
    """``end`` is where redirections led."""

    def get(_client: HttpClient, _address: str) -> httpx.Response:
        if error is not None:
            raise error
        return httpx.Response(status, request=httpx.Request("GET", end))

    return get


def refused(cause: Exception) -> httpx.ConnectError:
    """As httpx has it: what the socket said lies two causes deep."""
    middle = RuntimeError(str(cause))
    middle.__cause__ = cause
    error = httpx.ConnectError(str(cause))
    error.__cause__ = middle
    return error


@pytest.mark.parametrize(
    ("error", "status", "answer"),
    [
        (None, 204, Answer("204 No Content", healthy=True)),
        (None, 503, Answer("503 Service Unavailable")),
        (refused(socket.gaierror(-2, "Name or service not known")), 0, UNKNOWN),
        (refused(ConnectionRefusedError("refused")), 0, Answer("refused")),
        (httpx.ReadTimeout(""), 0, Answer("ReadTimeout")),
        (httpx.InvalidURL("https://*.x"), 0, Answer("it is not a valid URL")),
    ],
    ids=str,
)
def test_a_name_that_is_not_known_is_told_apart(
    error: Exception | None, status: int, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HttpClient, "get", answering(error, status))
    assert ask(client(), ADDRESS) == answer


def test_the_real_client_says_that_a_name_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what httpx is thought to raise, but what it raises."""

    def unknown(*_arguments: Any, **_options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert ask(client(), "http://shop.example/health") == UNKNOWN
    # By a proxy it is the proxy's name that is not known.
    said = ask(client(http_proxy="http://proxy.example:1"), "http://shop.example/health").said
    assert "the proxy http://proxy.example:1 from http_proxy can't be reached" in said


def test_the_login_page_of_access_is_not_taken_for_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    login = "https://team.cloudflareaccess.com/cdn-cgi/access/login/shop.example"
    monkeypatch.setattr(HttpClient, "get", answering(None, 200, login))
    answer = ask(client(), ADDRESS)
    assert answer.healthy
    assert answer.said.startswith("Cloudflare Access asks for a login")


def test_a_404_is_an_answer() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HttpClient, "get", answering(None, 404))
        assert ask(client(), ADDRESS).healthy


class FakeWrangler:
    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.calls: list[tuple[str, str]] = []

    def rollback(self, worker: str, version_id: str, message: str) -> None:
        assert message == "cfpy: back from new"
        self.calls.append((worker, version_id))
        if not self.works:
            raise WranglerError("can't roll back", argv=(), returncode=1, output="")


def outcome(
    answer: Answer, before: str, *, rollback: bool, works: bool = True
) -> tuple[str, str, list[tuple[str, str]]]:
    """The message, the hint and the rollbacks."""
    wrangler = FakeWrangler(works=works)
    session: Any = SimpleNamespace(wrangler=wrangler, desired=SimpleNamespace(worker="shop"))
    guard: Any = SimpleNamespace(change=lambda _versions, _message, run: run())
    error = unhealthy(session, "new", ADDRESS, before, answer, guard if rollback else None)
    assert (error.code, error.exit_code) == ("deployment", 11)
    return error.message, error.hint, wrangler.calls


@pytest.mark.parametrize("rollback", [False, True])
@pytest.mark.parametrize("answer", [SICK, UNKNOWN], ids=["sick", "unknown"])
def test_a_first_version_goes_back_to_nothing(answer: Answer, rollback: bool) -> None:
    message, hint, calls = outcome(answer, "", rollback=rollback)
    assert "version new is live" in message
    assert answer.said in message
    assert "wrangler rollback" not in hint
    assert calls == []


@pytest.mark.parametrize("rollback", [False, True])
@pytest.mark.parametrize("before", ["", "old"])
def test_what_could_not_be_asked_is_not_taken_back(before: str, rollback: bool) -> None:
    message, hint, calls = outcome(UNKNOWN, before, rollback=rollback)
    assert "could not be checked" in message
    assert "curl https://shop.example/health" in hint
    assert ("not rolled back" in hint) == (bool(before) and rollback)
    assert calls == []


def test_a_bad_version_is_taken_back_where_that_was_asked_for() -> None:
    message, hint, calls = outcome(SICK, "old", rollback=False)
    assert "wrangler rollback old" in hint
    assert calls == []
    message, hint, calls = outcome(SICK, "old", rollback=True)
    assert "version old is live again" in message
    assert calls == [("shop", "old")]
    message, hint, calls = outcome(SICK, "old", rollback=True, works=False)
    assert "version new is live" in message
    assert "can't roll back" in message
    assert "wrangler rollback old" in hint


@pytest.mark.parametrize(
    ("runtime", "stub"),
    [
        ({"compatibility_date": "2026-11-17"}, False),
        ({"compatibility_date": "2021-11-02"}, True),
        ({"usage_model": "standard"}, True),
        (None, True),
    ],
)
def test_the_stub_of_a_first_secret_is_known(runtime: Any, stub: bool) -> None:
    assert is_stub({"id": "v", "resources": {"script_runtime": runtime}}) == stub

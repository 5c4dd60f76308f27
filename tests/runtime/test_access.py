"""The rendered pipeline and rag behind Cloudflare Access, with an issuer of the tests' own: which
tokens the running Worker believes, by real signatures and the real Web Crypto, who sees whose jobs
and documents, and who is limited."""

from __future__ import annotations

import functools
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from cfpy.local.access import claims
from cfpy.local.access_keys import SigningKey, encoded
from dev_process import Answer, Dev
from projects import answer_again

AUDIENCE = "the-audience-of-the-tests"


class Team:
    """A team of Access: its keys, and how often the Worker has read them."""

    def __init__(self) -> None:
        self.current, self.previous, self.foreign = SigningKey(), SigningKey(), SigningKey()
        self.reads = 0
        handler = functools.partial(_Certs, self)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def claims(self, caller: str = "ada@example.com", **changed: Any) -> dict[str, Any]:
        return claims(caller, self.url, AUDIENCE, time.time()) | changed

    def token(self, caller: str = "ada@example.com", **changed: Any) -> str:
        return self.current.token(self.claims(caller, **changed))


class _Certs(http.server.BaseHTTPRequestHandler):
    def __init__(self, team: Team, *args: Any) -> None:
        self._team = team
        super().__init__(*args)

    def do_GET(self) -> None:
        assert self.path == "/cdn-cgi/access/certs"
        self._team.reads += 1
        body = json.dumps({"keys": [self._team.current.public, self._team.previous.public]})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    team = Team()
    yield team
    team.close()


@pytest.fixture(scope="module")
def dev(
    ready_in: Callable[[str, Path], Path],
    tmp_path_factory: pytest.TempPathFactory,
    run_dev: Callable[..., Dev],
    team: Team,
) -> Dev:
    project = ready_in("pipeline", tmp_path_factory.mktemp("pipeline"))
    answer_again(project, "pipeline", auth="access")
    # It overrides what `cfpy dev` puts there.
    variables = f"ACCESS_TEAM_DOMAIN={team.url}\nACCESS_AUD={AUDIENCE}\n"
    (project / ".dev.vars").write_text(variables, "utf-8")
    return run_dev(project, "--runtime", "node", "--no-watch")


def ask(dev: Dev, token: str | None, path: str = "/me", method: str = "GET") -> Answer:
    # What `cfpy dev` would add is not for this Worker.
    headers = {"Cookie": "cfpy_caller=nobody"}
    if token is not None:
        headers["Cf-Access-Jwt-Assertion"] = token
    return dev.request(method, path, headers=headers)


def test_callers_see_their_own_jobs_alone(dev: Dev, team: Team) -> None:
    ada, grace = team.token(), team.token("grace@example.com")
    for caller in ("ada@example.com", "grace@example.com", "a-machine.access"):
        assert ask(dev, team.token(caller)).json() == {"name": caller}
    headers = {"Cf-Access-Jwt-Assertion": ada, "Content-Type": "text/plain"}
    job = dev.request("POST", "/files?name=a.txt", b"Ada's words.", headers).json()
    path = f"/jobs/{job['id']}"
    for other in (grace, team.token("a-machine.access")):
        assert ask(dev, other, path).status == 404
        assert ask(dev, other, path, "DELETE").status == 404
        assert ask(dev, other, f"{path}/retry", "POST").status == 404
        assert ask(dev, other, "/jobs").json()["jobs"] == []
    assert ask(dev, ada, path).status == 200
    assert [found["id"] for found in ask(dev, ada, "/jobs").json()["jobs"]] == [job["id"]]


def test_the_key_before_the_current_one_is_believed(dev: Dev, team: Team) -> None:
    assert ask(dev, team.previous.token(team.claims())).status == 200


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(map(encoded, parts))


HOSTILE: dict[str, Callable[[Team], str | None]] = {
    "none at all": lambda _: None,
    "garbage": lambda _: "x.y.z",
    "no algorithm": lambda t: unsigned({"alg": "none", "kid": t.current.id}, t.claims()),
    "no algorithm, with a signature": lambda t: unsigned(
        {"alg": "none", "kid": t.current.id}, t.claims(), b"x"
    ),
    "another algorithm": lambda t: t.current.token(t.claims(), alg="HS256"),
    "another application": lambda t: t.token(aud=["another"]),
    "another issuer": lambda t: t.token(iss="https://other.cloudflareaccess.com"),
    "expired": lambda t: t.token(exp=time.time() - 3_600),
    "not yet valid": lambda t: t.token(nbf=time.time() + 3_600),
    "a swapped key": lambda t: t.foreign.token(t.claims(), kid=t.current.id),
    "an unknown key": lambda t: t.foreign.token(t.claims()),
    "a changed claim": lambda t: ".".join(
        [
            t.token().split(".")[0],
            encoded(json.dumps(t.claims("grace@example.com")).encode()),
            t.token().split(".")[2],
        ]
    ),
    "two headers": lambda t: f"{t.token()}, {t.token()}",
    "nested deeply": lambda _: f"{encoded(b'[' * 290)}.e30.AA",
    "of nobody": lambda t: t.token(email=None),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_tokens_are_refused(dev: Dev, team: Team, kind: str) -> None:
    answer = ask(dev, HOSTILE[kind](team), "/jobs")
    assert (answer.status, answer.json()["code"]) == (401, "unauthorized")
    assert ask(dev, team.token()).status == 200


def test_neither_a_cookie_nor_a_bearer_token_is_enough(dev: Dev, team: Team) -> None:
    token = team.token()
    headers = {
        "Cookie": f"cfpy_caller=nobody; CF_Authorization={token}",
        "Authorization": f"Bearer {token}",
    }
    assert dev.request("GET", "/jobs", headers=headers).status == 401


def test_two_headers_are_no_token(dev: Dev, team: Team) -> None:
    connection = dev.connect()
    connection.putrequest("GET", "/jobs")
    for token in (team.token(), team.token("grace@example.com")):
        connection.putheader("Cf-Access-Jwt-Assertion", token)
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()


def test_made_up_keys_do_not_make_the_worker_read_again_and_again(dev: Dev, team: Team) -> None:
    assert ask(dev, team.token()).status == 200
    before = team.reads
    for number in range(5):
        made_up = team.foreign.token(team.claims(), kid=f"made-up-{number}")
        assert ask(dev, made_up).status == 401
    assert team.reads <= before + 1


@pytest.fixture(scope="module")
def library(
    ready_in: Callable[[str, Path], Path],
    tmp_path_factory: pytest.TempPathFactory,
    run_dev: Callable[..., Dev],
    team: Team,
) -> Dev:
    """The rag Worker with all its answers: Ada and a machine are one tenant, Grace is alone."""
    project = ready_in("rag", tmp_path_factory.mktemp("rag"))
    answer_again(project, "rag", auth="access", tenants=True, queue=True, originals=True)
    variables = f"ACCESS_TEAM_DOMAIN={team.url}\nACCESS_AUD={AUDIENCE}\n"
    members = "acme:ada@example.com,acme:service:a-machine.access"
    (project / ".dev.vars").write_text(f"{variables}TENANTS={members}\n", "utf-8")
    config = project / "wrangler.toml"
    config.write_text(config.read_text().replace("limit = 300", "limit = 100"))
    return run_dev(project, "--runtime", "node", "--no-watch", "--vectorize-delay", "0")


@pytest.fixture(scope="module")
def send(library: Dev, team: Team) -> Callable[..., Answer]:
    """Sends a request as somebody."""
    tokens = {who: team.token(who) for who in (ADA, GRACE, MACHINE)}

    def send(who: str, method: str, path: str, body: Any = None, kind: str = "") -> Answer:
        headers = {"Cf-Access-Jwt-Assertion": tokens[who]}
        headers["Content-Type"] = kind or "application/json"
        return library.request(method, path, body, headers)

    return send


ADA, GRACE, MACHINE = "ada@example.com", "grace@example.com", "a-machine.access"
FACT = {"id": "notes/kitchen.md", "title": "Kitchen", "text": "In our kitchen we drink coffee."}


def ids(send: Callable[..., Answer], who: str, query: str = "") -> list[str]:
    documents = send(who, "GET", f"/documents{query}").json()["documents"]
    return [document["id"] for document in documents]


def found(send: Callable[..., Answer], who: str, question: str) -> list[tuple[str, str]]:
    sources = send(who, "GET", f"/search?{urlencode({'q': question})}").json()["sources"]
    return [(source["document_id"], source["text"]) for source in sources]


def test_tenants_of_the_running_rag_know_nothing_of_each_other(
    send: Callable[..., Answer],
) -> None:
    """The same id and the same text for both, then what only one of them has."""
    many = [{"id": f"plan-{n}", "text": f"Plan {n}: Zanzibar opens in 2031."} for n in range(12)]
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="only.md"\r\n\r\n'
        b"Grace keeps a heron.\r\n--x--\r\n"
    )
    for who in (ADA, GRACE):
        assert send(who, "POST", "/documents", FACT).json()["documents"][0]["status"] == "indexed"
    job = send(GRACE, "POST", "/documents", {"documents": many}).json()["id"]
    upload = send(GRACE, "POST", "/documents", form, kind="multipart/form-data; boundary=x")
    assert upload.status == 200, upload.body
    while send(GRACE, "GET", f"/jobs/{job}").json()["status"] != "done":
        time.sleep(0.3)
    while ids(send, GRACE, "?state=pending") or ids(send, ADA, "?state=pending"):
        time.sleep(0.1)
    assert ids(send, ADA) == ids(send, MACHINE) == [FACT["id"]]
    assert len(ids(send, GRACE)) == 1 + 12 + 1
    for question in ("our kitchen coffee", "Zanzibar opens", "heron"):
        for who in (ADA, MACHINE):
            assert found(send, who, question) == [(FACT["id"], FACT["text"])]
    assert found(send, GRACE, "When does Zanzibar open?")[0][0].startswith("plan-")
    answer = send(ADA, "POST", "/query", {"query": "When does Zanzibar open?"}).json()
    assert "Zanzibar" not in json.dumps([answer["answer"], answer["sources"]])
    assert send(ADA, "GET", f"/jobs/{job}").status == 404
    for path in ("documents/only.md", "originals/only.md", "documents/plan-1"):
        assert send(ADA, "GET", f"/{path}").status == 404
    assert send(ADA, "GET", "/documents/_/only.md").status == 404
    assert send(GRACE, "GET", "/originals/only.md").body == b"Grace keeps a heron."
    call = {"name": "fetch", "arguments": {"id": "plan-1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    assert send(ADA, "POST", "/mcp", message).json()["result"]["isError"]
    assert "Zanzibar" in str(send(GRACE, "POST", "/mcp", message).json()["result"])
    assert send(ADA, "DELETE", "/documents/only.md").status == 404
    assert send(ADA, "DELETE", f"/documents/{FACT['id']}").status == 204
    assert found(send, GRACE, "our kitchen coffee")[0] == (FACT["id"], FACT["text"])


def test_callers_of_the_running_rag_are_limited_one_by_one(send: Callable[..., Answer]) -> None:
    """Also those of one tenant."""
    # Twice the limit and one more: a new minute may begin in between.
    statuses = {send(ADA, "GET", "/documents").status for _ in range(201)}
    assert 429 in statuses
    for who in (GRACE, MACHINE):
        assert send(who, "GET", "/documents").status == 200

"""The local stand-in for Cloudflare Access, for projects behind it.

A project is behind Access if its configuration has the variables ``ACCESS_TEAM_DOMAIN`` and
``ACCESS_AUD``. In a local run they name this issuer instead, and what is in front of the Worker
adds a token to each request, as Access does: for the local user that a cookie names, or the first
one. A value in a file of secrets overrides them, as it always does: then nobody is signed in.

Claims of tokens: developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/
authorization-cookie/application-token (a service token has ``common_name``, no ``email`` and no
``nbf``). The address of the keys: "Validate JWTs", next to it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfpy.local.access_keys import SigningKey
from cfpy.local.loopback import JsonHandler, LoopbackServer
from cfpy.project.project import Project

#: The variables of a Worker behind Access.
TEAM_DOMAIN, AUDIENCE = "ACCESS_TEAM_DOMAIN", "ACCESS_AUD"
#: Who can be signed in: people, and a machine with a service token.
CALLERS = ("ada@example.com", "grace@example.com", "local-machine.access")
#: The variable by which what is in front of the Worker gets the issuer's address and key.
VARIABLE = "CFPY_ACCESS"

_CERTS = "/cdn-cgi/access/certs"
_LOGOUT = "/cdn-cgi/access/logout"
_LOCAL_AUDIENCE = "cfpy-dev"
_LIFETIME_SECONDS = 3_600


@dataclass(frozen=True)
class LocalAccess:
    """Where the local issuer is, and its key for tokens; empty if no project is behind Access."""

    url: str = ""
    key: str = field(default="", repr=False)

    def secrets_for(self, configuration: Mapping[str, Any]) -> dict[str, str]:
        """What the process in front of a Worker with this configuration gets, as variables: they
        are in no file."""
        if not self.url or not is_behind_access(configuration):
            return {}
        return {VARIABLE: json.dumps({"url": self.url, "key": self.key, "callers": CALLERS})}


def is_behind_access(configuration: Mapping[str, Any]) -> bool:
    """Whether a Worker with this configuration checks the tokens of Access."""
    variables = configuration.get("vars")
    return isinstance(variables, Mapping) and {TEAM_DOMAIN, AUDIENCE} <= variables.keys()


def with_local_issuer(configuration: dict[str, Any], access: LocalAccess) -> dict[str, Any]:
    """The derived configuration of a Worker that believes the local issuer, if there is one."""
    if not access.url or not is_behind_access(configuration):
        return configuration
    local = {TEAM_DOMAIN: access.url, AUDIENCE: _LOCAL_AUDIENCE}
    changed = {**configuration, "vars": {**configuration["vars"], **local}}
    assets = configuration.get("assets")
    if isinstance(assets, Mapping) and isinstance(first := assets.get("run_worker_first"), list):
        # Otherwise the assets of a single-page application would answer.
        changed["assets"] = {**assets, "run_worker_first": [*first, _LOGOUT]}
    return changed


@contextlib.contextmanager
def local_access(projects: tuple[Project, ...]) -> Iterator[LocalAccess]:
    """The issuer for a run of these projects, if one of them is behind Access."""
    if not any(is_behind_access(project.wrangler) for project in projects):
        yield LocalAccess()
        return
    with AccessIssuer() as issuer:
        yield LocalAccess(issuer.url, issuer.server.key)


def access_note(project: Project) -> str:
    """Who is signed in; empty if the project is not behind Access."""
    if not is_behind_access(project.wrangler):
        return ""
    return f"a local stand-in signs you in as {CALLERS[0]}"


class AccessIssuer:
    """Serves its public key to everybody, and tokens to who has the random key of the server. Use
    it as a context manager; the signing key is new each time, and never leaves the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._signing_key: SigningKey | None = None
        self._tokens: dict[str, tuple[float, str]] = {}
        self.server = LoopbackServer(functools.partial(_IssuerHandler, self))

    @property
    def url(self) -> str:
        """The issuer in its tokens; its public key is at the same path as Access's."""
        return self.server.address

    def __enter__(self) -> AccessIssuer:
        self.server.start()
        # It takes a second to find: do it while the rest starts.
        threading.Thread(target=self.signing_key, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.server.stop()

    def signing_key(self) -> SigningKey:
        """The key of this run."""
        with self._lock:
            if self._signing_key is None:
                self._signing_key = SigningKey()
            return self._signing_key

    def token(self, caller: str) -> str:
        """A token for one of :data:`CALLERS`, which is valid for half an hour at least."""
        now = time.time()
        until, token = self._tokens.get(caller, (0.0, ""))
        if until < now + _LIFETIME_SECONDS / 2:
            until = now + _LIFETIME_SECONDS
            token = self.signing_key().token(claims(caller, self.url, _LOCAL_AUDIENCE, now))
            self._tokens[caller] = until, token
        return token


def claims(caller: str, issuer: str, audience: str, now: float) -> dict[str, Any]:
    """What Access says of a caller: of a person, or of a machine if it is no email address."""
    begin = int(now)
    of_all = {
        "type": "app",
        "aud": [audience],
        "iss": issuer,
        "iat": begin,
        "exp": begin + _LIFETIME_SECONDS,
    }
    if "@" not in caller:
        return {**of_all, "common_name": caller, "sub": ""}
    return {**of_all, "email": caller, "nbf": begin, "sub": f"local-{caller}", "country": "XX"}


class _IssuerHandler(JsonHandler):
    def __init__(self, owner: AccessIssuer, *args: Any) -> None:
        self._owner = owner
        self.loopback = owner.server
        super().__init__(*args)

    def do_GET(self) -> None:
        if self.path == _CERTS:
            return self.answer(200, {"keys": [self._owner.signing_key().public]})
        caller = next((name for name in CALLERS if self.path == f"/token/{name}"), "")
        if self.refused(f"/token/{caller}" if caller else ""):
            return None
        return self.answer(200, {"token": self._owner.token(caller)})

    def error(self, message: str) -> Mapping[str, Any]:
        return {"error": message}

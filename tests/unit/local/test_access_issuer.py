"""The local stand-in for Cloudflare Access: its key, its tokens, and which projects it is for."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cfpy.local.access import (
    CALLERS,
    VARIABLE,
    AccessIssuer,
    LocalAccess,
    access_note,
    is_behind_access,
    local_access,
    with_local_issuer,
)
from cfpy.project.project import Project

BEHIND = {"vars": {"ACCESS_TEAM_DOMAIN": "team.cloudflareaccess.com", "ACCESS_AUD": "tag", "A": 1}}


@pytest.fixture(scope="module")
def issuer() -> Iterator[AccessIssuer]:
    with AccessIssuer() as issuer:
        yield issuer


def ask(issuer: AccessIssuer, path: str, key: str = "") -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(issuer.url).netloc, timeout=60)
    connection.request("GET", path, headers={"authorization": f"Bearer {key}"})
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verified(token: str, key: dict[str, str]) -> dict[str, Any]:
    """The claims of a token that the key has signed: RFC 8017, section 8.2.2."""
    signed, _, signature = token.rpartition(".")
    n, e = (int.from_bytes(decoded(key[name])) for name in ("n", "e"))
    digest = hashlib.sha256(signed.encode()).hexdigest()
    padded = f"0001{'ff' * 202}003031300d060960864801650304020105000420{digest}"
    assert (n.bit_length(), e) == (2048, 65_537)
    assert pow(int.from_bytes(decoded(signature)), e, n).to_bytes(256).hex() == padded
    header = json.loads(decoded(signed.split(".")[0]))
    assert header == {"alg": "RS256", "kid": key["kid"], "typ": "JWT"}
    claims: dict[str, Any] = json.loads(decoded(signed.split(".")[1]))
    return claims


@pytest.mark.parametrize("caller", CALLERS)
def test_a_token_is_signed_by_the_key_that_everybody_can_read(
    issuer: AccessIssuer, caller: str
) -> None:
    status, found = ask(issuer, "/cdn-cgi/access/certs")
    assert status == 200
    [key] = found["keys"]
    assert set(key) == {"kid", "kty", "alg", "use", "n", "e"}
    status, answer = ask(issuer, f"/token/{caller}", issuer.server.key)
    assert status == 200
    claims = verified(answer["token"], key)
    assert (claims["iss"], claims["aud"], claims["type"]) == (issuer.url, ["cfpy-dev"], "app")
    assert claims["iat"] <= time.time() < claims["exp"] - 1_800
    person = "@" in caller
    assert claims.get("email") == (caller if person else None)
    assert claims.get("common_name") == (None if person else caller)
    assert ("nbf" in claims, claims["sub"] == "") == (person, not person)


@pytest.mark.parametrize("path", [f"/token/{CALLERS[0]}", "/token/", "/other"])
def test_only_cfpy_gets_tokens(issuer: AccessIssuer, path: str) -> None:
    assert ask(issuer, path)[0] == 401
    assert ask(issuer, path, "x")[0] == 401


@pytest.mark.parametrize("path", ["/token/eve@example.com", "/token/", "/token", "/"])
def test_nobody_else_is_signed_in(issuer: AccessIssuer, path: str) -> None:
    assert ask(issuer, path, issuer.server.key) == (404, {"error": "no such path"})


@pytest.mark.parametrize(
    "configuration",
    [{}, {"vars": {}}, {"vars": {"ACCESS_AUD": "tag"}}, {"vars": ["ACCESS_TEAM_DOMAIN"]}],
)
def test_other_projects_are_left_alone(configuration: dict[str, Any], tmp_path: Path) -> None:
    project = Project(tmp_path, configuration, ())
    with local_access((project,)) as access:
        assert access == LocalAccess()
    assert not is_behind_access(configuration)
    assert access_note(project) == ""
    started = LocalAccess("http://127.0.0.1:1", "key")
    assert with_local_issuer(configuration, started) == configuration
    assert started.secrets_for(configuration) == {}


def test_a_worker_behind_access_believes_the_local_issuer(tmp_path: Path) -> None:
    first = ["/__cfpy"]
    configuration = {**BEHIND, "assets": {"directory": "public", "run_worker_first": first}}
    with local_access((Project(tmp_path, configuration, ()),)) as access:
        derived = with_local_issuer(configuration, access)
        given = access.secrets_for(derived)
    assert derived["vars"] == {"ACCESS_TEAM_DOMAIN": access.url, "ACCESS_AUD": "cfpy-dev", "A": 1}
    assert derived["assets"]["run_worker_first"] == ["/__cfpy", "/cdn-cgi/access/logout"]
    # The key is for the process in front of the Worker alone.
    assert access.key not in json.dumps(derived)
    assert access.key not in repr(access)
    assert json.loads(given[VARIABLE])["key"] == access.key
    assert configuration["vars"] == BEHIND["vars"]
    assert first == ["/__cfpy"]

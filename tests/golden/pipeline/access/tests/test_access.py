"""Which tokens of Cloudflare Access are believed, and when its keys are read again."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from access.keys import OUTAGE_SECONDS, REFRESH_SECONDS, RETRY_SECONDS, Keys, Unreadable
from access.tokens import (
    LEEWAY_SECONDS,
    Application,
    Caller,
    Refusal,
    check_site,
    read_application,
    read_caller,
)

NOW = 1_800_000_000
TEAM = Application("https://team.cloudflareaccess.com", "the-audience")
PERSON = {
    "aud": ["the-audience"],
    "email": "Ada@Example.com",
    "exp": NOW + 600,
    "iat": NOW,
    "nbf": NOW,
    "iss": TEAM.issuer,
    "type": "app",
    "sub": "7335d417-61da-459d-899c-0a01c76a2f94",
}
MACHINE = {
    **{name: PERSON[name] for name in ("aud", "exp", "iat", "iss", "type")},
    "common_name": "e367826f.access",
    "sub": "",
}
HEADER = {"alg": "RS256", "kid": "current", "typ": "JWT"}
KEYS = {"current": b"a secret of Access", "previous": b"an older secret"}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signature(key: bytes, signed: bytes) -> bytes:
    """Stands for RS256: only who has the key can make it. The real one is in test_worker.py."""
    return hashlib.sha256(key + signed).digest()


def token(
    claims: Any = PERSON, header: Any = HEADER, key: bytes = KEYS["current"], **changed: Any
) -> str:
    """A token; claims that are changed to ``None`` are left out."""
    if isinstance(claims, dict):
        claims = {n: v for n, v in (claims | changed).items() if v is not None}
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(signature(key, signed.encode()))}"


async def is_signed(key: str, signed: bytes, given: bytes) -> bool:
    return key in KEYS and given == signature(KEYS[key], signed)


def read(value: str | None) -> Caller:
    return asyncio.run(read_caller(value, TEAM, is_signed, NOW))


@pytest.mark.parametrize("aud", [["the-audience"], ["another", "the-audience"], "the-audience"])
def test_a_person_is_known_by_the_email(aud: Any) -> None:
    assert read(token(aud=aud)) == Caller("ada@example.com", "Ada@Example.com")


def test_a_machine_is_known_by_its_service_token() -> None:
    assert read(token(MACHINE)) == Caller("service:e367826f.access", "e367826f.access")


def test_no_certificate_can_be_named_like_a_person() -> None:
    assert read(token(MACHINE, common_name="ada@example.com")).id == "service:ada@example.com"


@pytest.mark.parametrize("email", ["mar\u212a@example.com", "\uff4dark@example.com"])
def test_no_letter_that_looks_alike_becomes_another_person(email: str) -> None:
    assert read(token(email=email)) == Caller(email, email)
    assert read(token(email="Mark@Example.com")).id == "mark@example.com"


def test_the_previous_key_is_believed_too() -> None:
    header = HEADER | {"kid": "previous"}
    assert read(token(header=header, key=KEYS["previous"])).id == "ada@example.com"


def test_clocks_may_be_apart_a_little() -> None:
    late = LEEWAY_SECONDS - 1
    assert read(token(exp=NOW - late, nbf=NOW + late, iat=NOW + late))


def unsigned(header: Any, claims: bytes = b"{}", end: str = "") -> str:
    return f"{encoded(json.dumps(header).encode())}.{encoded(claims)}.{end}"


FAR = LEEWAY_SECONDS + 1
_PARTS = token().split(".")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "x",
        "..",
        "a.b",
        "a.b.c",
        f"{token()}.",
        f"{token()} ",
        f"{token()}\n",
        f"Bearer {token()}",
        # Two headers of one name.
        f"{token()}, {token()}",
        pytest.param("x" * 100_000, id="long"),
        f"{'A' * 5_000}.{_PARTS[1]}.{_PARTS[2]}",
        f"{encoded(b'[' * 290)}.{_PARTS[1]}.{_PARTS[2]}",
        # Who chooses the algorithm chooses whether there is one, or takes the public key for a
        # shared secret.
        unsigned(HEADER | {"alg": "none"}),
        unsigned(HEADER | {"alg": "none"}, json.dumps(PERSON).encode(), "AA"),
        token(header=HEADER | {"alg": "none"}),
        token(header=HEADER | {"alg": "HS256"}),
        token(header=HEADER | {"alg": "rs256"}),
        token(header=HEADER | {"alg": ["RS256"]}),
        token(header=HEADER | {"crit": ["exp"]}),
        token(header={"alg": "RS256"}),
        token(header=HEADER | {"kid": 1}),
        token(header=HEADER | {"kid": ["current"]}),
        token(header=HEADER | {"kid": "unknown"}),
        token(header=["RS256"]),
        # Another one's key under the id of ours, and the key of one under the id of the other.
        token(key=b"mine"),
        token(key=KEYS["previous"]),
        # The claims of one token under the signature of another.
        f"{_PARTS[0]}.{token(email='eve@example.com').split('.')[1]}.{_PARTS[2]}",
        f"{_PARTS[0]}.{_PARTS[1]}.{encoded(b'')}",
        f"{_PARTS[0]}.{_PARTS[1]}.A",
        token(aud=["another"]),
        token(aud="the-audience-of-others"),
        token(aud=[]),
        token(aud=None),
        token(aud={"the-audience": 1}),
        token(iss="https://other.cloudflareaccess.com"),
        token(iss=f"{TEAM.issuer}/"),
        token(iss=None),
        token(exp=NOW - FAR),
        token(exp=None),
        token(exp=str(NOW + 600)),
        token(exp=True),
        token(exp=float("nan")),
        token(exp=float("inf")),
        token(nbf=NOW + FAR),
        token(nbf="0"),
        token(iat=NOW + FAR),
        token(email=None),
        token(email="", common_name=""),
        token(email=["ada@example.com"]),
        token(email="ada"),
        # Neither a database nor an answer can hold a lone surrogate; the others are not seen.
        token(email="ada\ud800@example.com"),
        token(email="ada\u200b@example.com"),
        token(email="ada\0@example.com"),
        token(MACHINE, common_name="e367826f\udfff"),
        token(claims=["ada@example.com"]),
        token(claims="ada@example.com"),
    ],
)
def test_hostile_tokens_are_refused(value: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        read(value)
    assert (refused.value.status, refused.value.code) == (401, "unauthorized")
    assert "@" not in refused.value.detail


def signed(claims: str) -> str:
    both = f"{_PARTS[0]}.{encoded(claims.encode())}"
    return f"{both}.{encoded(signature(KEYS['current'], both.encode()))}"


def with_groups(groups: str) -> str:
    return signed(f'{json.dumps(PERSON)[:-1]}, "groups": {groups}}}')


@pytest.mark.parametrize(
    "claims",
    [
        "[" * 8_000,
        '{"a":' * 2_000,
        "[{}, " * 2_000,
        # What closes in a string closes nothing.
        '["]", ' * 1_500,
        '["\\"]", ' * 1_500,
    ],
    ids=lambda claims: claims[:8],
)
def test_claims_that_end_the_interpreter_are_never_parsed(
    claims: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    loads = json.loads

    def counted(text: str, **options: Any) -> Any:
        parsed.append(text.count("[") + text.count("{"))
        return loads(text, **options)

    monkeypatch.setattr(json, "loads", counted)
    for value in (signed(claims), with_groups(claims + "1")):
        with pytest.raises(Refusal, match="401"):
            read(value)
    assert max(parsed) < 100


@pytest.mark.parametrize(
    "groups", ["[" * 20 + "]" * 20, '[{"id": "[["}' + ', {"id": "{{"}' * 300 + "]"]
)
def test_groups_of_a_company_are_not_deep(groups: str) -> None:
    assert read(with_groups(groups)).id == "ada@example.com"


@pytest.mark.parametrize(
    ("domain", "issuer"),
    [
        ("team.cloudflareaccess.com", "https://team.cloudflareaccess.com"),
        ("https://Team.cloudflareaccess.com/", "https://team.cloudflareaccess.com"),
        ("http://127.0.0.1:1234", "http://127.0.0.1:1234"),
    ],
)
def test_an_application_is_of_a_team(domain: str, issuer: str) -> None:
    variables = {"ACCESS_TEAM_DOMAIN": domain, "ACCESS_AUD": "tag"}
    assert read_application(variables.get) == Application(issuer, "tag")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"ACCESS_TEAM_DOMAIN": "", "ACCESS_AUD": ""},
        {"ACCESS_TEAM_DOMAIN": "team.cloudflareaccess.com"},
        {"ACCESS_TEAM_DOMAIN": "team.cloudflareaccess.com", "ACCESS_AUD": " "},
        {"ACCESS_AUD": "tag"},
        {"ACCESS_TEAM_DOMAIN": "cloudflareaccess.com", "ACCESS_AUD": "tag"},
        {"ACCESS_TEAM_DOMAIN": "team.cloudflareaccess.com.example.org", "ACCESS_AUD": "tag"},
        {"ACCESS_TEAM_DOMAIN": "example.org/team.cloudflareaccess.com", "ACCESS_AUD": "tag"},
        {"ACCESS_TEAM_DOMAIN": "http://team.cloudflareaccess.com", "ACCESS_AUD": "tag"},
        {"ACCESS_TEAM_DOMAIN": "http://127.0.0.1:80@example.org", "ACCESS_AUD": "tag"},
        {"ACCESS_TEAM_DOMAIN": "http://localhost:80", "ACCESS_AUD": "tag"},
    ],
)
def test_without_an_application_nothing_is_open(variables: Mapping[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        read_application(variables.get)
    assert (refused.value.status, refused.value.code) == (503, "misconfigured")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "other"])
def test_pages_of_other_sites_change_nothing(site: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        with pytest.raises(Refusal, match="403 cross-site"):
            check_site(method, site)
    check_site("GET", site)


@pytest.mark.parametrize("site", [None, "same-origin", "none"])
def test_this_page_and_programs_may(site: str | None) -> None:
    check_site("POST", site)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "here.example"),
        ("https://here.example.evil.example", "here.example"),
        ("https://evil.here.example", "here.example"),
        ("https://here.example:8443", "here.example"),
        ("here.example", "here.example"),
        ("null", "null"),
        ("null", None),
        ("", ""),
        ("https://", ""),
        ("https://evil.example", None),
    ],
)
def test_an_old_browser_tells_of_other_sites_by_their_origin(origin: str, host: str | None) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        with pytest.raises(Refusal, match="403 cross-site"):
            check_site(method, None, origin, host)
    check_site("GET", None, origin, host)
    check_site("POST", "same-origin", origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://here.example", "here.example"),
        ("https://here.example", "Here.Example"),
        ("http://127.0.0.1:8787", "127.0.0.1:8787"),
        (None, "here.example"),
    ],
)
def test_an_old_browser_may_on_this_page(origin: str | None, host: str) -> None:
    check_site("POST", None, origin, host)


class Certs:
    """The address of the keys: answers with ``keys``, or not at all if that is ``None``."""

    def __init__(self, *keys: str) -> None:
        self.keys: tuple[str, ...] | None = keys
        self.reads = 0
        self.known = Keys(self._load)

    async def _load(self) -> Mapping[str, str]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.keys is None:
            raise Unreadable("no answer")
        return {key: f"public {key}" for key in self.keys}

    def get(self, key: str, at: float) -> Any | None:
        return asyncio.run(self.known.get(key, NOW + at))


def test_keys_are_kept() -> None:
    certs = Certs("one")
    assert {certs.get("one", at) for at in (0, 1, REFRESH_SECONDS - 1)} == {"public one"}
    assert certs.reads == 1


def test_a_new_key_is_found_and_a_withdrawn_one_forgotten() -> None:
    certs = Certs("one")
    certs.get("one", 0)
    certs.keys = ("two",)
    assert certs.get("two", RETRY_SECONDS) == "public two"
    assert certs.get("one", RETRY_SECONDS + 1) is None
    certs.keys = ("three",)
    assert certs.get("two", RETRY_SECONDS + REFRESH_SECONDS) is None


def test_made_up_ids_cause_one_read_a_minute() -> None:
    certs = Certs("one")
    assert not any(certs.get(f"x{at}", at) for at in range(RETRY_SECONDS + 1))
    assert certs.reads == 2


def test_requests_at_once_find_the_key() -> None:
    certs = Certs("one")

    async def both() -> list[Any]:
        found: list[Any] = await asyncio.gather(*(certs.known.get("one", NOW) for _ in range(3)))
        return found

    assert asyncio.run(both()) == ["public one"] * 3


def test_what_is_known_outlasts_an_outage() -> None:
    certs = Certs("one")
    certs.get("one", 0)
    certs.keys = None
    late = REFRESH_SECONDS
    assert [certs.get("one", late + at) for at in (0, 1, 2)] == ["public one"] * 3
    assert certs.reads == 2
    for at in range(OUTAGE_SECONDS):
        with pytest.raises(Unreadable, match="no answer"):
            certs.get(f"x{at}", late + at)
    assert certs.reads == 2
    certs.keys = ("two",)
    assert certs.get("two", late + OUTAGE_SECONDS) == "public two"
    assert certs.get("one", late + OUTAGE_SECONDS) is None
    assert certs.reads == 3


def test_made_up_ids_cause_few_reads_during_an_outage() -> None:
    certs = Certs()
    certs.keys = None
    for at in range(2 * OUTAGE_SECONDS):
        with pytest.raises(Unreadable):
            certs.get(f"x{at}", at)
    assert certs.reads == 2
    certs.keys = ("one",)
    assert certs.get("one", 2 * OUTAGE_SECONDS) == "public one"
    assert certs.get("x", 2 * OUTAGE_SECONDS + 1) is None
    assert certs.reads == 3


def test_one_request_finds_the_end_of_an_outage() -> None:
    certs = Certs()
    certs.keys = None
    with pytest.raises(Unreadable):
        certs.get("one", 0)

    async def both() -> list[Any]:
        asked = (certs.known.get(f"x{n}", NOW + OUTAGE_SECONDS) for n in range(3))
        return list(await asyncio.gather(*asked, return_exceptions=True))

    assert [type(found) for found in asyncio.run(both())] == [Unreadable] * 3
    assert certs.reads == 2

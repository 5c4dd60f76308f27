"""What the API means where it refuses: a token that is none, or one that may not."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from cfpy.account import api_answers as api
from cfpy.account.permissions import PERMISSIONS, refusal
from cfpy.account.wrangler import Wrangler
from cfpy.errors import (
    CfpyError,
    CloudflareError,
    NotAuthenticatedError,
    ProjectError,
    ToolTimeoutError,
    WranglerError,
    WranglerTimeoutError,
)
from cfpy.tools import toolchain
from cfpy.tools.process import Completed
from cfpy.tools.toolchain import Node, Toolchain

HEADERS = {"code": 6003, "message": "Invalid request headers"}
FORMAT = {"code": 6111, "message": "Invalid format for Authorization header"}
INVALID = [
    (400, [HEADERS | {"error_chain": [FORMAT]}]),
    (400, [HEADERS]),
    (403, [{"code": 9109, "message": "Invalid access token"}]),
    (400, [{"code": 9109, "message": "Invalid access token"}]),
    (401, [{"code": 1000, "message": "Invalid API Token"}]),
    (401, [{"code": 1001, "message": "This API Token has expired"}]),
    (403, [{"code": 9103, "message": "Unknown X-Auth-Key or X-Auth-Email"}]),
    (401, [{"code": 10001, "message": "Unable to authenticate request"}]),
    (403, [{"code": 10000, "message": "Authentication error"}, FORMAT]),
]
MAY_NOT = [
    (403, [{"code": 10000, "message": "Authentication error"}]),
    (403, [{"code": 9109, "message": "Unauthorized to access requested resource"}]),
    (403, [{"code": 10023, "message": "not allowed"}]),
]


def answer(status: int, errors: list[dict[str, object]], path: str) -> CfpyError:
    document = {"success": False, "errors": errors, "result": None}
    with pytest.raises(CfpyError) as caught:
        api.checked(httpx.Response(status, json=document), path)
    return caught.value


@pytest.mark.parametrize(("status", "errors"), INVALID)
@pytest.mark.parametrize("path", ["accounts", "accounts/id/d1/database", "accounts/id/other"])
def test_an_invalid_token_is_said_to_be_invalid(
    status: int, errors: list[dict[str, object]], path: str
) -> None:
    error = answer(status, errors, path)
    assert isinstance(error, NotAuthenticatedError)
    assert "this token is invalid or has expired" in error.message
    assert str(errors[0]["message"]) in error.message
    assert "permission" not in error.message + error.hint


def test_what_lies_behind_an_error_is_said() -> None:
    error = answer(*INVALID[0], "accounts")
    assert "Invalid request headers: Invalid format for Authorization header" in error.message


@pytest.mark.parametrize(("status", "errors"), MAY_NOT)
@pytest.mark.parametrize("kind", ["d1", "storage", "r2", "queues", "vectorize", "workers"])
def test_a_permission_that_is_missing_is_named(
    status: int, errors: list[dict[str, object]], kind: str
) -> None:
    error = answer(status, errors, f"accounts/id/{kind}/x")
    assert isinstance(error, NotAuthenticatedError)
    assert f"is not allowed to read {kind}" in error.message
    assert PERMISSIONS[kind] in error.hint


def test_who_is_not_known_may_be_invalid_or_short_of_a_permission() -> None:
    errors: list[dict[str, object]] = [{"code": 10000, "message": "Authentication error"}]
    error = answer(401, errors, "accounts/id/d1/database")
    assert isinstance(error, NotAuthenticatedError)
    assert "does not accept this token to read d1" in error.message
    assert "D1: Edit" in error.hint
    assert "Create a new one" in error.hint


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Cannot use the access token from location: 192.0.2.1", "Client IP Address Filtering"),
        ("Max auth failures reached, please check your Authorization header.", "Wait"),
    ],
)
def test_a_token_that_is_good_elsewhere_or_later(message: str, said: str) -> None:
    error = answer(403, [{"code": 9109, "message": message}], "accounts/id/d1/database")
    assert isinstance(error, NotAuthenticatedError)
    assert said in error.hint


@pytest.mark.parametrize(
    ("status", "code"), [(404, 7003), (400, 1000), (400, 7500), (500, 10000 + 1), (409, 10004)]
)
def test_what_is_not_about_the_token(status: int, code: int) -> None:
    errors: list[dict[str, object]] = [{"code": code, "message": "Invalid name"}]
    assert isinstance(answer(status, errors, "accounts/id/d1/database"), CloudflareError)
    assert refusal(status, {code}, "Invalid name", "d1", "read") is None


# wrangler


class Failing:
    """wrangler, failing with a text on standard error and a code in its events."""

    def __init__(self, stderr: str = "", code: int = 0, stdout: str = "", status: int = 1) -> None:
        self.done = Completed((), status, stdout, stderr)
        self.code = code
        self.environments: list[dict[str, str]] = []

    def run(self, argv: list[str], *, env: dict[str, str], **_: object) -> Completed:
        self.environments.append(env)
        if place := env.get("WRANGLER_OUTPUT_FILE_PATH"):
            event = {"type": "command-failed", "code": self.code}
            Path(place).write_text(json.dumps(event), "utf-8")
        return self.done


class Hanging:
    """wrangler, never ending."""

    def run(self, argv: list[str], *, timeout: float, **_: object) -> Completed:
        raise ToolTimeoutError(Path(argv[0]).name, timeout)


@pytest.fixture
def wrangler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(toolchain, "_bundled_node", lambda: Node(tmp_path / "node", ("npm",)))
    launcher = tmp_path / "node_modules" / "wrangler" / "bin" / "wrangler.js"
    launcher.parent.mkdir(parents=True)
    launcher.touch()

    def make(runner: object, **credentials: str) -> Wrangler:
        tools = Toolchain(runner, print)  # type: ignore[arg-type]
        return Wrangler(runner, tools, tmp_path, config=None, credentials=credentials)  # type: ignore[arg-type]

    return make


def test_wrangler_with_an_invalid_token(wrangler) -> None:
    for runner in (
        Failing("X [ERROR] Invalid access token [code: 9109]", 9109),
        Failing("X [ERROR] Invalid access token [code: 9109]"),
        Failing("Invalid request headers [code: 6003]\nInvalid format for ... [code: 6111]"),
    ):
        with pytest.raises(NotAuthenticatedError, match="is invalid or has expired") as caught:
            wrangler(runner).create("d1 create", "shop-db")
        assert caught.value.message.startswith("can't create shop-db: ")
        assert "permission" not in caught.value.hint


def test_wrangler_with_a_token_that_may_not(wrangler) -> None:
    runner = Failing("Authentication error [code: 10000]", 10000)
    with pytest.raises(NotAuthenticatedError, match="not allowed to change vectorize") as caught:
        wrangler(runner).create("vectorize create", "shop-docs")
    assert "Vectorize: Edit" in caught.value.hint
    assert "Completed steps stay" in caught.value.hint


def test_another_failure_of_wrangler_is_not_about_the_token(wrangler) -> None:
    for code in (7502, 1000):
        with pytest.raises(WranglerError):
            wrangler(Failing(f"It is there already [code: {code}]", code)).create("d1 create", "a")


def test_a_wrangler_that_does_not_end(wrangler) -> None:
    with pytest.raises(WranglerTimeoutError, match="wrangler d1 create shop-db did not") as caught:
        wrangler(Hanging()).create("d1 create", "shop-db")
    assert caught.value.exit_code == 6
    for call in (wrangler(Hanging()).auth_token, wrangler(Hanging()).deploy_dry_run):
        with pytest.raises(WranglerTimeoutError):
            call()


def test_the_token_of_wranglers_login(wrangler) -> None:
    found = '{"type": "oauth", "token": "the-token"}'
    for stdout in (found, f"Using secrets defined in .env\n{found}\n", f"{{odd\n{found}"):
        assert wrangler(Failing(stdout=stdout, status=0)).auth_token() == "the-token"


@pytest.mark.parametrize(
    ("runner", "kind", "said"),
    [
        (Failing("Not logged in. Please run `wrangler login`"), NotAuthenticatedError, "nobody"),
        (Failing(""), NotAuthenticatedError, "nobody"),
        (
            Failing(stdout='{"type": "api_key", "key": "a-secret-key", "email": "a"}', status=0),
            NotAuthenticatedError,
            "CLOUDFLARE_API_KEY is set",
        ),
        (Failing(stdout="a-secret-key", status=0), NotAuthenticatedError, "nobody"),
        (Failing("the auth server could not be reached"), WranglerError, "could not be reached"),
        (Failing("broken wrangler.toml", stdout="a-secret-key"), WranglerError, "broken"),
    ],
)
def test_who_is_not_logged_in_by_a_token(
    runner: Failing, kind: type[CfpyError], said: str, wrangler
) -> None:
    with pytest.raises(kind, match=said) as caught:
        wrangler(runner).auth_token()
    assert "a-secret-key" not in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.code == kind.code


def test_one_identity_asks(wrangler, monkeypatch: pytest.MonkeyPatch) -> None:
    """wrangler would prefer a global key to the token that cfpy reads the account with."""
    for name in ("CLOUDFLARE_API_KEY", "CLOUDFLARE_EMAIL", "CF_API_KEY", "CF_API_TOKEN"):
        monkeypatch.setenv(name, "another")
    runner = Failing("no")
    with pytest.raises(WranglerError):
        wrangler(runner, CLOUDFLARE_API_TOKEN="mine").create("d1 create", "a")
    [environment] = runner.environments
    assert environment["CLOUDFLARE_API_TOKEN"] == "mine"
    assert "another" not in environment.values()


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({}, "https://api.cloudflare.com/client/v4"),
        ({"CLOUDFLARE_API_BASE_URL": " http://127.0.0.1:1/v4/ "}, "http://127.0.0.1:1/v4"),
        ({"CF_API_BASE_URL": "http://old.test"}, "http://old.test"),
        (
            {"CLOUDFLARE_COMPLIANCE_REGION": "fedramp_high"},
            "https://api.fed.cloudflare.com/client/v4",
        ),
        ({"WRANGLER_API_ENVIRONMENT": "staging"}, "https://api.staging.cloudflare.com/client/v4"),
    ],
)
def test_the_api_is_where_wrangler_finds_it(environ: dict[str, str], address: str) -> None:
    assert api.api_address(environ)[0] == address


BAD_NAME = """\
▲ [WARNING] Processing wrangler.jsonc configuration:

    - Unexpected fields found in top-level field: "limit"


✘ [ERROR] Processing wrangler.jsonc configuration:

    - r2_buckets[0].bucket_name="b" is invalid. Bucket names must begin
    - "observability" should be an object but got 5, not CLOUDFLARE_API_TOKEN.


🪵  Logs were written to "/logs/wrangler.log"
"""


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (BAD_NAME, ["r2_buckets[0]", '"observability"']),
        (
            "✘ [ERROR] The `python_workers` compatibility flag is required to use Python.\n",
            ["flag"],
        ),
    ],
)
def test_a_configuration_that_wrangler_refuses_is_no_question_of_the_login(
    printed: str, said: list[str], wrangler
) -> None:
    with pytest.raises(ProjectError) as caught:
        wrangler(Failing(printed)).auth_token()
    assert caught.value.exit_code == 8
    assert all(part in caught.value.message for part in said)
    assert "limit" not in caught.value.message
    assert "login" not in f"{caught.value.message} {caught.value.hint}"


def test_a_warning_about_the_configuration_is_no_error_of_it(wrangler) -> None:
    warned = BAD_NAME.partition("✘")[0]
    with pytest.raises(NotAuthenticatedError):
        wrangler(Failing(f"{warned}✘ [ERROR] Not logged in.\n")).auth_token()

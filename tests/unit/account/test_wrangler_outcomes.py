"""What a command of wrangler left: a deployment, or a failure and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cfpy.account.wrangler import Wrangler
from cfpy.errors import NotAuthenticatedError, WranglerError
from wrangler_in_process import StrictWrangler, wrangler

SECRET = "canary-51c7"
Command = Callable[[Wrangler], object]
DEPLOYED = {
    "type": "deploy",
    "version": 1,
    "worker_name": "shop-staging",
    "version_id": "0-1",
    "targets": ["schedule: */5 * * * *", "https://shop.test.workers.dev"],
    "bundle_size": {"raw_bytes": 9000, "gzip_bytes": 3000},
}
SESSION = {"type": "wrangler-session", "version": 1, "wrangler_version": "4.164.0"}


def lines(*events: object) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def test_what_was_deployed_is_told() -> None:
    runner = StrictWrangler(events=lines(SESSION, DEPLOYED))
    deployment = wrangler(runner).deploy()
    assert (deployment.version_id, deployment.size) == ("0-1", 3000)
    assert deployment.url == "https://shop.test.workers.dev"
    assert len(deployment.targets) == 2


@pytest.mark.parametrize("targets", [None, [], ["schedule: 0 0 * * *"]])
def test_a_worker_without_an_address(targets: list[str] | None) -> None:
    event = {"type": "deploy", "version_id": "0-1", "targets": targets}
    deployment = wrangler(StrictWrangler(events=lines(event))).deploy()
    assert (deployment.url, deployment.size) == ("", 0)


@pytest.mark.parametrize("events", ["", lines(SESSION), '{"type": "depl', "\n"])
def test_a_deployment_that_is_not_told_is_no_success(events: str) -> None:
    with pytest.raises(WranglerError, match="did not report the version") as caught:
        wrangler(StrictWrangler(events=events)).deploy()
    assert "wrangler deployments list" in caught.value.hint


STDERR = """\
✘ [ERROR] A request to the Cloudflare API (/accounts/a/d1/database) failed.

  A database with that name already exists [code: 7502]

  If you think this is a bug, please open an issue at: https://github.com/cloudflare/workers-sdk
🪵  Logs were written to "/home/x/wrangler.log"
"""
FAILED = {
    "type": "command-failed",
    "version": 1,
    "code": 7502,
    "message": "no",
    "retry_after_ms": 1500,
}


def test_a_failure_carries_what_there_is_to_decide_by() -> None:
    runner = StrictWrangler(1, "printed before", STDERR, lines(SESSION, FAILED))
    with pytest.raises(WranglerError) as caught:
        wrangler(runner).create("d1 create", "shop-db")
    error = caught.value
    assert error.message.startswith("can't create shop-db:\n")
    assert "A database with that name already exists" in error.message
    assert (error.api_code, error.retry_after, error.returncode) == (7502, 1.5, 1)
    assert error.printed == "printed before"
    assert "Logs were written" not in error.message + error.output
    assert "this is a bug" not in error.message + error.output
    assert error.argv[:4] == ("wrangler", "d1", "create", "shop-db")
    assert "Completed steps stay" in error.hint


@pytest.mark.parametrize(
    "events",
    [
        "",
        lines(SESSION),
        lines({"type": "command-failed"}),
        lines({"type": "command-failed", "code": None, "retry_after_ms": None}),
        # It was killed while it wrote.
        lines(SESSION) + '{"type": "command-fai',
        lines(SESSION, 7, "text", None),
        "not JSON\n",
    ],
)
def test_a_failure_without_a_code_is_one_all_the_same(events: str) -> None:
    with pytest.raises(WranglerError, match="Something") as caught:
        wrangler(StrictWrangler(1, "", "Something", events)).create("d1 create", "shop-db")
    assert (caught.value.api_code, caught.value.retry_after) == (0, None)


@pytest.mark.parametrize("status", [1, -9, 137])
def test_a_wrangler_that_ends_without_a_word_is_told_by_its_status(status: int) -> None:
    for act in (
        lambda it: it.create("d1 create", "shop-db"),
        lambda it: it.apply_local_migrations("DB", persist_to=Path("/state")),
    ):
        with pytest.raises(WranglerError, match=f"status {status}") as caught:
            act(wrangler(StrictWrangler(status)))
        assert caught.value.returncode == status


def test_values_of_secrets_are_in_no_error() -> None:
    with pytest.raises(WranglerError, match="can't store A, B") as caught:
        wrangler(StrictWrangler(1, "", "no")).put_secrets({"B": SECRET, "A": SECRET})
    assert SECRET not in f"{caught.value.message}{caught.value.hint}{caught.value.argv}"


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda it: it.apply_local_migrations("DB", persist_to=Path("/s")), "the migrations of DB"),
        (lambda it: it.deploy_dry_run(), "does not accept the project"),
        (lambda it: it.delete("r2 bucket delete", "files"), "can't delete files"),
        (lambda it: it.change("can't do it", "delete", "--name", "shop"), "can't do it"),
        (lambda it: it.rollback("shop", "v1", "Back."), "can't roll back"),
    ],
)
def test_a_failure_says_what_was_tried_and_what_wrangler_said(act: Command, said: str) -> None:
    with pytest.raises(WranglerError, match=said) as caught:
        act(wrangler(StrictWrangler(1, "", "X [ERROR] the reason")))
    assert "the reason" in caught.value.message
    assert caught.value.exit_code == 6


# As 4.164.0 prints it: it fails once more when it asks whose the token is.
DEAD = """\
✘ [ERROR] A request to the Cloudflare API (/accounts/a/queues) failed.

  Authentication error [code: 10000]


✘ [ERROR] A request to the Cloudflare API (/user/tokens/verify) failed.

  Authentication error [code: 10000]



APIError: A request to the Cloudflare API (/user/tokens/verify) failed.
    at throwFetchError (/x/wrangler/wrangler-dist/cli.js:63338:19)
    at process.processTicksAndRejections (node:internal/process/task_queues:104:5)
    at async whoami (/x/wrangler/wrangler-dist/cli.js:354382:16)
    at async /x/wrangler/wrangler-dist/cli.js:239488:11
    at async Promise.all (index 0)
    at new Promise (<anonymous>)

(error handler also failed: APIError: A request to the Cloudflare API (/user/tokens/verify) failed.
    at throwFetchError (/x/wrangler/wrangler-dist/cli.js:63338:19)
    at async main (C:\\x\\wrangler\\wrangler-dist\\cli.js:366031:9))
🪵  Logs were written to "/x/wrangler-2026-11-26_19-26-13_503.log"
"""


def test_a_token_that_has_expired_is_told_in_one_line() -> None:
    for act in (
        lambda it: it.delete("queues delete", "jobs"),
        lambda it: it.change("can't delete jobs", "queues", "delete", "jobs"),
    ):
        with pytest.raises(NotAuthenticatedError) as caught:
            act(wrangler(StrictWrangler(1, "", DEAD)))
        assert caught.value.message == (
            "can't delete jobs: Cloudflare does not accept this token to change queues: "
            "Authentication error [code: 10000]"
        )
        assert "If the token is valid, give it the permission Queues: Edit" in caught.value.hint


@pytest.mark.parametrize(
    "act",
    [
        lambda it: it.apply_local_migrations("DB", persist_to=Path("/s")),
        lambda it: it.deploy_dry_run(),
        lambda it: it.delete("r2 bucket delete", "files"),
        lambda it: it.put_secrets({"A": SECRET}),
        lambda it: it.auth_token(),
    ],
)
def test_no_error_has_a_stack_of_wrangler(act: Command) -> None:
    said = DEAD.replace("[code: 10000]", "").replace("CLOUDFLARE_API_TOKEN", "")
    with pytest.raises(WranglerError) as caught:
        act(wrangler(StrictWrangler(1, "", said)))
    told = caught.value.message.splitlines()[1:]
    assert [line.strip() for line in told] == [
        "✘ [ERROR] A request to the Cloudflare API (/accounts/a/queues) failed.",
        "Authentication error",
        "✘ [ERROR] A request to the Cloudflare API (/user/tokens/verify) failed.",
        "Authentication error",
    ]


def test_what_only_a_stack_tells_stays_and_so_does_the_stack_of_a_worker() -> None:
    crash = "TypeError: x is not a function\n    at f (/x/wrangler-dist/cli.js:1:2)\n"
    worker = (
        "✘ [ERROR] A request to the Cloudflare API (/accounts/a/workers) failed.\n\n"
        "  Uncaught ReferenceError: y is not defined\n    at index.js:3:5 in setup\n"
        "   [code: 10021]\n"
    )
    for said, told in ((crash, "x is not a function"), (worker, "    at index.js:3:5 in setup")):
        with pytest.raises(WranglerError) as caught:
            wrangler(StrictWrangler(1, "", said)).deploy_dry_run()
        assert told in caught.value.message
        assert "cli.js" not in caught.value.message


BUILD_OUTPUT = (
    """\
[custom build] Running: {command}
"""
    + "".join(f"[custom build] line {number}\n" for number in range(60))
    + "[custom build] \n"
)
BUILD_DUMP = """\
✘ [ERROR] k [Error]: Process exited with non-zero status (3)

      at I2._waitForOutput (/x/wrangler-dist/cli.js:164358:98) {{
    result: I {{
      exitCode: 3,
        'line 58\\n' +
        'line 59\\n',
      exitCode: 3
    }}
  }}


✘ [ERROR] Running custom build `{command}` failed. There are likely more logs from your build \
command above.


🪵  Logs were written to "/home/x/wrangler.log"
"""


@pytest.mark.parametrize("command", ["make all", "sh -c 'exit `echo 3`'", "first &&\nsecond"])
@pytest.mark.parametrize("act", [Wrangler.deploy, Wrangler.deploy_dry_run])
def test_a_failed_build_is_told_by_its_command_its_status_and_its_last_lines(
    act: Command, command: str
) -> None:
    runner = StrictWrangler(
        status=1,
        stdout=BUILD_OUTPUT.format(command=command),
        stderr=BUILD_DUMP.format(command=command),
    )
    with pytest.raises(WranglerError) as caught:
        act(wrangler(runner))
    first, *rest = caught.value.output.split(f": {command}\n")
    assert first == "the command of [build] exited with status 3"
    [shown] = rest
    assert shown.splitlines() == [f"  line {number}" for number in range(40, 60)]


def test_a_build_that_prints_nothing_or_is_killed() -> None:
    dump = BUILD_DUMP.format(command="x").replace("(3)", "(null)")
    with pytest.raises(WranglerError) as caught:
        wrangler(StrictWrangler(status=1, stderr=dump)).deploy_dry_run()
    assert caught.value.output == "the command of [build] was killed: x"

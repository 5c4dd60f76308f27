"""The rendered fullstack Worker: its OpenAPI against its answers, its dead letters, its metrics."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cfpy.commands.context import build_context
from cfpy.commands.new import NewRequest, run
from dev_process import Answer, Dev

HERE = Path(__file__).parent
TOKEN = {"authorization": "Bearer local-development-token"}
FINISH_SECONDS = 60


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parent = tmp_path_factory.mktemp("fullstack")
    request = NewRequest(
        "fullstack", "shop", parent, {}, interactive=False, dry_run=False, git=False
    )
    made = run(build_context(print), request).path
    config = made / "wrangler.toml"
    text = config.read_text("utf-8")
    # The limiter is there to slow down what these tests do; and dead letters shall come at once.
    text = text.replace("limit = 600", "limit = 1000000").replace(
        "max_retries = 5", "max_retries = 0"
    )
    config.write_text(text.replace('ACCOUNT_ID = ""', 'ACCOUNT_ID = "0123456789abcdef"'), "utf-8")
    return made


@pytest.fixture(scope="module")
def dev(project: Path, run_dev: Callable[..., Dev]) -> Dev:
    return run_dev(project, "--runtime", "node", "--no-watch")


def send(dev: Dev, method: str, path: str, body: object = None) -> Answer:
    return dev.request(method, path, body, {**TOKEN, "content-type": "application/json"})


def test_what_it_answers_is_what_its_openapi_says(dev: Dev) -> None:
    schemathesis = [sys.executable, "-m", "schemathesis.cli"]
    # One seed, so that a failure is the fault of a change; other seeds: schemathesis by hand.
    options = ["--header", f"Authorization: {TOKEN['authorization']}"]
    options += ["--max-examples", "25", "--seed", "1"]
    done = subprocess.run(
        [
            *(*schemathesis, "--config-file", str(HERE / "schemathesis.toml"), "run"),
            *(f"{dev.url}openapi.json", *options, "--no-color"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 selected / 11 total" in done.stdout


def test_what_fails_too_often_is_marked_as_failed(dev: Dev, project: Path) -> None:
    item = send(dev, "POST", "/api/items", {"name": "Doomed"}).json()
    with contextlib.closing(database(project)) as connection:
        # Makes the consumer fail as a broken disk would, and lets the dead letter through.
        connection.execute(
            "CREATE TRIGGER doom BEFORE UPDATE ON items WHEN new.status = 'done' "
            "BEGIN SELECT RAISE(FAIL, 'doomed'); END"
        )
        assert send(dev, "POST", "/api/process", {"item_id": item["id"]}).status == 202
        deadline = time.monotonic() + FINISH_SECONDS
        while (found := send(dev, "GET", f"/api/items/{item['id']}").json())["status"] == "queued":
            assert time.monotonic() < deadline, "\n".join(dev.log[-20:])
            time.sleep(0.5)
        connection.execute("DROP TRIGGER doom")
    assert (found["status"], found["result"]) == ("failed", None)
    dev.wait_for_log("doomed")


def database(project: Path) -> sqlite3.Connection:
    """The project's local D1, behind its back."""
    for file in project.glob(".wrangler/state/**/*.sqlite"):
        connection = sqlite3.connect(file, timeout=20, isolation_level=None)
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'items'").fetchone():
            return connection
        connection.close()
    raise AssertionError("there is no database")


def test_metrics_that_can_not_be_had_are_a_bad_gateway(
    project: Path, run_dev: Callable[..., Dev], tmp_path: Path
) -> None:
    secrets = 'API_TOKEN="local-development-token"\nANALYTICS_TOKEN="not a real one"\n'
    (project / ".dev.vars").write_text(secrets)
    options = ("--runtime", "node", "--no-watch", "--persist-to", str(tmp_path))
    answer = send(run_dev(project, *options), "GET", "/api/metrics")
    assert (answer.status, answer.json()["code"]) == (502, "metrics-failed")
    assert "not a real one" not in answer.body.decode()

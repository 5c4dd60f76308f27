"""Rollouts with the real wrangler: the page of the docs, on a machine of its own. One project and
account for all: each test goes on where the one before it stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cfpy_process import served
from reader import BLOCK, Reader, new_reader

from cloudflare_api import CloudflareApi

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "rollouts.md"
STAGING = """
[env.staging]
name = "shop-staging"
"""


def shares(api: CloudflareApi, worker: str = "shop") -> list[float]:
    return [item["percentage"] for item in api.rollouts.releases[worker][-1]["versions"]]


@pytest.fixture(scope="module")
def account(went_live: tuple[Path, dict[str, Any]]) -> CloudflareApi:
    api = CloudflareApi()
    api.take(went_live[1])
    # The draft that has the environment's secrets.
    api.scripts["shop-staging"] = [*api.scripts["shop"]]
    return api


@pytest.fixture(scope="module")
def cfpy_there(account: CloudflareApi) -> Iterator[Any]:
    with served(account) as cfpy:
        yield cfpy


@pytest.fixture(scope="module")
def machine(
    cfpy_there: Any,
    went_live: tuple[Path, dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Reader:
    """It has the project, which is live, in git, and has an environment without resources."""
    reader = new_reader(tmp_path_factory.mktemp("machine"))
    path = reader.environment["PATH"]
    reader.environment |= cfpy_there.environment() | {"PATH": path}
    reader.directory /= "shop"
    shutil.copytree(went_live[0], reader.directory, symlinks=True)
    config = reader.directory / "wrangler.toml"
    config.write_text(config.read_text() + STAGING)
    reader.run("git init --quiet\ngit add --all\ngit commit --quiet --message first", 0)
    return reader


@pytest.mark.slow
def test_a_reader_of_the_page_rolls_out_and_back(
    account: CloudflareApi, machine: Reader, worker: Callable[[int], str]
) -> None:
    # The address at workers.dev leads nowhere from here.
    text = PAGE.read_text("utf-8").replace("--watch 10m", "--watch 1s")
    text = text.replace("--yes", f"--yes --url {worker(200)}").replace(
        "cfpy rollback --yes --url", "cfpy rollback --yes #"
    )
    *blocks, watch = BLOCK.finditer(text)
    uploads = account.rollouts.uploads
    machine.follow_blocks(blocks[:2])
    assert shares(account) == [10, 90]
    new = uploads["shop"][-1]["annotations"]
    code = uploads["shop-staging"][-1]["annotations"]["workers/tag"].split("-")[1]
    assert new["workers/tag"].split("-")[1] == code
    assert new["workers/message"].startswith("commit ")
    assert "cfpy deploy --percent 25" in machine.printed[-1]
    machine.follow_blocks(blocks[2:])
    assert (shares(account), account.live["shop"]) == ([100], uploads["shop"][0]["id"])
    assert "messages in shop-jobs" in machine.printed[-1]
    machine.follow_blocks([watch])
    assert (shares(account), account.live["shop"]) == ([100], uploads["shop"][-1]["id"])
    # One upload was enough for all of it, and none of its requests was lost.
    assert len(uploads["shop"]) == 2

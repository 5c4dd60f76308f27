"""What cfpy adds to each command line of wrangler."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cfpy.account import session
from cfpy.account.wrangler import Wrangler
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import UsageError
from wrangler_in_process import CONFIG, Tools


def wrangler(runner: Any, root: Path, **options: Any) -> Wrangler:
    tools: Any = Tools()
    return Wrangler(runner, tools, root, **options)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("deploy",), "staging"),
        (("d1", "create", "shop"), "staging"),
        (("secret", "bulk"), "staging"),
        (("kv", "namespace", "delete", "--namespace-id=1"), "staging"),
        # wrangler would create staging-shop.
        (("kv", "namespace", "create", "shop"), ""),
        (("tail", "shop-staging"), ""),
        (("delete", "--name", "shop-staging"), ""),
        (("rollback", "1", "--name", "shop-staging"), ""),
        ((), "staging"),
    ],
)
def test_the_configuration_and_the_environment_are_named(
    arguments: tuple[str, ...], environment: str, fake_runner: Any
) -> None:
    it = wrangler(fake_runner(), Path("/app"), config=CONFIG, environment="staging")
    added = ["--config", str(CONFIG), "--env", environment]
    assert it.argv(*arguments) == ["/node", "/wrangler.js", *arguments, *added]


def test_the_top_level_is_named_too(fake_runner: Any) -> None:
    it = wrangler(fake_runner(), Path("/app"), config=CONFIG)
    assert it.argv("deploy")[-2:] == ["--env", ""]


def test_what_is_named_already_stays(fake_runner: Any) -> None:
    it = wrangler(fake_runner(), Path("/app"), config=CONFIG, environment="staging")
    own = ("dev", "--config", "/derived.json", "--env", "live")
    assert it.argv(*own)[2:] == list(own)


def test_without_a_project_nothing_is_named(fake_runner: Any) -> None:
    it = wrangler(fake_runner(), Path("/app"), config=None)
    assert it.argv("auth", "token")[2:] == ["auth", "token"]
    assert it.bare_argv("deploy")[2:] == ["deploy"]


@pytest.mark.parametrize(("pinned", "named"), [("b", "account.json"), ("a", ""), (None, "")])
def test_an_account_of_the_top_level_does_not_win(
    pinned: str | None, named: str, tmp_path: Path, fake_runner: Any
) -> None:
    """wrangler takes an account_id of the configuration before CLOUDFLARE_ACCOUNT_ID."""
    text = f'account_id = "{pinned}"\n' if pinned else ""
    config = tmp_path / "wrangler.toml"
    config.write_text(f'name = "shop"\n{text}[env.staging]\naccount_id = "a"\n')
    write = session._account_config(load_project(tmp_path), "a")
    options = {"config": config, "account_config": write, "environment": "staging"}
    it = wrangler(fake_runner(), tmp_path, **options)
    assert not (tmp_path / ".wrangler").exists()
    created = it.argv("kv", "namespace", "create", "x")
    path = Path(created[created.index("--config") + 1])
    assert path.name == (named or "wrangler.toml")
    if named:
        assert json.loads(path.read_text()) == {"account_id": "a"}
    # These are told the environment, which has the right one.
    deployed = it.argv("deploy")
    assert deployed[deployed.index("--config") + 1] == str(config)


def test_another_name_for_the_worker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WRANGLER_CI_OVERRIDE_NAME", raising=False)
    session._refuse_other_name("shop")
    monkeypatch.setenv("WRANGLER_CI_OVERRIDE_NAME", "shop")
    session._refuse_other_name("shop")
    monkeypatch.setenv("WRANGLER_CI_OVERRIDE_NAME", "other")
    with pytest.raises(UsageError, match="'other'"):
        session._refuse_other_name("shop")

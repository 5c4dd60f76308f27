"""Without a token and a login of wrangler, the answer needs no wrangler."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cfpy.account import login
from cfpy.errors import NotLoggedInError

FILES = [
    ".wrangler/config/default.toml",
    ".config/.wrangler/config/default.toml",
    "Library/Preferences/.wrangler/config/work.enc",
    "xdg/.wrangler/config/default.toml",
    "roaming/xdg.config/.wrangler/config/default.toml",
]


@pytest.mark.parametrize("file", FILES)
def test_a_login_is_found_where_wrangler_keeps_it(file: str, tmp_path: Path) -> None:
    variables = {
        "XDG_CONFIG_HOME": str(tmp_path / "xdg"),
        "APPDATA": str(tmp_path / "roaming"),
    }
    assert not login.has_login_file(variables, tmp_path)
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text("")
    assert login.has_login_file(variables, tmp_path)


def test_no_wrangler_is_installed_to_say_that_nobody_is_logged_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_runner: type
) -> None:
    for name in {*os.environ} - {"PATH"}:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    toolchain = SimpleNamespace(has_wrangler=lambda _: False)
    ctx: Any = SimpleNamespace(toolchain=toolchain, runner=fake_runner())
    with pytest.raises(NotLoggedInError, match="nobody is logged in"):
        login.token_of(ctx, tmp_path)
    assert login.can_tell_login(ctx, tmp_path)

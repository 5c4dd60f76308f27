"""A stage for previews."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from account_in_process import InProcess
from cfpy.account.branches import CI_VARIABLES
from cloudflare_api import TOKEN
from preview_stage import CONFIG, SETTINGS, Stage
from rollout_stage import RolloutStage


@pytest.fixture
def stage(
    tmp_path: Path, cloudflare: InProcess, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> Callable[[], Stage]:
    """Makes a project, always in the same place, with a new account."""
    del pauses
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    for name in (*CI_VARIABLES, "GITHUB_REF_TYPE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "src").mkdir()
    (tmp_path / "migrations").mkdir()
    (tmp_path / "src" / "index.js").write_text("export default {}")
    (tmp_path / "migrations" / "0001_notes.sql").write_text("CREATE TABLE notes (id INTEGER)")
    (tmp_path / "wrangler.toml").write_text(CONFIG)
    (tmp_path / "cfpy.toml").write_text(SETTINGS)
    (tmp_path / "seed.sql").write_text("INSERT INTO notes VALUES (1)")
    return lambda: Stage(tmp_path, cloudflare)


@pytest.fixture
def rollout(
    tmp_path: Path, cloudflare: InProcess, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> Callable[[], RolloutStage]:
    """Makes a live project, always in the same place, with a new account."""
    del pauses
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    return lambda: RolloutStage(tmp_path / "app", cloudflare)

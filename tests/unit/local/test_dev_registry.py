"""Where the Workers of this machine find each other, as wrangler itself looks for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cfpy.local.dev_registry import registry_folder, running_workers


def test_a_given_folder_comes_first(tmp_path: Path) -> None:
    (tmp_path / ".wrangler").mkdir()
    given = {"WRANGLER_REGISTRY_PATH": str(tmp_path / "mine"), "XDG_CONFIG_HOME": "/xdg"}
    assert registry_folder(given, tmp_path) == tmp_path / "mine"


def test_the_old_folder_of_wrangler_is_used_where_it_is(tmp_path: Path) -> None:
    (tmp_path / ".wrangler").mkdir()
    assert registry_folder({}, tmp_path) == tmp_path / ".wrangler" / "registry"


def test_then_the_folder_for_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert registry_folder({}, tmp_path) == tmp_path / ".config" / ".wrangler" / "registry"
    xdg = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert registry_folder(xdg, tmp_path) == tmp_path / "xdg" / ".wrangler" / "registry"
    monkeypatch.setattr(sys, "platform", "darwin")
    preferences = tmp_path / "Library" / "Preferences"
    assert registry_folder({}, tmp_path) == preferences / ".wrangler" / "registry"


def test_a_worker_whose_file_is_old_has_ended(tmp_path: Path) -> None:
    for name in ("running", "ended"):
        (tmp_path / name).write_text("{}")
    os.utime(tmp_path / "ended", (0, 0))
    assert running_workers(tmp_path) == {"running"}
    assert running_workers(tmp_path / "none") == frozenset()

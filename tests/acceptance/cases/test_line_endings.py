"""Files whose lines end in a mix of ways: they are edited, and nothing else of them changes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from forked import run_cfpy


@pytest.mark.case("mixed-endings")
def test_bindings_are_added_to_a_file_with_mixed_line_ends(case: Path) -> None:
    path = case / "wrangler.toml"
    before = path.read_bytes()
    lines = before.splitlines(keepends=True)
    assert {line.endswith(b"\r\n") for line in lines} == {True, False}
    for arguments in (["kv", "cache"], ["d1", "db"], ["cron", "hourly"]):
        done = run_cfpy("add", *arguments, "--json", cwd=case)
        assert json.loads(done.stdout)["ok"], done.stdout
    after = path.read_bytes()
    assert after.startswith(before)
    data = tomllib.loads(after.decode())
    assert data["kv_namespaces"][0]["binding"] == "CACHE"
    assert data["d1_databases"][0]["binding"] == "DB"
    assert data["triggers"]["crons"]
    # New lines end as the last one did.
    assert b"\r\n" not in after[len(before) :]

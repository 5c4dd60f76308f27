"""A migration that fails in the real local D1 is named: by wrangler it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """\
name = "m"
main = "src/index.js"
compatibility_date = "2026-11-17"

[[d1_databases]]
binding = "DB"
database_name = "m-db"
database_id = "00000000-0000-4000-8000-000000000000"
migrations_dir = "sql"
"""


@pytest.mark.slow
def test_cfpy_dev_names_the_file_and_its_line(tmp_path: Path) -> None:
    files = {
        "wrangler.toml": CONFIG,
        "src/index.js": "export default { fetch() { return new Response('ok') } }\n",
        "sql/0001_a.sql": "CREATE TABLE a(x);\n",
        "sql/0002_b.sql": "CREATE TABLE b(x);\n-- the next one\nINSERT INTO nope VALUES (1);\n",
        "sql/0003_c.sql": "CREATE TABLE c(x);\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def dev() -> tuple[int, dict[str, str]]:
        argv = [sys.executable, "-m", "cfpy", "dev", "--port", "0", "--json"]
        done = subprocess.run(
            argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        return done.returncode, json.loads(done.stdout)["error"]

    status, error = dev()
    assert status == 6
    assert "migrations of m-db: sql/0002_b.sql:3 failed" in error["message"]
    assert "no such table: nope" in error["message"]
    assert "Applied before it: 0001_a.sql" in error["message"]
    assert "Not tried: 0003_c.sql" in error["message"]
    assert error["hint"].startswith("Fix sql/0002_b.sql and run the same command again.")

    # Another fault in the same file: what was applied is not tried again.
    (tmp_path / "sql/0002_b.sql").write_text("CREATE TABLE b(x);\n\nCREATE TABEL q(x);\n")
    _, error = dev()
    assert "sql/0002_b.sql:3 failed" in error["message"]
    assert "Applied before it" not in error["message"]

"""What TOML has and JSON has not."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import ProjectError
from cfpy.project.toml_values import as_json


def test_dates_and_numbers_become_what_wrangler_makes_of_them() -> None:
    found = tomllib.loads("""
n = { day = 2026-01-01, f = 1.0, list = [inf, -inf, nan] }
utc = 2026-01-01T10:00:00Z
local = 2026-01-01T10:00:00.5
offset = 2026-01-01T10:00:00+02:00
time = 10:00:00
""")
    assert json.loads(json.dumps(as_json(found), allow_nan=False)) == {
        "n": {"day": "2026-01-01", "f": 1.0, "list": [None, None, None]},
        "utc": "2026-01-01T10:00:00.000Z",
        "local": "2026-01-01T10:00:00.500",
        "offset": "2026-01-01T10:00:00.000+02:00",
        "time": "10:00:00.000",
    }


@pytest.mark.parametrize("value", ["2026-01-01", "2026-01-01T10:00:00Z", "10:00:00"])
@pytest.mark.parametrize("table", ["vars", "env.staging.vars"])
def test_a_variable_is_no_date(tmp_path: Path, value: str, table: str) -> None:
    """As wrangler has it, before anything is done."""
    config = tmp_path / "wrangler.toml"
    config.write_text(f'name = "shop"\n[{table}]\nSINCE = {value}\n')
    with pytest.raises(ProjectError, match=rf"`{table}\.SINCE` is a date") as error:
        load_project(tmp_path)
    assert error.value.line == 3
    config.write_text(f'name = "shop"\n[{table}]\nSINCE = {{ day = {value} }}\n')
    load_project(tmp_path)

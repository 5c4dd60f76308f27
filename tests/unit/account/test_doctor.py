"""`cfpy doctor`: what the cache takes, which nothing deletes, and what it counts once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.account import doctor
from cfpy.errors import ProjectError


@pytest.mark.parametrize(
    "sizes", [{}, {"wheels/a/b.whl": 1_600_000, "toolchain/c": 400_000, "d": 3_000_000}]
)
def test_the_size_is_shown_and_that_it_may_be_deleted(
    sizes: dict[str, int], tmp_path: Path
) -> None:
    for name, size in sizes.items():
        path = tmp_path / "cache" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    found = doctor._cache(tmp_path / "cache")
    assert (found.state, found.fix) == ("ok", "")
    if not sizes:
        assert found.message == f"empty ({tmp_path / 'cache'})"
        return
    first, second = found.message.splitlines()
    assert first == f"5 MB in {tmp_path / 'cache'}: d 3 MB, wheels 2 MB"
    assert second == "You can delete it: cfpy downloads again what it needs"


def test_a_configuration_that_wrangler_refuses_is_one_error() -> None:
    fine = tuple(
        doctor.Check(name, "ok", "fine") for name in ("project", "configuration", "models")
    )
    checks, login = doctor._not_accepted(fine, ProjectError("wrangler does not accept it: - b"))
    assert [(item.name, item.state) for item in checks] == [
        ("project", "ok"),
        ("configuration", "error"),
        ("models", "ok"),
    ]
    assert login.state == "warning"
    assert "- b" not in login.message


def test_what_is_an_error_already_is_not_shown_again() -> None:
    found = (doctor.Check("configuration", "error", "`vars` is not a table"),)
    checks, login = doctor._not_accepted(found, ProjectError("`vars` is not a table"))
    assert checks == found
    assert login.state == "warning"
    assert "vars" not in login.message


@pytest.mark.parametrize("named", [False, True])
def test_a_project_of_cf_is_a_warning_that_names_its_commands(named: bool, tmp_path: Path) -> None:
    path = tmp_path / "cloudflare.config.ts"
    path.write_text('import { defineConfig } from "cf/config";\n')
    [found] = doctor._project(tmp_path, "", path if named else None)
    assert (found.name, found.state) == ("project", "warning")
    assert f"{path} is for `cf`" in found.message
    assert "  dev: cf dev" in found.message


def test_with_both_configurations_it_says_which_is_used(tmp_path: Path) -> None:
    (tmp_path / "cloudflare.config.ts").write_text('import { defineConfig } from "cf/config";\n')
    (tmp_path / "wrangler.jsonc").write_text('{"name": "a", "compatibility_date": "2026-01-01"}')
    [found] = [check for check in doctor._project(tmp_path, "", None) if check.name == "cf"]
    assert found.message == ("`cf` uses cloudflare.config.ts; cfpy and wrangler use wrangler.jsonc")


def test_a_mask_of_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text(
        'name = "shop"\nmain = "entry.js"\ncompatibility_date = "2026-09-01"\n'
        '[[d1_databases]]\nbinding = "DB"\ndatabase_name = "db"\n'
        '[[env.qa.d1_databases]]\nbinding = "QA"\ndatabase_name = "qa"\n'
    )
    masks = tmp_path / "cfpy.toml"
    names = ("DATABASE", "QA", "DB")
    tables = (f'[[masks]]\nbinding = "{name}"\ncolumns = ["a.b"]\n' for name in names)
    masks.write_text("".join(tables))
    found = [item for item in doctor._project(tmp_path, "", None) if item.state == "error"]
    assert [item.name for item in found] == ["configuration"]
    assert "DATABASE" in found[0].message
    assert "DB, QA" in found[0].fix

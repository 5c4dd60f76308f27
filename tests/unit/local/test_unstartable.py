"""What neither runtime starts with is reported with its place, and never by a stack."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cfpy.errors import ProjectError
from cfpy.local.defaults import load_for_run
from cfpy.local.unstartable import refuse_own_files

HEAD = 'name = "app"\nmain = "src/entry.{}"\ncompatibility_flags = ["python_workers"]\n'
DATED = 'compatibility_date = "2026-01-01"\n'
TODAY = datetime.now(UTC).date()


def fault(root: Path, more: str, environment: str = "", suffix: str = "py") -> ProjectError:
    (root / "wrangler.toml").write_text(HEAD.format(suffix) + more)
    with pytest.raises(ProjectError) as caught:
        load_for_run(root, None, environment)
    return caught.value


@pytest.mark.parametrize("day", ["2999-01-01", (TODAY + timedelta(days=2)).isoformat()])
def test_a_compatibility_date_in_the_future(tmp_path: Path, day: str) -> None:
    error = fault(tmp_path, f'compatibility_date = "{day}"\n')
    assert error.message.startswith(f"{tmp_path / 'wrangler.toml'}:4:")
    assert error.message.endswith(f": compatibility_date {day} is in the future")
    assert "Set compatibility_date to" in error.hint


def test_the_environment_has_it(tmp_path: Path) -> None:
    more = f'{DATED}[env.next]\ncompatibility_date = "2999-01-01"\n'
    assert "wrangler.toml:6:" in fault(tmp_path, more, "next").message
    load_for_run(tmp_path)


def test_the_folder_of_a_site(tmp_path: Path) -> None:
    more = f'{DATED}[site]\nbucket = "./public"\n'
    error = fault(tmp_path, more)
    assert error.message.endswith(": the folder ./public of `site` does not exist")
    assert "wrangler.toml:6:" in error.message
    (tmp_path / "public").write_text("")
    assert "is not a folder" in fault(tmp_path, more, suffix="js").message
    (tmp_path / "public").unlink()
    (tmp_path / "public").mkdir()
    load_for_run(tmp_path)
    (tmp_path / "wrangler.toml").write_text(
        f'{HEAD.format("js")}{DATED}build.command = "make"\nsite.bucket = "made"\n'
    )
    load_for_run(tmp_path)


def test_the_file_of_an_alias(tmp_path: Path) -> None:
    more = f'{DATED}[alias]\npackage = "other"\nbilling = "./src/billing"\n'
    error = fault(tmp_path, more, suffix="js")
    assert error.message.endswith(": the file ./src/billing of `alias` does not exist")
    assert "wrangler.toml:7:" in error.message
    (tmp_path / "src").mkdir(exist_ok=True)
    (tmp_path / "src" / "billing.ts").write_text("")
    load_for_run(tmp_path)
    (tmp_path / "src" / "billing.ts").unlink()
    (tmp_path / "wrangler.toml").write_text(
        HEAD.format("js") + more.replace("[alias]", 'build.command = "make"\n[alias]')
    )
    load_for_run(tmp_path)


@pytest.mark.parametrize("folder", [".", "./", "public/..", ".."])
@pytest.mark.parametrize("environment", ["", "next"])
def test_assets_with_the_files_of_wrangler(tmp_path: Path, folder: str, environment: str) -> None:
    table = f"env.{environment}." if environment else ""
    more = f'{DATED}[{table}assets]\ndirectory = "{folder}"\n'
    (tmp_path / "wrangler.toml").write_text(HEAD.format("js") + more)
    (tmp_path / "public").mkdir()
    with pytest.raises(ProjectError, match=r"wrangler\.toml:6:.* has the whole project") as caught:
        refuse_own_files(load_for_run(tmp_path, None, environment), environment)
    assert "such as public" in caught.value.hint
    (tmp_path / "wrangler.toml").write_text(
        HEAD.format("js") + more.replace(f'"{folder}"', '"public"')
    )
    refuse_own_files(load_for_run(tmp_path, None, environment), environment)


@pytest.mark.parametrize("name", ["toString", "constructor", "__proto__", "valueOf"])
@pytest.mark.parametrize(
    "table",
    [
        '[vars]\n"{}" = "1"\n',
        '[[r2_buckets]]\nbinding = "{}"\nbucket_name = "abcd"\n',
        '[[durable_objects.bindings]]\nname = "{}"\nclass_name = "A"\n',
        '[[queues.producers]]\nbinding = "{}"\nqueue = "q"\n',
        '[ai]\nbinding = "{}"\n',
    ],
)
@pytest.mark.parametrize("suffix", ["py", "js"])
def test_a_name_that_every_object_has(tmp_path: Path, table: str, name: str, suffix: str) -> None:
    error = fault(tmp_path, DATED + table.format(name), suffix=suffix)
    assert f"binds {name!r}, which every JavaScript object has already" in error.message
    assert re.search(r"wrangler\.toml:[56]:", error.message)
    assert "Use another name" in error.hint


def test_a_name_in_another_script(tmp_path: Path) -> None:
    more = f'{DATED}[[r2_buckets]]\nbinding = "R é"\nbucket_name = "abcd"\n'
    error = fault(tmp_path, more)
    assert ("r2_buckets binds 'R é', which is not a valid identifier") in error.message
    assert "Use letters, digits and underscores" in error.hint
    # The name of a variable need not be an identifier.
    (tmp_path / "wrangler.toml").write_text(f'{HEAD.format("py")}{DATED}[vars]\n"R é" = "1"\n')
    load_for_run(tmp_path)

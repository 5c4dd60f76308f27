"""A misspelt key of the configuration is named, with its line and the nearest known one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cfpy.bindings.unknown_keys import unknown_keys, warnings
from cfpy.bindings.wrangler_config import load_project

KNOWN: dict[str, Any] = {
    "$schema": "node_modules/wrangler/config-schema.json",
    "name": "app",
    "main": "src/index.js",
    "compatibility_date": "2026-11-17",
    "observability": {"enabled": True},
    "vars": {"ANY": {"thing": 1}},
    "kv_namespaces": [{"binding": "KV", "id": "0" * 32}],
    "queues": {"producers": [{"binding": "Q", "queue": "q"}]},
    "durable_objects": {"bindings": [{"name": "ROOM", "class_name": "Room"}]},
    "triggers": {"crons": ["0 3 * * *"]},
    "env": {"staging": {"vars": {"B": "2"}}},
}


def found(folder: Path, config: dict[str, Any], environment: str = "") -> list[str]:
    (folder / "wrangler.json").write_text(json.dumps(config, indent=2))
    return list(warnings(load_project(folder), environment))


def test_a_known_key_is_not_named(tmp_path: Path) -> None:
    assert found(tmp_path, KNOWN, "staging") == []


@pytest.mark.parametrize(
    ("change", "key", "near"),
    [
        ({"compatability_date": "2026-11-17"}, "compatability_date", "compatibility_date"),
        ({"kv_namespace": []}, "kv_namespace", "kv_namespaces"),
        ({"d1_database": None, "d1_databse": []}, "d1_databse", "d1_databases"),
        ({"triggers": {"cron": []}}, "triggers.cron", "crons"),
        ({"queues": {"producer": []}}, "queues.producer", "producers"),
        ({"kv_namespaces": [{"binding": "A", "idd": ""}]}, "kv_namespaces.idd", "id"),
        ({"assets": {"directroy": "public"}}, "assets.directroy", "directory"),
        ({"observability": {"enable": True}}, "observability.enable", "enabled"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(
    tmp_path: Path, change: dict[str, Any], key: str, near: str
) -> None:
    [warning] = found(tmp_path, KNOWN | change)
    assert f"`{key}` is an unknown key" in warning
    assert warning.endswith(f"Rename it to `{near}`.")


def test_a_key_that_is_like_none_has_no_suggestion(tmp_path: Path) -> None:
    [warning] = found(tmp_path, KNOWN | {"zzz": 1})
    assert "Rename" not in warning


def test_an_environment_has_no_keys_of_the_top_level(tmp_path: Path) -> None:
    config = KNOWN | {"env": {"staging": {"keep_vars": True}, "live": {"typo": 1}}}
    assert found(tmp_path, config) == []
    [warning] = found(tmp_path, config, "staging")
    assert "`env.staging.keep_vars`" in warning


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("wrangler.toml", 'name = "a"\n\n[[kv_namespace]]\nbinding = "A"\n', 3),
        ("wrangler.toml", 'name = "a"\n# why\nvar.A = 1\n', 3),
        ("wrangler.jsonc", '{\n  // why\n  "name": "a",\n  "mian": "b.js",\n}\n', 4),
    ],
)
def test_its_line_is_named(tmp_path: Path, name: str, text: str, line: int) -> None:
    (tmp_path / name).write_text(text)
    [finding] = unknown_keys(load_project(tmp_path))
    assert finding.message.startswith(f"{name}:{line}: ")
    assert not finding.broken


def test_keys_of_cfpy_toml_are_named_too(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text('name = "a"\n')
    (tmp_path / "cfpy.toml").write_text(
        '[[secret]]\nname = "X"\n\n[[secrets]]\nname = "API"\ndescripton = "typo"\n'
        '[[vectorize]]\nindex_name = "i"\ndimensions = 3\n'
        '[[vectorize.metadata_indexes]]\nproperty = "a"\nkind = "string"\n'
    )
    assert warnings(load_project(tmp_path)) == (
        "cfpy.toml:1: `secret` is an unknown key, which cfpy ignores. Rename it to `secrets`.",
        "cfpy.toml:6: `secrets.descripton` is an unknown key, which cfpy ignores. "
        "Rename it to `description`.",
        "cfpy.toml:12: `vectorize.metadata_indexes.kind` is an unknown key, which cfpy ignores. "
        "Correct the name, or remove it.",
    )


def test_misspelt_keys_of_a_pyproject_are_named(tmp_path: Path) -> None:
    config = tmp_path / "wrangler.toml"
    config.write_text('name = "a"\nmain = "src/entry.py"\n')
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "a"\ndependancies = ["six"]\nrequires_python = ">=3"\n'
        "urls = {}\n[projcet]\nx = 1\n[tool.anything]\ny = 1\n[dependency-groups]\ndev = []\n"
    )
    assert warnings(load_project(tmp_path)) == (
        "pyproject.toml:6: `projcet` is an unknown key, which uv ignores. Rename it to `project`.",
        "pyproject.toml:3: `project.dependancies` is an unknown key, which uv ignores. "
        "Rename it to `dependencies`.",
        "pyproject.toml:4: `project.requires_python` is an unknown key, which uv ignores. "
        "Rename it to `requires-python`.",
    )
    # It is not for a script.
    config.write_text('name = "a"\nmain = "src/index.js"\n')
    assert warnings(load_project(tmp_path)) == ()

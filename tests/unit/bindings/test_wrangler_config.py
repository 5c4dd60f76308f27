from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.bindings.environments import derive
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import ProjectError


def test_a_project_is_read_with_its_vectorize_settings(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text('name = "app"\nmain = "src/entry.py"\n')
    (tmp_path / "cfpy.toml").write_text('[[vectorize]]\nindex_name = "docs"\ndimensions = 768\n')
    project = load_project(tmp_path)
    assert project.is_python
    assert project.vectorize_index("docs").metric == "cosine"


def test_a_syntax_error_has_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text('name = "app"\nmain = \n')
    with pytest.raises(ProjectError) as caught:
        load_project(tmp_path)
    assert caught.value.line == 2
    assert "wrangler.toml:2:" in caught.value.message
    assert caught.value.exit_code == 8


@pytest.mark.parametrize("key", ["queues", "unsafe", "durable_objects", "kv_namespaces", "env"])
def test_null_is_as_good_as_missing(tmp_path: Path, key: str) -> None:
    text = f'{{"name": "app", "vars": {{"A": null}}, "{key}": null}}'
    (tmp_path / "wrangler.json").write_text(text)
    config = load_project(tmp_path).wrangler
    assert config == {"name": "app", "vars": {"A": None}}
    assert derive(config, "staging").worker == "app-staging"


def test_headers_are_only_named_where_there_are_any(tmp_path: Path) -> None:
    (tmp_path / "wrangler.json").write_text('{"name": "app", "kv_namespaces": 1}')
    with pytest.raises(ProjectError, match=r"is not a list of tables$"):
        load_project(tmp_path)


def test_an_empty_directory_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        load_project(tmp_path)
    assert "cfpy new rag myapp" in caught.value.hint


@pytest.mark.parametrize("opening", ["[", "{a="])
def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path: Path, opening: str) -> None:
    (tmp_path / "wrangler.toml").write_text("a = " + opening * 20_000)
    with pytest.raises(ProjectError, match="nested too deeply"):
        load_project(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_bytes(b'name = "\xff\xfe"\n')
    with pytest.raises(ProjectError, match="can't be read"):
        load_project(tmp_path)


@pytest.mark.parametrize("text", ["", 'main = "src/missing.py"\n'])
def test_a_missing_main_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "wrangler.toml").write_text(text)
    with pytest.raises(ProjectError, match="main"):
        _ = load_project(tmp_path).entry


@pytest.mark.parametrize(
    ("table", "rest", "key"),
    [
        ("d1_databases", 'database_name = "a"', "binding"),
        ("kv_namespaces", 'id = "a"', "binding"),
        ("env.staging.r2_buckets", 'bucket_name = "a"', "binding"),
        ("queues.producers", 'queue = "a"', "binding"),
        ("queues.producers", 'binding = "A"', "queue"),
        ("queues.consumers", "max_retries = 3", "queue"),
        ("ratelimits", 'namespace_id = "1"', "name"),
        ("durable_objects.bindings", 'class_name = "A"', "name"),
    ],
)
def test_a_binding_without_its_name_is_shown(
    tmp_path: Path, table: str, rest: str, key: str
) -> None:
    (tmp_path / "wrangler.toml").write_text(f'name = "app"\n\n[[{table}]]\n{rest}\n')
    with pytest.raises(ProjectError, match=f"{table}.. table has no `{key}`") as caught:
        load_project(tmp_path)
    assert caught.value.line == 3

"""What a local run binds, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cfpy.bindings.registry import KINDS
from cfpy.errors import ProjectError
from cfpy.local import configuration
from cfpy.local.custom_build import build_settings
from cfpy.local.local_bindings import OLD_FORMAT
from cfpy.project.project import Project

ROOT = Path("/app")
KITCHEN: dict[str, Any] = {
    "name": "app",
    "compatibility_date": "2026-11-17",
    "durable_objects": {"bindings": [{"name": "ROOM", "class_name": "Room"}]},
    "migrations": [{"tag": "v1", "new_sqlite_classes": ["Room"]}],
    "browser": {"binding": "BROWSER"},
    "worker_loaders": [{"binding": "LOADER"}],
    "mtls_certificates": [{"binding": "CERT", "certificate_id": "x"}],
    "hyperdrive": [{"binding": "PG", "id": "x"}],
    "services": [{"binding": "OTHER", "service": "other"}, {"binding": "SELF", "service": "app"}],
    "images": {"binding": "IMAGES"},
    "send_email": [{"name": "MAIL"}],
    "version_metadata": {"binding": "VERSION"},
    "containers": [{"class_name": "Room", "image": "./Dockerfile"}],
    "tail_consumers": [{"service": "tail"}],
    "streaming_tail_consumers": [{"service": "tail"}],
    "site": {"bucket": "./public"},
    "unsafe": {"bindings": [{"name": "ODD", "type": "odd"}]},
}


def project(**tables: Any) -> Project:
    return Project(ROOT, KITCHEN | tables, ())


def test_what_would_fail_is_not_in_the_configuration_of_the_node_runtime() -> None:
    config = configuration.worker_config(project(), Path("/shim.js"), python=False, without=["PG"])
    failing = {kind.outer for kind in KINDS if kind.fails}
    assert not failing & set(config)
    assert not {"migrations", "containers", "tail_consumers", "streaming_tail_consumers"} & set(
        config
    )
    assert config["hyperdrive"] == []
    assert config["services"] == KITCHEN["services"]
    assert config["images"] == {"binding": "IMAGES"}


def test_workerd_gets_all_of_it() -> None:
    config = configuration.worker_config(project(), Path("/app/entry.py"), python=True)
    assert {"durable_objects", "migrations", "browser", "unsafe", "containers"} <= set(config)


def test_each_binding_that_does_not_work_is_named_with_its_reason() -> None:
    missing = configuration.left_out(project(), {}, on_node=True)
    assert set(missing) == {"PG", "OTHER", "ROOM", "BROWSER", "CERT", "ODD"}
    assert "CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_PG" in missing["PG"]
    assert "other" in missing["OTHER"]
    assert "--runtime workerd" in missing["BROWSER"]
    assert "Cloudflare" in missing["CERT"]
    assert set(configuration.left_out(project(), {}, on_node=False)) == {"PG", "OTHER"}


def test_a_stand_in_is_bound_in_place_of_each_but_services() -> None:
    given = project()
    failing = configuration.failing_bindings(given, configuration.left_out(given, {}, on_node=True))
    assert set(failing) == {"PG", "ROOM", "BROWSER", "CERT", "ODD"}
    assert failing["ROOM"]["kind"] == "DurableObjectNamespace"
    assert "getByName" in failing["ROOM"]["methods"]
    assert "connectionString" in failing["PG"]["properties"]


def test_a_database_that_is_given_is_bound() -> None:
    variable = {"CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_PG": "postgres://x"}
    assert "PG" not in configuration.left_out(project(), variable, on_node=True)


def test_a_site_is_a_namespace() -> None:
    assert configuration.binding_kinds(project())["__STATIC_CONTENT"] == "KvNamespace"


@pytest.mark.parametrize("table", OLD_FORMAT)
def test_the_older_format_is_refused_for_python(table: str) -> None:
    with pytest.raises(ProjectError, match="modules"):
        configuration.worker_config(
            project(**{table: {"A": "a.bin"}}), Path("/shim.js"), python=False
        )


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"browser": [{"binding": "B"}]}, r"`browser` is not a table \(\[browser\]\)"),
        ({"services": {"binding": "B"}}, r"`services` is not a list of tables"),
        ({"queues": [{"binding": "B"}]}, r"`queues` is not a table"),
    ],
)
def test_a_table_of_another_shape_is_refused(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(ProjectError, match=words):
        configuration.binding_kinds(project(**tables))


def test_paths_count_from_the_derived_configuration() -> None:
    tables: dict[str, Any] = {
        "base_dir": "src",
        "tsconfig": "./config/tsconfig.json",
        "build": {"command": "make", "cwd": "tools", "watch_dir": ["src", "../shared"]},
        "alias": {"billing": "./src/fake.js", "react": "preact/compat"},
        "wasm_modules": {"M": "m.wasm"},
        "text_blobs": {"T": "./t.txt"},
        "data_blobs": {"D": "d.bin"},
        "site": {"bucket": "./public", "include": ["*.html"]},
        "rules": [{"type": "Text", "globs": ["**/*.sql"]}],
        "containers": [{"image": "registry.cloudflare.com/x:1", "image_build_context": "."}],
    }
    config = configuration.worker_config(project(**tables), Path("/app/index.js"), python=True)
    assert config["base_dir"] == "../../src"
    assert config["tsconfig"] == "../.././config/tsconfig.json"
    assert config["build"] == {
        "command": "make",
        "cwd": "/app/tools",
        "watch_dir": ["../../src", "../../../shared"],
    }
    assert config["alias"] == {"billing": "../.././src/fake.js", "react": "preact/compat"}
    assert config["wasm_modules"] == {"M": "../../m.wasm"}
    assert config["text_blobs"] == {"T": "../.././t.txt"}
    assert config["data_blobs"] == {"D": "../../d.bin"}
    assert config["site"] == {"bucket": "../.././public", "include": ["*.html"]}
    assert config["rules"] == tables["rules"]
    assert config["containers"] == [
        {"image": "registry.cloudflare.com/x:1", "image_build_context": "../../."}
    ]
    assert project(**tables).wrangler["build"] == tables["build"]


def test_a_path_outside_of_the_project_stays_one(tmp_path: Path) -> None:
    config = configuration.worker_config(
        project(base_dir=str(tmp_path)), Path("/app/index.js"), python=True
    )
    assert (ROOT / configuration.DERIVED / config["base_dir"]).resolve() == tmp_path


def test_a_build_watches_src_unless_it_says_otherwise() -> None:
    build = {"command": "make"}
    config = configuration.worker_config(project(build=build), Path("/app/index.js"), python=True)
    assert config["build"] == {"command": "make", "cwd": "/app", "watch_dir": "../.././src"}
    assert build_settings(project(build=build)) == {
        "command": "make",
        "cwd": "/app",
        "watch": ["/app/src"],
    }
    assert build_settings(project(build={"watch_dir": "src"})) is None
    on_node = configuration.worker_config(project(build=build), Path("/shim.js"), python=False)
    assert "build" not in on_node

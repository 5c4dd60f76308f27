"""Projects of `cf`: recognised by their configuration, and never taken for one of wrangler."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.errors import ProjectError
from cfpy.project.cf_project import NAME, cf_configuration
from cfpy.project.config_file import choose

CF = 'import { defineConfig } from "cf/config";\nexport default defineConfig({ worker: {} });\n'
# The name in another tool's project: settings of a service.
FOREIGN = "export default () => ({ url: process.env.R2_URL });\n"


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        CF,
        "import { defineConfig } from 'cf/config'\nexport default defineConfig(async () => ({}))",
        'import * as cf from "cf/config";\nexport default cf.defineConfig({})',
        'import { defineWorker } from "@cloudflare/vite-plugin/experimental-config"\n',
        CF.replace("\n", "\r\n"),
        CF + "// \udcff",
    ],
)
def test_a_project_of_cf_has_an_error_of_its_own(text: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(text.encode(errors="surrogateescape"))
    below = tmp_path / "src"
    below.mkdir()
    for directory in (tmp_path, below):
        with pytest.raises(ProjectError, match="ts: this is a project of `cf`"):
            choose(directory)
    for named in (Path(NAME), tmp_path / NAME):
        with pytest.raises(ProjectError, match="project of `cf`"):
            choose(tmp_path, named)


def test_a_file_of_that_name_in_another_tool_is_not_one(tmp_path: Path) -> None:
    config = put(tmp_path / "src" / "config" / NAME, FOREIGN)
    assert cf_configuration(config.parent) is None
    with pytest.raises(ProjectError, match=r"has no wrangler\.toml, "):
        choose(config.parent)
    put(tmp_path / NAME, "")
    (tmp_path / "a" / NAME).mkdir(parents=True)
    for directory in (tmp_path, tmp_path / "a", tmp_path / "missing"):
        with pytest.raises(ProjectError, match=r"has no wrangler\.toml, "):
            choose(directory)


@pytest.mark.parametrize("name", ["wrangler.toml", "wrangler.jsonc", "wrangler.json"])
def test_with_both_in_one_folder_it_is_the_file_of_wrangler(name: str, tmp_path: Path) -> None:
    put(tmp_path / NAME, CF)
    config = put(tmp_path / name, "{}" if "json" in name else "")
    assert choose(tmp_path) == config.resolve()


def test_a_project_of_cf_below_one_of_wrangler_is_not_that_project(tmp_path: Path) -> None:
    put(tmp_path / "wrangler.toml", 'name = "shop"\n')
    web = put(tmp_path / "web" / NAME, CF).parent
    with pytest.raises(ProjectError, match="is another project, in a folder above") as caught:
        choose(web)
    assert caught.value.hint.endswith("--config ../wrangler.toml")
    assert choose(web, Path("../wrangler.toml")).parent == tmp_path.resolve()
    # The other way round, the nearer one is meant.
    put(tmp_path / "web" / "api" / "wrangler.toml", "")
    assert choose(tmp_path / "web" / "api").parent.name == "api"

"""The docs: every command line runs, what is generated is current, every link leads somewhere."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import jsonschema
import pytest
from hypothesis import given, settings
from reader import BLOCK, Reader, new_reader

from cfpy.errors import ProjectError
from cfpy.project.data_location import parse_data_locations
from cfpy.project.project import parse_r2, parse_secrets, parse_vectorize
from cloudflare_api import CloudflareApi
from dev_process import start_dev, write_project

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
README = (ROOT / "README.md").read_text("utf-8")
# tests/acceptance/test_first_hour.py runs two of them.
RUN_HERE = [*DOCS.glob("tutorials/*.md"), *DOCS.glob("how-to/*.md")]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return new_reader(tmp_path)


@pytest.mark.slow
def test_a_pattern_is_extended_published_used_and_updated(reader: Reader) -> None:
    reader.follow(DOCS / "tutorials" / "extend-a-pattern.md")
    kb = reader.directory
    assert kb.name == "kb"
    # The user's edits survived, the author's second version is there, and both are told apart.
    assert "_DAYS = 7\n" in (kb / "src" / "tenants" / "usage.py").read_text()
    assert tomllib.loads((kb / "wrangler.toml").read_text())["vars"]["OUR_VARIABLE"] == "kept"
    assert (kb / "migrations" / "0007_tenants.sql").is_file()
    departures = reader.run("cfpy diff", 0)
    assert "-_DAYS = 90  # A quarter, at least." in departures
    assert '+OUR_VARIABLE = "kept"' in departures
    assert "0.2.0" in (kb / ".cfpy" / "answers.toml").read_text()


@pytest.mark.parametrize("name", ["change-a-project", "count-the-cost", "look-inside"])
def test_what_a_page_says_works(name: str, reader: Reader) -> None:
    reader.follow(DOCS / "how-to" / f"{name}.md")


@pytest.mark.slow
def test_deploying_works_as_the_page_says(
    cfpy: Any, worker: Callable[[int], str], reader: Reader
) -> None:
    reader.environment |= cfpy.environment(SHOP_URL=worker(200), STAGING_URL=worker(200)) | {
        "PATH": reader.environment["PATH"]
    }
    reader.follow(DOCS / "how-to" / "deploy.md")


@pytest.mark.slow
def test_a_team_gets_what_the_tutorial_promises(
    cfpy: Any, api: CloudflareApi, worker: Callable[[int], str], reader: Reader, tmp_path: Path
) -> None:
    shared = tmp_path / "shared.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(shared)], check=True)
    given = cfpy.environment(SHOP_URL=worker(200), STAGING_URL=worker(200), REPOSITORY=str(shared))
    reader.environment |= given | {"PATH": reader.environment["PATH"]}
    reader.follow(DOCS / "tutorials" / "team-of-five.md")
    assert set(api.live) == {"shop", "shop-staging"}
    assert set(api.namespaces) == {"shop-prices", "shop-staging-prices"}
    pushed = subprocess.run(
        ["git", "show", "main:.github/workflows/ci.yml"],
        cwd=shared,
        capture_output=True,
        text=True,
        check=True,
    )
    assert pushed.stdout.startswith("# cfpy ci init github: ")
    assert "deploy-staging:" in pushed.stdout
    releases = api.rollouts.releases["shop"][-2:]
    parts = [[item["percentage"] for item in release["versions"]] for release in releases]
    assert [sorted(shares) for shares in parts] == [[10, 90], [100]]
    assert [name for name in api.databases if "drill" in name] == []
    assert not list(reader.directory.glob("backups/top-level/*"))
    assert list(reader.directory.glob(".wrangler/state/v3/d1/**/*.sqlite"))


def shell_blocks(text: str) -> list[str]:
    return [block["text"] for block in BLOCK.finditer(text) if block["language"] == "sh"]


def test_no_command_line_stands_anywhere_else() -> None:
    others = [page for page in PAGES if page not in RUN_HERE]
    assert [page.name for page in others if shell_blocks(page.read_text("utf-8"))] == []
    start, by_hand, meanwhile, own_model, tests = shell_blocks(README)
    # tests/acceptance/test_first_light.py and test_newcomer.py run the first three, CI the last.
    assert "examples/first_light.py" in start
    assert "cfpy new rag mine" in by_hand
    assert meanwhile.startswith("python3 scripts/ingest.py corpus")
    assert own_model.startswith("CFPY_AI_BASE_URL=")
    assert tests.strip() in (ROOT / ".ci" / "run").read_text("utf-8")


def test_dev_takes_a_model_of_ones_own_as_the_readme_says(tmp_path: Path) -> None:
    words = shlex.split(shell_blocks(README)[3])
    assert words[2:] == ["cfpy", "dev"]
    variables = dict(word.split("=", 1) for word in words[:2])
    config = 'name = "mine"\nmain = "i.js"\ncompatibility_date = "2026-11-17"\n'
    files = {"wrangler.toml": config + 'ai = { binding = "AI" }\n', "i.js": "export default {}"}
    dev = start_dev(write_project(tmp_path, files), env=variables)
    dev.stop()
    assert dev.data["chat"] == "llama3.2 at http://localhost:11434/v1"


def test_the_reference_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for name, text in generate.pages().items():
        there = (DOCS / "reference" / name).read_text("utf-8")
        assert there == text, f"{name} is old: python docs/generate.py"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda path: path.stem)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    own = [target.partition("#")[0] for target in targets if ":" not in target]
    assert [target for target in own if not (page.parent / target).exists()] == []


def test_every_command_has_its_picture() -> None:
    commands = (DOCS / "reference" / "commands.md").read_text("utf-8")
    named = re.findall(r"^## cfpy (.+)$", commands, re.MULTILINE)
    pictures = {path.stem for path in (DOCS / "media" / "commands").glob("*.svg")}
    assert {name.replace(" ", "-") for name in named} - pictures == {
        "env",
        "preview",
        "ci",
        "backup",
        "data",
    }


SCHEMA = json.loads(files("cfpy").joinpath("project/cfpy.schema.json").read_text("utf-8"))
values = st.one_of(st.integers(-1, 2000), st.booleans(), st.sampled_from(["", "a", "cosine"]))


def mostly(keys: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Tables with most of these keys, and now and then a value that does not fit."""
    return st.fixed_dictionaries(
        {}, optional={k: st.one_of(v, v, v, values) for k, v in keys.items()}
    )


names = st.text("ab", min_size=1, max_size=3)
texts = st.lists(names, max_size=2)
documents = mostly(
    {
        "vectorize": st.lists(
            mostly(
                {
                    "index_name": names,
                    "dimensions": st.integers(1, 1536),
                    "metric": st.sampled_from(["cosine", "euclidean", "dot-product"]),
                    "metadata_indexes": st.lists(
                        mostly({"property": names, "type": st.sampled_from(["string", "number"])}),
                        max_size=2,
                    ),
                }
            ),
            max_size=2,
        ),
        "secrets": st.lists(mostly({"name": names, "generate": st.booleans()}), max_size=2),
        "r2": st.lists(
            mostly(
                {
                    "bucket_name": names,
                    "location": st.sampled_from(["weur", "apac"]),
                    "cors": st.lists(
                        mostly({"origins": texts, "methods": texts, "headers": texts}), max_size=2
                    ),
                    "lifecycle": st.lists(
                        mostly({"id": names, "prefix": names, "delete_after_days": st.just(3)}),
                        max_size=2,
                    ),
                }
            ),
            max_size=2,
        ),
        **{
            table: st.lists(mostly({key: names, place: st.sampled_from(known)}), max_size=2)
            for table, key, place, known in (
                ("d1", "database_name", "location", ["oc", "eu"]),
                ("kv", "binding", "jurisdiction", ["eu", "us"]),
                ("queues", "queue", "jurisdiction", ["fedramp", "oc"]),
            )
        },
    }
)


@settings(max_examples=400, deadline=None)
@given(documents)
def test_schema_and_parser_of_cfpy_toml_agree(document: dict[str, Any]) -> None:
    path = Path("cfpy.toml")
    try:
        for parse in (parse_vectorize, parse_secrets, parse_r2, parse_data_locations):
            parse(document, path)
        parsed = True
    except ProjectError:
        parsed = False
    assert parsed == jsonschema.Draft7Validator(SCHEMA).is_valid(document)


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "golden").glob("*/*/cfpy.toml")), ids=str)
def test_rendered_cfpy_toml_fits_its_schema(path: Path) -> None:
    jsonschema.validate(tomllib.loads(path.read_text("utf-8")), SCHEMA)

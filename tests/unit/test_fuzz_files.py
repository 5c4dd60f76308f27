"""Whatever stands in a project's or a pattern's files: an answer, or an error that cfpy words.

A golden file is changed somewhere: a value, a key, a table, or its bytes. Anything that is raised
but CfpyError would be reported as a bug in cfpy.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfpy.account import env
from cfpy.account.live import wanted_bindings
from cfpy.account.record_store import RECORD_FILE, RecordStore
from cfpy.account.resources import desired_state, in_environment
from cfpy.bindings.add import AddRequest
from cfpy.bindings.add import run as add
from cfpy.bindings.asked import Options
from cfpy.bindings.checks import check
from cfpy.bindings.environments import effective
from cfpy.bindings.id_edits import set_id
from cfpy.bindings.registry import BY_NAME
from cfpy.bindings.wrangler_config import load_project
from cfpy.cost import comparison
from cfpy.errors import CfpyError, PatternError, ProjectError
from cfpy.local import configuration
from cfpy.patterns.answers_file import read_answers
from cfpy.patterns.new import NewRequest
from cfpy.patterns.new import run as new
from cfpy.patterns.pattern_store import BUILT_IN, PatternStore
from cfpy.tools.context import Context, build_context

GOLDEN = Path(__file__).parents[1] / "golden"
TODAY = date(2026, 11, 24)
JUNK = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", "../..", "\0", "x" * 300, "-", "ü", "a.b", '"']),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.booleans(),
    st.just([]),
    st.just({}),
    st.lists(st.integers(), min_size=1, max_size=2),
    st.just([{}]),
    st.just([{"binding": "DB"}, {"binding": "DB"}]),
    st.just(date(2026, 1, 1)),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)
# CFPY_FUZZ=2000 looks for new cases; without it the same ones are tried each time.
quick = settings(
    max_examples=int(os.environ.get("CFPY_FUZZ", "60")),
    derandomize="CFPY_FUZZ" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container in a document, with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


@st.composite
def changed(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """A document with one to three things in it otherwise."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(document))
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        change = draw(st.sampled_from(["value", "value", "gone", "more", "twice"]))
        if change == "gone":
            del container[key]
        elif change == "twice" and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        elif change == "more" and isinstance(container, dict):
            container[draw(st.text(min_size=1, max_size=6))] = copy.deepcopy(draw(JUNK))
        else:
            # A copy: the next change may be one inside it, and the strategy's own value stays.
            container[key] = copy.deepcopy(draw(JUNK))
    return document


@st.composite
def damaged(draw: st.DrawFn, text: str) -> bytes:
    """The bytes of a file with a hole, a cut or something strange in it."""
    data = text.encode()
    start = draw(st.integers(0, len(data)))
    end = min(len(data), start + draw(st.integers(0, 60)))
    strange = st.sampled_from([b"", b"\0", b"\xff", b"[", b'"', b"=", b"\r", b"'''", b"#", b"[["])
    return data[:start] + draw(strange | st.binary(max_size=4)) + data[end:]


def with_environment(pattern: str) -> dict[str, Any]:
    """The pattern's wrangler.toml, and an environment like its top level."""
    document = tomllib.loads((GOLDEN / pattern / "defaults" / "wrangler.toml").read_text())
    return document | {"env": {"staging": copy.deepcopy(document)}}


def use(root: Path, ctx: Context) -> None:
    """All that commands make of a project's files before they start another program."""
    project = load_project(root)
    for name in ("", *(project.wrangler.get("env") or {})):
        with contextlib.suppress(CfpyError):
            desired_state(project, name)
        with contextlib.suppress(CfpyError):
            scope = effective(project.wrangler, name)
            check(scope, "shop", TODAY)
            wanted_bindings(scope)
            alone = in_environment(project, name)
            configuration.left_out(alone, {}, on_node=True)
            configuration.binding_kinds(alone)
            json.dumps(
                configuration.worker_config(alone, root / "main.js", python=False), default=str
            )
            assert alone.python_version in ("3.12", "3.13", "3.14")
        with contextlib.suppress(CfpyError):
            asked = comparison.CostRequest(root, "", name, "small", None, Decimal(1), {}, {})
            comparison.run(ctx, asked)
    for kind in BY_NAME:
        with contextlib.suppress(CfpyError):
            add(AddRequest(root, kind, "sessions", "", Options(), dry_run=True))
    with contextlib.suppress(CfpyError):
        env.add(root, "preview", dry_run=True)
    with contextlib.suppress(CfpyError):
        set_id(root / "wrangler.toml", "", "d1_databases", "DB", "database_id", "new")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    shutil.copytree(GOLDEN / "rag" / "defaults", root)
    return root


@pytest.fixture(scope="module")
def ctx() -> Context:
    return build_context(lambda _: None)


RAG, PIPELINE, FULLSTACK = map(with_environment, ("rag", "pipeline", "fullstack"))


@quick
@given(changed(RAG) | changed(PIPELINE) | changed(FULLSTACK))
def test_wrangler_toml(project: Path, ctx: Context, document: dict[str, Any]) -> None:
    (project / "wrangler.toml").write_text(tomlkit.dumps(document), "utf-8")
    with contextlib.suppress(ProjectError):
        use(project, ctx)


@quick
@given(
    st.sampled_from(["wrangler.toml", "cfpy.toml"]).flatmap(
        lambda name: st.tuples(
            st.just(name), damaged((GOLDEN / "rag" / "defaults" / name).read_text())
        )
    )
)
def test_damaged_files_of_a_project(project: Path, ctx: Context, damage: tuple[str, bytes]) -> None:
    (project / damage[0]).write_bytes(damage[1])
    with contextlib.suppress(ProjectError):
        use(project, ctx)
    original = (GOLDEN / "rag" / "defaults" / damage[0]).read_bytes()
    (project / damage[0]).write_bytes(original)


CFPY_TOML = tomllib.loads((GOLDEN / "rag" / "defaults" / "cfpy.toml").read_text()) | {
    "r2": [
        {
            "bucket_name": "shop-files",
            "cors": [{"origins": ["*"], "methods": ["GET"], "max_age_seconds": 60}],
            "lifecycle": [{"id": "old", "prefix": "tmp/", "delete_after_days": 1}],
        }
    ]
}


@quick
@given(changed(CFPY_TOML))
def test_cfpy_toml(project: Path, ctx: Context, document: dict[str, Any]) -> None:
    (project / "cfpy.toml").write_text(tomlkit.dumps(document), "utf-8")
    with contextlib.suppress(ProjectError):
        use(project, ctx)


ANSWERS = tomllib.loads((GOLDEN / "rag" / "defaults" / ".cfpy" / "answers.toml").read_text())


@quick
@given(changed(ANSWERS))
def test_the_answers_that_a_project_keeps(project: Path, document: dict[str, Any]) -> None:
    (project / ".cfpy" / "answers.toml").write_text(tomlkit.dumps(document), "utf-8")
    with contextlib.suppress(CfpyError):
        record = read_answers(project)
        PatternStore().get(record.source)


RECORD = {"version": 1, "environments": {"": {"account_id": "a", "created": ["d1/shop-db"]}}}


@quick
@given(changed(RECORD))
def test_the_record(project: Path, document: dict[str, Any]) -> None:
    (project / RECORD_FILE).write_text(json.dumps(document, default=str), "utf-8")
    with contextlib.suppress(ProjectError):
        RecordStore(project).read()


PATTERN_TOML = tomllib.loads((BUILT_IN / "rag" / "pattern.toml").read_text())
COPIER_YML = yaml.safe_load((BUILT_IN / "rag" / "copier.yml").read_text())


@pytest.fixture
def pattern(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    (root / "template").mkdir(parents=True)
    return root


@quick
@given(changed(PATTERN_TOML), changed(COPIER_YML) | JUNK)
def test_the_files_of_a_pattern(pattern: Path, manifest: dict[str, Any], questions: Any) -> None:
    (pattern / "pattern.toml").write_text(tomlkit.dumps(manifest), "utf-8")
    (pattern / "copier.yml").write_text(yaml.safe_dump(questions, allow_unicode=True), "utf-8")
    with contextlib.suppress(PatternError):
        found = PatternStore().get(str(pattern))
        for question in found.questions:
            assert isinstance(question.name, str)


QUESTIONS = st.sampled_from([*COPIER_YML, "project_name", "description", "ci", "nothing"])


@settings(quick, max_examples=20)
@given(
    st.sampled_from(["rag", "pipeline", "fullstack"]),
    st.text(max_size=70) | st.just("shop"),
    st.dictionaries(QUESTIONS, JUNK, max_size=2),
)
def test_answers(
    tmp_path: Path, ctx: Context, kind: str, name: str, answers: dict[str, Any]
) -> None:
    asked = NewRequest(kind, name, tmp_path, answers, interactive=False, dry_run=True, git=False)
    with contextlib.suppress(CfpyError):
        made = new(ctx, asked)
        assert made.dry_run
    assert list(tmp_path.iterdir()) == []

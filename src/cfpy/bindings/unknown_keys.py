"""Finds keys of a configuration that wrangler does not know, those of ``cfpy.toml`` that cfpy does
not know, and those of ``pyproject.toml`` that are not in its standard: most are misspelt.

wrangler 4.164.0 skips them with a warning, ``Unexpected fields found in top-level field``
(``validateAdditionalProperties`` in its ``validation.ts``), so a misspelt binding is missed only
when the Worker needs it. The known keys are those of ``stances.py`` and of this module; a test
compares them with the config-schema.json of the pinned wrangler.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cfpy.bindings.finding import Finding
from cfpy.bindings.registry import KINDS
from cfpy.bindings.stances import BINDINGS, OTHERS
from cfpy.errors import ProjectError
from cfpy.project.config_text import locate, read
from cfpy.project.project import Project

TOP = frozenset(OTHERS) | {kind.outer for kind in KINDS}
#: Keys of the top level that an environment can't have.
TOP_ONLY = frozenset(
    {
        *("$schema", "addresses", "alias", "data_blobs", "dependencies_instrumentation", "dev"),
        *("env", "keep_vars", "pages_build_output_dir", "send_metrics", "site", "text_blobs"),
        "wasm_modules",
    }
)
#: The keys of tables that are no binding with keys of its own, by table.
TABLES: Mapping[str, frozenset[str]] = {
    "assets": frozenset(
        {
            *("base_path", "binding", "directory", "html_handling", "not_found_handling"),
            "run_worker_first",
        }
    ),
    "build": frozenset({"command", "cwd", "watch_dir"}),
    "durable_objects": frozenset({"bindings", "code_update_strategy"}),
    "limits": frozenset({"cpu_ms", "subrequests"}),
    "observability": frozenset(
        {"enabled", "head_sampling_rate", "issues", "logs", "redact_query_string", "traces"}
    ),
    "queues": frozenset({"consumers", "producers"}),
    "triggers": frozenset({"crons", "events"}),
}
# packaging.python.org/en/latest/specifications/pyproject-toml, with PEP 794.
_PROJECT = frozenset(
    {
        *("authors", "classifiers", "dependencies", "description", "dynamic", "entry-points"),
        *("gui-scripts", "import-names", "import-namespaces", "keywords", "license"),
        *("license-files", "maintainers", "name", "optional-dependencies", "readme"),
        *("requires-python", "scripts", "urls", "version"),
    }
)
_PYPROJECT = frozenset({"build-system", "dependency-groups", "project", "tool"})
_SCHEMA = Path(__file__).parents[1] / "project" / "cfpy.schema.json"
_Path = tuple[str | int, ...]


def unknown_keys(project: Project, environment: str = "") -> Iterator[Finding]:
    """A finding, with its line, for each unknown key of ``cfpy.toml``, of ``[project]`` in a
    Python Worker's ``pyproject.toml``, and of the top level and of ``environment`` of wrangler's
    configuration.

    Args:
        project: The project; its files are read again for the lines.
        environment: One of its environments; empty for the top level alone.
    """
    # A file that does not parse was edited in the meantime.
    with contextlib.suppress(ProjectError):
        if found := list(_unknown(project.wrangler, environment)):
            text, _ = read(project.config_path)
            yield from _findings(project.config_path, text, found, "wrangler")
    settings = project.root / "cfpy.toml"
    with contextlib.suppress(ProjectError):
        if settings.exists():
            text, data = read(settings)
            schema = json.loads(_SCHEMA.read_text("utf-8"))
            yield from _findings(settings, text, _in_schema(data, schema, ()), "cfpy")
    packages = project.root / "pyproject.toml"
    with contextlib.suppress(ProjectError):
        if project.is_python and packages.exists():
            text, data = read(packages)
            yield from _findings(packages, text, _in_pyproject(data), "uv")


def _findings(
    path: Path, text: str, found: Iterable[tuple[_Path, str]], reader: str
) -> Iterator[Finding]:
    for keys, near in found:
        line, _ = locate(path, text, keys)
        key = ".".join(str(part) for part in keys if isinstance(part, str))
        fix = f"Rename it to `{near}`." if near else "Correct the name, or remove it."
        where = f"{path.name}:{line}"
        yield Finding(False, f"{where}: `{key}` is an unknown key, which {reader} ignores", fix)


def warnings(project: Project, environment: str = "") -> tuple[str, ...]:
    """:func:`unknown_keys` as sentences."""
    return tuple(each.sentences for each in unknown_keys(project, environment))


def _in_schema(value: object, schema: Mapping[str, Any], at: _Path) -> Iterator[tuple[_Path, str]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _in_schema(item, schema.get("items", {}), (*at, number))
    known = schema.get("properties")
    if not isinstance(value, Mapping) or known is None:
        return
    yield from _in_table(value, at, frozenset(known))
    for key in sorted(known.keys() & value.keys()):
        yield from _in_schema(value[key], known[key], (*at, key))


def _in_pyproject(document: Mapping[str, Any]) -> Iterator[tuple[_Path, str]]:
    yield from _in_table(document, (), _PYPROJECT)
    table = document.get("project")
    if isinstance(table, Mapping):
        yield from _in_table(table, ("project",), _PROJECT)


def _unknown(config: Mapping[str, Any], environment: str) -> Iterator[tuple[_Path, str]]:
    """The paths of unknown keys, each with the known key that is nearest, or an empty string."""
    yield from _in_scope(config, (), TOP)
    environments = config.get("env")
    scope = environments.get(environment) if isinstance(environments, Mapping) else None
    if environment and isinstance(scope, Mapping):
        yield from _in_scope(scope, ("env", environment), TOP - TOP_ONLY)


def _in_scope(
    scope: Mapping[str, Any], at: _Path, known: frozenset[str]
) -> Iterator[tuple[_Path, str]]:
    yield from _in_table(scope, at, known)
    for name, keys in {**TABLES, **BINDINGS}.items():
        table, value = name.split("."), scope
        for part in table:
            value = value.get(part, {}) if isinstance(value, Mapping) else {}
        items: list[tuple[_Path, Any]] = [(tuple(table), value)]
        if isinstance(value, list):
            items = [((*table, number), item) for number, item in enumerate(value)]
        for place, item in items:
            if keys and isinstance(item, Mapping):
                yield from _in_table(item, (*at, *place), frozenset(keys))


def _in_table(
    table: Mapping[str, Any], at: _Path, known: frozenset[str]
) -> Iterator[tuple[_Path, str]]:
    for key in table:
        if key not in known:
            near = get_close_matches(key, sorted(known), n=1, cutoff=0.6)
            yield (*at, key), near[0] if near else ""

"""`cfpy dev` has a place for every key of the pinned wrangler's configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cfpy.bindings.kind import BindingKind, LocalStance
from cfpy.bindings.registry import KINDS
from cfpy.local.local_bindings import NO_BINDINGS, OLD_FORMAT
from cfpy.local.local_paths import NO_PATHS, PATHS, SOMETIMES_PATHS
from cfpy.tools.context import build_context

# Words of a description, or parts of a name, that speak of a file.
ABOUT_FILES = re.compile(r"(?i)\b(path|director(y|ies)|folder|file|dockerfile)s?\b")
NAMED_LIKE_FILES = re.compile(r"(?i)(^|_)(dir|path|file|dockerfile|cwd|bucket|entry-point)$")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    package = build_context(print).toolchain.directory / "node_modules" / "wrangler"
    document: dict[str, Any] = json.loads((package / "config-schema.json").read_text("utf-8"))
    return document


def texts(
    schema: Mapping[str, Any],
    node: Mapping[str, Any],
    path: str = "",
    about: str = "",
    within: frozenset[str] = frozenset(),
) -> Iterator[tuple[str, str]]:
    """Every place of a text: its path, `*` for items, and what the schema says about it."""
    while "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        # A definition that holds itself, such as that of any JSON.
        if name in within:
            return
        within |= {name}
        node = schema["definitions"][name]
    about = str(node.get("markdownDescription") or node.get("description") or about)
    for form in (*node.get("anyOf", ()), *node.get("allOf", ())):
        yield from texts(schema, form, path, about, within)
    types = node.get("type", ())
    if "string" in ([types] if isinstance(types, str) else types):
        yield path, about
    for inner in (node.get("items"), node.get("additionalProperties")):
        if isinstance(inner, Mapping):
            yield from texts(schema, inner, f"{path}.*", about, within)
    for key, inner in node.get("properties", {}).items():
        # Environments have the keys of the top level; previews are no local runs.
        if path or key not in ("env", "previews"):
            yield from texts(schema, inner, f"{path}.{key}".lstrip("."), "", within)


def test_every_key_is_a_binding_that_has_a_stance_or_none(schema: dict[str, Any]) -> None:
    tables = {kind.outer for kind in KINDS if kind.local}
    others = [key for keys in NO_BINDINGS.values() for key in keys.split()]
    assert len(others) == len(set(others))
    assert not tables & set(others)
    known = schema["definitions"]["RawConfig"]["properties"]
    assert set(known) == tables | set(others) | set(OLD_FORMAT)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.binding_key], ids=lambda kind: kind.table
)
def test_a_binding_is_named_by_its_key(schema: dict[str, Any], kind: BindingKind) -> None:
    found = {path for path, _ in texts(schema, schema["definitions"]["RawConfig"])}
    key = kind.binding_key
    assert {f"{kind.table}.{key}", f"{kind.table}.{key}.*", f"{kind.table}.*.{key}"} & found


def test_a_binding_that_fails_says_why_and_has_something_to_ask_for() -> None:
    for kind in KINDS:
        if local := kind.local:
            assert bool(local.why and local.members) is (local.stance is LocalStance.FAILS)


def test_every_path_is_known(schema: dict[str, Any]) -> None:
    found = dict(texts(schema, schema["definitions"]["RawConfig"]))
    about_files = {
        path
        for path, about in found.items()
        if NAMED_LIKE_FILES.search(path.removesuffix(".*").rpartition(".")[2])
        or ABOUT_FILES.search(about)
    }
    placed = {*PATHS, *SOMETIMES_PATHS}
    left = {path for path in about_files - placed if not _none(path)}
    assert left == set()
    assert placed <= set(found)


def _none(path: str) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:count]) in NO_PATHS for count in range(1, len(parts) + 1))

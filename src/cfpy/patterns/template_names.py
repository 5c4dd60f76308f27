"""Finds the variables that the templates of a pattern use, without rendering them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, meta, nodes
from jinja2.defaults import DEFAULT_NAMESPACE

from cfpy.errors import PatternError
from cfpy.patterns.findings import Use
from cfpy.patterns.pattern import Layer, Pattern

_SUFFIX = ".jinja"
# Copier's own tag, which names a loop variable like `for`:
# copier.readthedocs.io/en/stable/configuring/#generating-a-directory-structure
_YIELD = re.compile(r"\{%-?\s*yield\s+(.+?)\s+from\s+(.+?)\s*-?%\}")
_DELIMITERS = re.compile(r"(block|variable|comment)_(start|end)_string|line_\w+_prefix")


class _Everything(dict[str, Any]):
    """Accepts filters and tests of any name: copier and extensions define them when rendering."""

    def get(self, _key: str, _default: Any = None) -> Any:
        return str


def used_variables(pattern: Pattern) -> list[Use]:
    """Every use of a variable in the files, file names and questions of all layers.

    Raises:
        PatternError: A template does not parse.
    """
    options = {
        key: value
        for key, value in (pattern.config.get("_envops") or {}).items()
        if _DELIMITERS.fullmatch(key)
    }
    # Nothing is rendered, so escaping and filters do not matter.
    environment = Environment(**options)  # noqa: S701
    environment.filters = environment.tests = _Everything()
    return [use for layer in pattern.layers for use in _of_layer(layer, pattern, environment)]


def _of_layer(layer: Layer, pattern: Pattern, environment: Environment) -> Iterator[Use]:
    yield from _of_value(layer.config, layer.root / "copier.yml", environment)
    suffix = str(pattern.config.get("_templates_suffix") or _SUFFIX)
    subdirectory = pattern.config.get("_subdirectory") or ""
    top = layer.root / ("template" if not pattern.foreign else str(subdirectory))
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top).as_posix()
        if "{" in path.name:
            yield from _of_text(path.name, path, environment)
        if path.is_file() and name.endswith(suffix):
            yield from _of_text(path.read_text("utf-8"), path, environment)


def _of_value(value: Any, file: Path, environment: Environment) -> Iterator[Use]:
    """Uses in the strings of a configuration: defaults, conditions, validators."""
    if isinstance(value, str):
        yield from _of_text(value, file, environment)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _of_value(item, file, environment)
    elif isinstance(value, list):
        for item in value:
            yield from _of_value(item, file, environment)


def _of_text(text: str, file: Path, environment: Environment) -> Iterator[Use]:
    text = _YIELD.sub(r"{% for \1 in \2 %}", text).replace("endyield", "endfor")
    try:
        tree = environment.parse(text)
    except TemplateSyntaxError as error:
        raise PatternError(
            error.message or "does not parse", path=file, line=error.lineno
        ) from error
    wanted = meta.find_undeclared_variables(tree) - set(DEFAULT_NAMESPACE)
    for node in tree.find_all(nodes.Name):
        if node.name in wanted:
            wanted.remove(node.name)
            yield Use(node.name, str(file), node.lineno)

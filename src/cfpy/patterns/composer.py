"""Merges the layers of a pattern into one template for copier.

The result is a directory with

- ``copier.yml``, the questions and settings of all layers; - ``template/``, their files; the upper
layer's if two have the same file; - ``<layer>/`` for each layer but the uppermost: its own files,
even if another layer replaces them. A file
  that replaces another can thus fill its blocks: ``{% extends "base/pyproject.toml.jinja" %}``.

``wrangler.toml`` and ``cfpy.toml`` do not replace those below: the content of an upper layer's file
is merged into that of the lower one, once both are rendered (:func:`merge_layers`). Until then, the
upper ones are in ``template/.cfpy-layers/``.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path, PurePosixPath

import yaml

from cfpy.errors import PatternError
from cfpy.patterns.pattern import Layer, Pattern
from cfpy.project.edits import NoPlaceError
from cfpy.project.toml_overlay import lay_over

_SUFFIX = ".jinja"
_MERGED = ("wrangler.toml", "cfpy.toml")
_LAYERS = ".cfpy-layers"
_EXTENDS = re.compile(r"\s*\{%-?\s*extends\b")
_IGNORED = ("__pycache__", "*.py[co]")


def compose(pattern: Pattern, into: Path) -> None:
    """Write the template of ``pattern`` into the existing, empty directory ``into``.

    Raises:
        PatternError: A layer removes a file that no layer below it has.
        OSError: Writing failed.
    """
    sources = {layer.name: _files(layer) for layer in pattern.layers}
    for name, layers in layered_files(pattern).items():
        lowest, *over = _merged(name, layers) if name in _MERGED else layers[-1:]
        _copy(sources[lowest.name][name], name, into / "template")
        for layer in over:
            _copy(sources[layer.name][name], name, into / "template" / _LAYERS / layer.name)
    for layer in pattern.layers[:-1]:
        shutil.copytree(
            layer.root / "template", into / layer.name, ignore=shutil.ignore_patterns(*_IGNORED)
        )
    config = yaml.safe_dump(pattern.config, allow_unicode=True, sort_keys=False)
    (into / "copier.yml").write_text(config, "utf-8")


def merge_layers(pattern: Pattern, tree: Path) -> None:
    """Merge the files that were rendered for several layers.

    Args:
        pattern: What was composed.
        tree: The rendered files; ``.cfpy-layers/`` in it is deleted.

    Raises:
        PatternError: A layer's file is not TOML, or can't be merged into the one below.
        OSError: Writing failed.
    """
    layers = tree / _LAYERS
    for layer in pattern.layers:
        for name in _MERGED:
            upper = layers / layer.name / name
            if not upper.is_file():
                continue
            if (tree / name).is_file():
                _lay_over(tree / name, upper, layer)
            else:  # With these answers, the lower one is not rendered.
                upper.rename(tree / name)
    if layers.is_dir():
        shutil.rmtree(layers)


def _lay_over(target: Path, upper: Path, layer: Layer) -> None:
    source = _files(layer)[target.name]
    try:
        merged = lay_over(target.read_text("utf-8"), upper.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PatternError(f"it does not render to valid TOML: {error}", path=source) from error
    except NoPlaceError as error:
        raise PatternError(
            f"can't be merged into the {target.name} below it: {error}",
            path=source,
            hint=f'Write the whole file, and list "{target.name}" in `removes`.',
        ) from error
    target.write_text(merged, "utf-8")


def layered_files(pattern: Pattern) -> dict[str, tuple[Layer, ...]]:
    """The files of a pattern, each with the layers that have it; the last layer's is used.

    Raises:
        PatternError: A layer removes a file that no layer below it has.
    """
    files: dict[str, tuple[Layer, ...]] = {}
    for layer in pattern.layers:
        for name in layer.manifest.removes:
            if files.pop(name, None) is None:
                raise PatternError(
                    f"{layer.root / 'pattern.toml'}: removes {name!r}, which is in no pattern "
                    "below it"
                )
        for name in _files(layer):
            files[name] = (*files.get(name, ()), layer)
    return files


def origin(pattern: Pattern, composed: PurePosixPath) -> Path:
    """The author's file for one that :func:`compose` wrote; for messages.

    Args:
        pattern: What was composed.
        composed: The path in the composed directory.
    """
    first, *rest = composed.parts
    for layer in pattern.layers:
        if layer.name == first:
            return layer.root.joinpath("template", *rest)
    for layer in reversed(pattern.layers):
        if (candidate := layer.root.joinpath(*composed.parts)).exists():
            return candidate
    return Path(composed)


def _files(layer: Layer) -> dict[str, Path]:
    """The files of a layer by their rendered name."""
    root = layer.root / "template"
    return {
        path.relative_to(root).as_posix().removesuffix(_SUFFIX): path
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.suffix not in (".pyc", ".pyo")
    }


def _merged(name: str, layers: tuple[Layer, ...]) -> list[Layer]:
    """The layers whose files are merged, the lowest first. A file that fills the blocks of another
    one replaces it."""
    found: list[Layer] = []
    for layer in layers:
        if found and _EXTENDS.match(_files(layer)[name].read_text("utf-8")):
            found.pop()
        found.append(layer)
    return found


def _copy(source: Path, name: str, into: Path) -> None:
    target = into / (f"{name}{_SUFFIX}" if source.suffix == _SUFFIX else name)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    shutil.copymode(source, target)

"""Lays the layers of a pattern over each other: one template, as copier wants it.

What comes out is a directory with

- ``copier.yml``, the questions and settings of all layers;
- ``template/``, their files; where two have the same, the upper one's;
- ``<layer>/`` for each layer but the uppermost: its own files, whatever lies over them. A file
  that replaces another can so fill its blocks: ``{% extends "base/pyproject.toml.jinja" %}``.
"""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

import yaml

from cfpy.domain.pattern import Layer, Pattern
from cfpy.errors import PatternError

_SUFFIX = ".jinja"
_IGNORED = ("__pycache__", "*.py[co]")


def compose(pattern: Pattern, into: Path) -> None:
    """Write the template of ``pattern`` into the existing, empty directory ``into``.

    Raises:
        PatternError: A layer removes a file that no layer below it has.
        OSError: The disk refused.
    """
    for name, layers in layered_files(pattern).items():
        source = _files(layers[-1])[name]
        suffix = _SUFFIX if source.suffix == _SUFFIX else ""
        _copy(source, into / "template" / f"{name}{suffix}")
    for layer in pattern.layers[:-1]:
        shutil.copytree(
            layer.root / "template", into / layer.name, ignore=shutil.ignore_patterns(*_IGNORED)
        )
    config = yaml.safe_dump(pattern.config, allow_unicode=True, sort_keys=False)
    (into / "copier.yml").write_text(config, "utf-8")


def layered_files(pattern: Pattern) -> dict[str, tuple[Layer, ...]]:
    """The files of a pattern, each with the layers that have it; the last one's is taken.

    Raises:
        PatternError: A layer removes a file that no layer below it has.
    """
    files: dict[str, tuple[Layer, ...]] = {}
    for layer in pattern.layers:
        for name in layer.manifest.removes:
            if files.pop(name, None) is None:
                raise PatternError(
                    f"{layer.root / 'pattern.toml'}: removes {name!r}, which no pattern below has"
                )
        for name in _files(layer):
            files[name] = (*files.get(name, ()), layer)
    return files


def origin(pattern: Pattern, composed: PurePosixPath) -> Path:
    """The file that an author wrote, of one that :func:`compose` did; for messages.

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
    """The files of a layer by the name that they are rendered to."""
    root = layer.root / "template"
    return {
        path.relative_to(root).as_posix().removesuffix(_SUFFIX): path
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.suffix not in (".pyc", ".pyo")
    }


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    shutil.copymode(source, target)

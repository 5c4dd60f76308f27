"""Reads ``copier.yml`` like copier: several documents, and included files.

It does not use copier for that: importing copier takes longer than everything else that is needed
to find a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from cfpy.errors import PatternError
from cfpy.patterns.copier_format import OPTIONS, SETTINGS, UNSUPPORTED

# Settings whose values are concatenated over several documents; for others, the last one counts.
_ADDED = ("_exclude", "_jinja_extensions", "_secret_questions", "_skip_if_exists")


def config_file(root: Path) -> Path | None:
    """The ``copier.yml`` of a template, or with another ending; ``None`` if there is none.

    Raises:
        PatternError: There are several.
    """
    found = [path for path in sorted(root.glob("copier.*")) if path.is_file()]
    found = [path for path in found if re.fullmatch(r"\.ya?ml", path.suffix, re.IGNORECASE)]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise PatternError(f"{root} has {names}", hint="Keep one of them and delete the others.")
    return found[0] if found else None


def read_config(path: Path) -> dict[str, Any]:
    """The questions and settings of a ``copier.yml``.

    Settings that only hold a YAML anchor for other keys are left out.

    Raises:
        PatternError: It does not parse, is not a mapping, or includes a file outside the template.
    """
    try:
        text = path.read_text("utf-8")
        texts = [text]
        loader = _loader(path.parent.resolve(), texts)
        documents = list(_flat(yaml.load_all(text, Loader=loader)))
        holders = {name for text in texts for name in _anchor_holders(text)}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        said = error.problem or "does not parse"
        raise PatternError(said, path=path, line=line, column=column) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PatternError(f"can't be read: {error}", path=path) from error
    except RecursionError:
        raise PatternError("includes itself", path=path) from None
    merged: dict[str, Any] = {}
    for document in documents:
        if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
            raise PatternError("is not a mapping of questions", path=path)
        for key, value in document.items():
            added = key in _ADDED and isinstance(value, list) and isinstance(merged.get(key), list)
            merged[key] = [*merged[key], *value] if added else value
    holders -= SETTINGS | UNSUPPORTED.keys() | OPTIONS
    return {key: value for key, value in merged.items() if key not in holders}


def _loader(root: Path, texts: list[str]) -> type[yaml.SafeLoader]:
    """A loader for a template; it appends the texts that it reads to ``texts``."""

    class Loader(yaml.SafeLoader):
        """A loader with ``!include`` for files of this template."""

    def include(loader: yaml.SafeLoader, node: yaml.Node) -> list[Any]:
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "!include needs the name of a file", node.start_mark
            )
        wanted = loader.construct_scalar(node)
        if PurePosixPath(wanted).is_absolute() or ".." in PurePosixPath(wanted).parts:
            raise yaml.constructor.ConstructorError(
                None, None, f"!include {wanted}: not a file of this template", node.start_mark
            )
        found = [file for file in sorted(root.glob(wanted)) if file.is_file()]
        documents: list[Any] = []
        for file in found:
            if not file.is_symlink():
                texts.append(file.read_text("utf-8"))
                documents += _flat(yaml.load_all(texts[-1], Loader=Loader))
        return documents

    Loader.add_constructor("!include", include)
    return Loader


def _flat(documents: Any) -> Iterator[Any]:
    """The documents that are not empty; an included file is a list of documents."""
    for document in documents:
        if isinstance(document, list):
            yield from _flat(document)
        elif document:
            yield document


def _anchor_holders(text: str) -> set[str]:
    """Keys that begin with ``_`` and define an anchor that is used elsewhere: ``_sizes: &sizes``.

    Copier ignores them, as intended.
    """
    anchors: dict[str, str] = {}
    used: set[str] = set()
    depth, key, is_key = 0, "", True
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.events.AliasEvent):
            used.add(anchors.get(str(event.anchor), ""))
        elif isinstance(event, yaml.events.NodeEvent) and event.anchor is not None and depth:
            anchors[str(event.anchor)] = key
        ends = isinstance(event, yaml.events.CollectionEndEvent)
        depth -= ends
        if depth == 1 and isinstance(event, yaml.events.NodeEvent | yaml.events.CollectionEndEvent):
            if is_key and isinstance(event, yaml.events.ScalarEvent):
                key = event.value
            if not isinstance(event, yaml.events.CollectionStartEvent):
                is_key = not is_key
        depth += isinstance(event, yaml.events.CollectionStartEvent)
        if depth == 1 and isinstance(event, yaml.events.MappingStartEvent):
            is_key = True
    return {name for name in used if name.startswith("_")}

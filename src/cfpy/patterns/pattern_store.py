"""Finds patterns and loads their descriptions."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfpy.errors import PatternError
from cfpy.patterns.manifest import EXTENDS, Manifest, parse_manifest
from cfpy.patterns.pattern import Layer, Origin, Pattern
from cfpy.patterns.pattern_files import digest, pattern_files
from cfpy.patterns.repositories import Repositories
from cfpy.patterns.source import GitSource, NamedSource, PathSource, parse_source
from cfpy.project.names import did_you_mean
from cfpy.project.toml_position import locate, parse_toml

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: The entry-point group of packages with patterns.
ENTRY_POINTS = "cfpy.patterns"
BUILT_IN = Path(__file__).parent.parent / "templates"


class PatternStore:
    """Patterns by name, path and git address.

    Args:
        root: The patterns that ship with cfpy, one directory each.
        repositories: Fetches others; ``None`` if not needed.
    """

    def __init__(self, root: Path = BUILT_IN, repositories: Repositories | None = None) -> None:
        self._root = root
        self._repositories = repositories

    def all(self) -> list[Pattern]:
        """All patterns of cfpy and of installed packages from which a project can be created, by
        name."""
        loaded = [*(self._load(name) for name in self._directories()), *self._installed()]
        named = {pattern.name: pattern for pattern in reversed(loaded)}
        return [named[name] for name in sorted(named) if not named[name].manifest.abstract]

    def names(self) -> list[str]:
        """Their names, sorted."""
        return [pattern.name for pattern in self.all()]

    def get(self, source: str, ref: str = "") -> Pattern:
        """Load a pattern.

        Args:
            source: As :func:`cfpy.patterns.source.parse_source` takes it.
            ref: The tag, branch or commit to use if ``source`` is a git repository and names none.

        Raises:
            PatternError: There is none, or its files are not valid.
            ToolNotFoundError: It is in a git repository, and git is not installed.
        """
        match parse_source(source):
            case PathSource(path):
                if not path.is_dir():
                    raise PatternError(f"there is no directory {path}")
                root = path.resolve()
                return self._external(root, root.name, str(root), digest(root))
            case GitSource() as wanted:
                assert self._repositories is not None
                wanted = replace(wanted, ref=wanted.ref or ref)
                commit = self._repositories.commit(wanted)
                root = self._repositories.export(wanted, commit)
                for _ in pattern_files(root):
                    pass  # The walk refuses links and the like; for other sources, the digest does.
                name = Path(wanted.directory or wanted.url.removesuffix(".git")).name
                address = wanted.url + (f"#{wanted.directory}" if wanted.directory else "")
                return self._external(root, name, address, commit)
            case NamedSource(name):
                return self._named(name)

    def extendable(
        self, name: str, above: tuple[Path, ...] = (), by: str = "--extends names"
    ) -> Pattern:
        """The pattern called ``name``, which may be abstract.

        Args:
            name: One of cfpy's own, or of an installed package.
            above: The patterns above it, which can't also be below it.
            by: What refers to it, for the message.

        Raises:
            PatternError: There is none.
        """
        if name in self._directories():
            return self._load(name)
        installed = next(self._installed(above, name), None)
        if installed is None:
            known = [*self._directories(), *(point.name for point, _ in _entry_points())]
            raise PatternError(
                f"{by} {name!r}, which does not exist",
                hint=did_you_mean(name, known) or f"Patterns: {', '.join(known)}.",
            )
        return installed

    def package(self, name: str) -> str:
        """The distribution with the pattern ``name``; empty if there is none."""
        points = (point for point, _ in _entry_points() if point.name == name)
        return next((point.dist.name for point in points if point.dist), "")

    def _named(self, name: str) -> Pattern:
        own = [self._load(name)] if name in self._directories() else []
        # Lazily: for one of cfpy's own patterns, no package is searched.
        for pattern in chain(own, self._installed(only=name)):
            if not pattern.manifest.abstract:
                return pattern
        known = self.names()
        raise PatternError(
            f"there is no pattern {name!r}",
            hint=did_you_mean(name, known) or f"Patterns: {', '.join(known)}.",
        )

    def _installed(self, above: tuple[Path, ...] = (), only: str = "") -> Iterator[Pattern]:
        """Patterns of installed packages: an entry point ``name = package.directory``.

        The package is not imported: a pattern is data. Patterns in ``above``, which extend the
        wanted one, are left out: they can't be below themselves. With ``only``, no other pattern is
        read, so that a broken one does not matter.
        """
        for point, root in _entry_points():
            if root is not None and root not in above and only in ("", point.name):
                version = point.dist.version if point.dist else ""
                pin = f"{version} {digest(root)}"
                yield self._external(root, point.name, point.name, pin, above)

    def _external(
        self, root: Path, name: str, source: str, pin: str, above: tuple[Path, ...] = ()
    ) -> Pattern:
        """A pattern from outside cfpy, or a plain copier template."""
        origin = Origin(source, pin)
        if (root / "pattern.toml").is_file():
            top = replace(load_layer(root), name=name)
            below = self._below(top, (*above, root)) if top.manifest.extends else ()
            return Pattern((*below, top), origin)
        from cfpy.patterns.copier_config import config_file

        config = config_file(root)
        if config is None:
            raise PatternError(
                f"{source} has neither a pattern.toml nor a copier.yml",
                hint="Name the directory that has one of them."
                if Path(source).is_dir()
                else "Name the directory of the pattern: gh:owner/repository#directory",
            )
        manifest = parse_manifest({"title": name, "summary": name, "version": "0"}, config)
        return Pattern((Layer(name, root, manifest, _read_yaml(config)),), origin, foreign=True)

    def _below(self, layer: Layer, above: tuple[Path, ...]) -> tuple[Layer, ...]:
        """The layers that a layer extends, the lowest first, each in a version that it accepts."""
        match = EXTENDS.fullmatch(layer.manifest.extends)
        assert match is not None
        name, versions = match.groups()
        found = self.extendable(name, above, by=f"the pattern {layer.name!r} extends")
        version = found.manifest.version
        if versions and not _accepts(versions, version, layer):
            raise PatternError(
                f"the pattern {layer.name!r} extends {name} {versions}, but {version} is installed",
                hint="Install a version that it accepts, or ask its author for an update.",
            )
        return found.layers

    def _directories(self) -> list[str]:
        return sorted(path.parent.name for path in self._root.glob("*/pattern.toml"))

    def _load(self, name: str) -> Pattern:
        """One of cfpy's own patterns, with all patterns that it extends."""
        layers: list[Layer] = []
        while name:
            if any(layer.name == name for layer in layers):
                raise PatternError(f"the pattern {name!r} extends itself")
            if name not in self._directories():
                raise PatternError(
                    f"the pattern {layers[0].name!r} extends {name!r}, which does not exist"
                )
            layers.insert(0, load_layer(self._root / name))
            name = layers[0].manifest.extends
        return Pattern(tuple(layers))


def _entry_points() -> Iterator[tuple[EntryPoint, Path | None]]:
    from importlib.metadata import (
        entry_points,
    )  # slow to load; only for commands that need a pattern

    for point in entry_points(group=ENTRY_POINTS):
        yield point, _directory(point)


def _directory(point: EntryPoint) -> Path | None:
    """The directory of an entry point's package."""
    parts = point.module.split(".")
    if point.dist is not None:
        installed = Path(str(point.dist.locate_file("/".join(parts))))
        if installed.is_dir():
            return installed.resolve()
    # For an editable installation: finding a top-level package does not run its code.
    spec = importlib.util.find_spec(parts[0])
    for place in (spec.submodule_search_locations if spec else None) or ():
        if (found := Path(place).joinpath(*parts[1:])).is_dir():
            return found.resolve()
    return None


def _accepts(versions: str, version: str, layer: Layer) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return version in SpecifierSet(versions, prereleases=True)
    except InvalidSpecifier as error:
        raise PatternError(f"extends: {error}", path=layer.root / "pattern.toml") from error


def load_layer(root: Path) -> Layer:
    """Load the layer in the directory ``root``, without those that it extends.

    Raises:
        PatternError: A file is missing or does not parse.
    """
    manifest = root / "pattern.toml"
    config = root / "copier.yml"
    return Layer(
        name=root.name,
        root=root,
        manifest=_read_manifest(manifest),
        config=_read_yaml(config) if config.is_file() else {},
    )


def _read_manifest(path: Path) -> Manifest:
    text, data = parse_toml(path, PatternError)
    return parse_manifest(data, path, lambda keys: locate(text, keys))


def _read_yaml(path: Path) -> dict[str, Any]:
    from cfpy.patterns.copier_config import (
        read_config,
    )  # slow to load, and not every command needs it

    return read_config(path)

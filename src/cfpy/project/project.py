"""A Worker project as its files describe it: the configuration and ``cfpy.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from cfpy.errors import ProjectError
from cfpy.project.data_location import DataLocation, tables_in
from cfpy.project.masks import Mask
from cfpy.project.secret import Secret, parse_secret

#: Without this compatibility flag, workerd runs no Python.
PYTHON_FLAG = "python_workers"
#: What is wrong without it, and the fix.
FLAG_MISSING = f"a Python Worker needs the compatibility flag {PYTHON_FLAG}"
FLAG_FIX = f'Add "{PYTHON_FLAG}" to compatibility_flags.'
#: From this compatibility date on, a Python Worker runs Python 3.14 unless it opts out; before,
#: 3.13 (flag dates in workerd's compatibility-date.capnp; workers-py's metadata.py).
PYTHON_314_SINCE = date(2026, 9, 8)
#: The same for 3.13; before, 3.12.
PYTHON_313_SINCE = date(2025, 9, 29)
#: The flag by which a Worker stays with Python 3.12.
OPTED_OUT_OF_313 = "no_python_workers_20250116"
# The flags that choose a Python, and those that turn its date off; the newest first. workerd knows
# all of them, workers-py only those with a release of its own.
_PYTHONS = (
    ("3.14", ("python_workers_314", "python_workers_20260610"), PYTHON_314_SINCE),
    ("3.13", ("python_workers_20250116",), PYTHON_313_SINCE),
)


@dataclass(frozen=True)
class MetadataIndex:
    """A Vectorize metadata index: only an indexed property can be filtered on."""

    property: str
    type: str


@dataclass(frozen=True)
class VectorizeIndex:
    """The properties of a Vectorize index, for which the configuration has no keys. ``dimensions``
    counts floats; it is 0 if ``cfpy.toml`` does not describe the index, which is then used as it
    is."""

    index_name: str
    dimensions: int = 0
    metric: str = ""
    metadata_indexes: tuple[MetadataIndex, ...] = ()

    @property
    def described(self) -> bool:
        return self.dimensions > 0


@dataclass(frozen=True)
class R2Settings:
    """Rules of a bucket, in the format of the API: developers.cloudflare.com/api/resources/r2.
    Empty if cfpy.toml has none; then the bucket's rules stay as they are."""

    bucket_name: str
    cors: tuple[Mapping[str, Any], ...] = ()
    lifecycle: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Project:
    """A project directory and its parsed configuration.

    ``wrangler`` is the document as wrangler would read it, from ``config_name`` in ``root``;
    ``vectorize``, ``secrets``, ``r2``, ``locations`` (by kind and name) and ``masks`` come from
    ``cfpy.toml``.
    """

    root: Path
    wrangler: Mapping[str, Any]
    vectorize: tuple[VectorizeIndex, ...]
    secrets: tuple[Secret, ...] = ()
    r2: tuple[R2Settings, ...] = ()
    locations: Mapping[tuple[str, str], DataLocation] = field(default_factory=dict)
    config_name: str = "wrangler.toml"
    masks: tuple[Mask, ...] = ()

    @property
    def config_path(self) -> Path:
        return self.root / self.config_name

    @property
    def entry(self) -> Path:
        """The Worker's main module, absolute.

        Raises:
            ProjectError: ``main`` is missing or does not name a file.
        """
        main = self.wrangler.get("main")
        if not isinstance(main, str):
            raise ProjectError("`main` is missing", path=self.config_path)
        entry = self.root / main
        if not entry.is_file():
            raise ProjectError(f"`main` names {main}, which does not exist", path=self.config_path)
        return entry

    @property
    def is_python(self) -> bool:
        return str(self.wrangler.get("main", "")).endswith(".py")

    @property
    def python_version(self) -> str:
        """``"3.14"``, ``"3.13"`` or ``"3.12"``: the version that workerd runs for the compatibility
        date and flags."""
        flags = self.wrangler.get("compatibility_flags") or []
        for version, names, _ in _PYTHONS:
            if any(name in flags for name in names):
                return version
        for version, names, since in _PYTHONS:
            if f"no_{names[0]}" not in flags and self._compatibility_date() >= since:
                return version
        return "3.12"

    def vectorize_index(self, index_name: str) -> VectorizeIndex:
        """The description of ``index_name`` in ``cfpy.toml``; with 0 dimensions if there is
        none."""
        for index in self.vectorize:
            if index.index_name == index_name:
                return index
        return VectorizeIndex(index_name)

    def data_location(self, kind: str, name: str) -> DataLocation:
        """Where a resource keeps its data, as set in ``cfpy.toml``."""
        return self.locations.get((kind, name), DataLocation())

    def _compatibility_date(self) -> date:
        value = self.wrangler.get("compatibility_date")
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise ProjectError(
                f"`compatibility_date` is {value!r}, not a date like 2026-11-17",
                path=self.config_path,
            ) from None


def parse_vectorize(data: Mapping[str, Any], path: Path) -> tuple[VectorizeIndex, ...]:
    """Read the ``[[vectorize]]`` tables of a parsed ``cfpy.toml``.

    Raises:
        ProjectError: A table has a missing key, or one of the wrong type.
    """
    return tuple(_parse_index(table, path) for table in tables_in(data, "vectorize", path))


def parse_secrets(data: Mapping[str, Any], path: Path) -> tuple[Secret, ...]:
    """Read the ``[[secrets]]`` tables of a parsed ``cfpy.toml``.

    Raises:
        ProjectError: As :func:`cfpy.project.secret.parse_secret`.
    """
    return tuple(parse_secret(table, path) for table in tables_in(data, "secrets", path))


def parse_r2(data: Mapping[str, Any], path: Path) -> tuple[R2Settings, ...]:
    """Read the ``[[r2]]`` tables of a parsed ``cfpy.toml``.

    Raises:
        ProjectError: A table has a missing or unknown key, or one of the wrong type.
    """
    settings = []
    for table in tables_in(data, "r2", path):
        name = table.get("bucket_name")
        if not isinstance(name, str) or not name:
            raise ProjectError("an [[r2]] table has no `bucket_name`", path=path)
        _known(table, {"bucket_name", "cors", "lifecycle", "location"}, "[[r2]]", path)
        cors = tuple(_cors_rule(item, path) for item in tables_in(table, "cors", path))
        lifecycle = tuple(
            _lifecycle_rule(item, path) for item in tables_in(table, "lifecycle", path)
        )
        settings.append(R2Settings(name, cors, lifecycle))
    return tuple(settings)


def _cors_rule(table: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    where = "[[r2.cors]]"
    _known(
        table, {"origins", "methods", "headers", "expose_headers", "max_age_seconds"}, where, path
    )
    lists = {key: table.get(key, []) for key in ("origins", "methods", "headers", "expose_headers")}
    for key, value in lists.items():
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ProjectError(f"`{key}` of {where} is not a list of strings", path=path)
    if not lists["origins"] or not lists["methods"]:
        raise ProjectError(f"{where} needs `origins` and `methods`", path=path)
    exposed = lists.pop("expose_headers")
    rule: dict[str, Any] = {"allowed": {key: value for key, value in lists.items() if value}}
    if exposed:
        rule["exposeHeaders"] = exposed
    if "max_age_seconds" in table:
        rule["maxAgeSeconds"] = _whole(table, "max_age_seconds", where, path)
    return rule


def _lifecycle_rule(table: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    where = "[[r2.lifecycle]]"
    _known(table, {"id", "prefix", "delete_after_days"}, where, path)
    name, prefix = table.get("id"), table.get("prefix", "")
    if not isinstance(name, str) or not name or not isinstance(prefix, str):
        raise ProjectError(f"{where} needs an `id`, and a `prefix` that is a string", path=path)
    seconds = _whole(table, "delete_after_days", where, path) * 86_400
    return {
        "id": name,
        "enabled": True,
        "conditions": {"prefix": prefix},
        "deleteObjectsTransition": {"condition": {"type": "Age", "maxAge": seconds}},
    }


def _whole(table: Mapping[str, Any], key: str, where: str, path: Path) -> int:
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ProjectError(f"`{key}` of {where} is not a positive whole number", path=path)
    return value


def _known(table: Mapping[str, Any], keys: set[str], where: str, path: Path) -> None:
    unknown = sorted(set(table) - keys)
    if unknown:
        raise ProjectError(
            f"{where} has the unknown key `{unknown[0]}`; use {', '.join(sorted(keys))}", path=path
        )


def _parse_index(table: Mapping[str, Any], path: Path) -> VectorizeIndex:
    name, dimensions = table.get("index_name"), table.get("dimensions")
    metric = table.get("metric", "cosine")
    if not isinstance(name, str):
        raise ProjectError("a [[vectorize]] table has no `index_name`", path=path)
    # developers.cloudflare.com/vectorize/platform/limits
    if type(dimensions) is not int or not 1 <= dimensions <= 1536:
        raise ProjectError(
            f"`dimensions` of {name!r} is not a whole number from 1 to 1536", path=path
        )
    if metric not in ("cosine", "euclidean", "dot-product"):
        raise ProjectError(
            f"`metric` of {name!r} is {metric!r}: use cosine, euclidean or dot-product", path=path
        )
    indexes = []
    for item in tables_in(table, "metadata_indexes", path):
        prop, kind = item.get("property"), item.get("type", "string")
        if not isinstance(prop, str) or kind not in ("string", "number", "boolean"):
            raise ProjectError(
                f"a metadata index of {name!r} needs `property`, and `type` string, number or "
                "boolean",
                path=path,
            )
        indexes.append(MetadataIndex(prop, kind))
    return VectorizeIndex(name, dimensions, metric, tuple(indexes))

"""Derives the configuration of a local run from that of a deployment.

Workers AI and Vectorize have no local simulator, so their bindings are replaced by service bindings
to a second local Worker that stands in for them; everything else stays as it is in the project. The
derived configuration is written next to the state in ``.wrangler/``, never over the project's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfpy.bindings.kinds.d1 import D1
from cfpy.bindings.kinds.hyperdrive import HYPERDRIVE
from cfpy.bindings.kinds.kv import KV
from cfpy.bindings.kinds.vectorize import VECTORIZE
from cfpy.bindings.registry import BY_TABLE, bindings
from cfpy.errors import ProjectError
from cfpy.local.custom_build import with_own_build
from cfpy.local.local_bindings import OLD_FORMAT, SITE_BINDING
from cfpy.local.local_data import databases, namespaces
from cfpy.local.local_paths import relocate
from cfpy.local.own_names import LOCAL_SERVICES
from cfpy.project.migrations import migrations_of
from cfpy.project.project import Project

#: The folder of derived configurations, below the project.
DERIVED = Path(".wrangler", "cfpy")

#: The path where a local run shows the content of its bindings.
PAGE = "/__cfpy"

# Keys about routes and builds of a deployment: they have no meaning here, and with some of them a
# local run would ask for an account.
_DEPLOYMENT_KEYS = (
    "$schema",
    "account_id",
    "ai",
    "env",
    "logpush",
    "route",
    "routes",
    "streaming_tail_consumers",
    "tail_consumers",
    "vectorize",
)

# Tables about classes and sockets of the main module: those are in Python, and run only in workerd.
_CLASSES = ("migrations", "exports", "containers", "cloudchamber", "connect", "unsafe")
# The variable that gives wrangler a local database for a Hyperdrive binding.
_DATABASE_VARIABLE = "CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_"


@dataclass(frozen=True)
class LocalAI:
    """Where local embeddings and chat come from; empty strings mean the built-in stand-ins.

    ``timeout`` is how long an answer of ``base_url`` may take, in seconds; 0 means the default.
    """

    embeddings_url: str = ""
    embeddings_key: str = field(default="", repr=False)
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    chat_model: str = ""
    embed_model: str = ""
    timeout: int = 0

    @property
    def secrets(self) -> dict[str, str]:
        """The keys of the stand-ins, and the address that a key belongs to. They are never written
        to a file: two runs in the same project would overwrite each other's. They are variables of
        the process that also reads the project's own secrets, so their names begin with CFPY."""
        found = {
            "CFPY_EMBEDDINGS_URL": self.embeddings_url,
            "CFPY_EMBEDDINGS_KEY": self.embeddings_key,
            "CFPY_AI_API_KEY": self.api_key,
        }
        return {name: value for name, value in found.items() if value}


def worker_config(
    project: Project,
    main: Path,
    *,
    python: bool,
    without: Collection[str] = (),
    environment: str = "",
    stand_in: str = LOCAL_SERVICES,
) -> dict[str, Any]:
    """The wrangler configuration of the project's Worker for a local run.

    Args:
        project: The project.
        main: Main module to run: the project's own, or a shim that forwards to it.
        python: Whether workerd itself runs Python (then its flags and classes stay).
        without: Hyperdrive bindings without a local database: see :func:`left_out`.
        environment: The one of which ``project`` has the settings; empty for the top level.
        stand_in: The name of the Worker that stands in for Workers AI and Vectorize.
    """
    source = project.wrangler
    config = {key: value for key, value in source.items() if key not in _DEPLOYMENT_KEYS}
    config = relocate(with_own_build(config, project.root), project.root, project.root / DERIVED)
    config["main"] = str(main)
    if not python:
        config = _without_classes(project, config)
    if source.get("hyperdrive"):
        config["hyperdrive"] = [
            item for item in HYPERDRIVE.entries(source) if item.get("binding") not in without
        ]
    flags = list(source.get("compatibility_flags") or [])
    config["compatibility_flags"] = [f for f in flags if python or not _is_python_flag(f)]
    services = [*(source.get("services") or []), *_stand_ins(project, stand_in)]
    if services:
        config["services"] = services
    if source.get("d1_databases"):
        config["d1_databases"] = _local_databases(project, D1.entries(source), environment)
    if source.get("kv_namespaces"):
        config["kv_namespaces"] = _local_namespaces(KV.entries(source))
    assets = source.get("assets")
    if isinstance(assets, Mapping) and "directory" in assets:
        config["assets"] = {**assets, "directory": str(project.root / assets["directory"])}
        if not python and assets.get("run_worker_first") is not True:
            # Otherwise the assets of a single-page application would answer for the page of `cfpy
            # dev`.
            first = [*(assets.get("run_worker_first") or []), PAGE, f"{PAGE}/*"]
            config["assets"]["run_worker_first"] = first
    return config


def local_services_config(
    main: Path, date: str, ai: LocalAI, delay: float, *, name: str = LOCAL_SERVICES
) -> dict[str, Any]:
    """The wrangler configuration of the Worker that stands in for Workers AI and Vectorize, where a
    mutation of an index is visible after ``delay`` seconds; ``date`` is its compatibility date."""
    return {
        "name": name,
        "main": str(main),
        "compatibility_date": date,
        "durable_objects": {"bindings": [{"name": "STORE", "class_name": "VectorStore"}]},
        "migrations": [{"tag": "v1", "new_sqlite_classes": ["VectorStore"]}],
        "vars": {
            "AI_BASE_URL": ai.base_url,
            "AI_CHAT_MODEL": ai.chat_model,
            "AI_EMBED_MODEL": ai.embed_model,
            "AI_TIMEOUT": str(ai.timeout or ""),
            "VECTORIZE_DELAY": str(delay),
        },
        # Only the names: the values come from the environment of the process that reads this.
        "secrets": {"required": sorted(ai.secrets)},
    }


def _without_classes(project: Project, config: dict[str, Any]) -> dict[str, Any]:
    """``config`` for a shim in place of the Python module: without its classes, without the build
    (which runs separately), and without bindings that would fail."""
    for key in OLD_FORMAT:
        if config.get(key):
            raise ProjectError(
                f"[{key}] is for Workers without modules, and a Python Worker has modules",
                path=project.config_path,
                hint="Put the files next to the Worker's code and open them there.",
            )
    failing = {kind.outer for _, kind, _ in bindings(project.wrangler) if kind.fails}
    return {
        key: value
        for key, value in config.items()
        if key not in _CLASSES and key not in failing and key != "build"
    }


def left_out(
    project: Project,
    environment: Mapping[str, str],
    *,
    on_node: bool,
    names: Collection[str] = (),
) -> dict[str, str]:
    """Bindings that do not work in a local run, each with what you can do about it.

    Args:
        project: The project.
        environment: The variables of the process; some name a local database for wrangler.
        on_node: Whether Python runs outside workerd.
        names: The Workers that run on this machine.
    """
    source = project.wrangler
    missing = {
        str(item.get("binding")): f"set {_DATABASE_VARIABLE}{item.get('binding')}, or "
        "localConnectionString in the configuration"
        for item in HYPERDRIVE.entries(source)
        if not item.get("localConnectionString")
        and f"{_DATABASE_VARIABLE}{item.get('binding')}" not in environment
    }
    missing |= {
        str(item.get("binding")): f"fails while the Worker {item.get('service')} does not run on "
        "this machine: start it in another terminal, or in this run with --with DIR"
        for item in BY_TABLE["services"].entries(source)
        if item.get("service") not in (source.get("name"), *names)
    }
    if on_node:
        missing |= {name: kind.fails for name, kind, _ in bindings(source) if kind.fails}
    return missing


def failing_bindings(project: Project, missing: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The replacements for bindings that the node runtime does not have: by name, the class, the
    reason, and the methods and properties that fail with this reason.

    Args:
        project: The project.
        missing: The result of :func:`left_out`.
    """
    failing = {}
    for name, kind, _ in bindings(project.wrangler):
        # A service that is not running answers with an error of its own.
        if name not in missing or kind.table == "services" or kind.local is None:
            continue
        failing[name] = {
            "kind": kind.js_class or "Object",
            "why": missing[name],
            "methods": list(kind.local.members),
            "properties": list(kind.local.properties),
        }
    return failing


def needs_local_services(project: Project) -> bool:
    """Whether the project binds Workers AI or Vectorize."""
    return bool(project.wrangler.get("ai") or project.wrangler.get("vectorize"))


def binding_kinds(project: Project) -> dict[str, str]:
    """The JavaScript class of each binding, by which the Workers SDK picks the Python wrapper."""
    kinds = {
        name: kind.js_class
        for name, kind, _ in bindings(project.wrangler)
        if kind.js_class and not kind.fails
    }
    if project.wrangler.get("site"):
        kinds[SITE_BINDING] = "KvNamespace"
    return kinds


def _stand_ins(project: Project, stand_in: str) -> list[dict[str, Any]]:
    services: list[dict[str, Any]] = []
    ai = project.wrangler.get("ai") or {}
    if ai.get("binding"):
        services.append({"binding": ai["binding"], "service": stand_in, "entrypoint": "LocalAI"})
    for item in VECTORIZE.entries(project.wrangler):
        index = project.vectorize_index(str(item.get("index_name")))
        services.append(
            {
                "binding": item.get("binding"),
                "service": stand_in,
                "entrypoint": "LocalVectorize",
                "props": {
                    "index": index.index_name,
                    # An index that cfpy.toml does not describe takes the dimensions of its first
                    # vector.
                    "dimensions": index.dimensions,
                    "metric": index.metric or "cosine",
                    "metadata_indexes": [
                        {"property": m.property, "type": m.type} for m in index.metadata_indexes
                    ],
                },
            }
        )
    return services


def _local_databases(
    project: Project, items: list[Mapping[str, Any]], environment: str
) -> list[dict[str, Any]]:
    """D1 tables with absolute paths of migrations, and the ids of their local data."""
    local: list[dict[str, Any]] = []
    for item, data in zip(items, databases(items, environment), strict=True):
        try:
            source = migrations_of(item)
        except ValueError as error:
            raise ProjectError(str(error), path=project.config_path) from None
        kept = {key: value for key, value in item.items() if key != "preview_database_id"}
        paths = {
            "migrations_dir": str(project.root / source.directory),
            "migrations_pattern": str(project.root / source.pattern),
        }
        local.append({**kept, "database_id": data.id, **paths})
    return local


def _local_namespaces(items: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """KV tables with the ids of their local data."""
    local: list[dict[str, Any]] = []
    for item, data in zip(items, namespaces(items), strict=True):
        kept = {key: value for key, value in item.items() if key != "preview_id"}
        local.append({**kept, "id": data.id})
    return local


def _is_python_flag(flag: object) -> bool:
    return str(flag).removeprefix("no_").startswith("python_")

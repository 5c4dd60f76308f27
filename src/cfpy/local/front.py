"""The Worker in front of the project's with ``--runtime workerd``, which shows the page of the run.

It runs in the same workerd, with bindings of its own to the same local data: a second process would
be a second writer on the same SQLite files. ``wrangler dev`` sends every request to its first
Worker, so this one passes them on, inside workerd.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from cfpy.bindings.registry import bindings
from cfpy.local.own_names import OwnNames
from cfpy.local.page_log import ADDRESS, KEY
from cfpy.project.project import Project

# What the page reads.
_TABLES = ("d1_databases", "kv_namespaces", "r2_buckets")
# The settings of ``wrangler dev`` that cfpy does not set.
_SETTINGS = ("inspector_ip", "inspector_port", "local_protocol", "upstream_protocol")
_SHOWN = (
    *("name", "vars", "analytics_engine_datasets", "queues", "d1_databases", "r2_buckets"),
    "triggers",
)


def front_config(
    project: Project,
    worker: Mapping[str, Any],
    main: Path,
    *,
    names: OwnNames,
    secrets: Collection[str],
    neurons: Mapping[str, Mapping[str, float]],
    host: str,
    more: Collection[str] = (),
) -> dict[str, Any]:
    """The wrangler configuration of the Worker in front.

    The settings of ``wrangler dev`` are those of its first Worker, which is this one. With a
    ``host``, wrangler would rewrite the address of the page, too: the Worker in front does it.

    Args:
        project: The project.
        worker: The derived configuration of its Worker.
        main: The module of the Worker in front.
        names: Those of this Worker and of the stand-in for Workers AI and Vectorize.
        secrets: The names of the Worker's secrets.
        neurons: What a million tokens of a model cost.
        host: Where the run listens: there is a page only on loopback.
        more: The names of more variables that its process has for it.
    """
    stand_ins = [each for each in worker.get("services", []) if each["service"] == names.services]
    services = [{"binding": "CFPY_WORKER", "service": worker["name"]}, *stand_ins]
    if stand_ins:
        services.append({"binding": "CFPY_LOCAL", "service": names.services})
    given = worker.get("dev") or {}
    settings = {key: given[key] for key in _SETTINGS if key in given}
    shown = {key: worker[key] for key in _SHOWN if key in worker}
    page = {
        "config": {**shown, "services": stand_ins},
        "secretNames": sorted(secrets),
        "kinds": {
            name: kind.js_class for name, kind, _ in bindings(project.wrangler) if kind.js_class
        },
        "neurons": neurons,
        "host": host,
        "upstream": str(given.get("host") or ""),
    }
    producers = worker.get("queues", {}).get("producers", [])
    return {
        "name": names.front,
        "main": str(main),
        "compatibility_date": worker["compatibility_date"],
        # For `scheduled()` of another Worker.
        "compatibility_flags": ["service_binding_extra_handlers"],
        "rules": [{"type": "Text", "globs": ["**/node/page/*"], "fallthrough": False}],
        **{key: worker[key] for key in _TABLES if key in worker},
        **({"dev": settings} if settings else {}),
        **({"queues": {"producers": producers}} if producers else {}),
        "services": services,
        "vars": {"CFPY_PAGE": page},
        # Only the names: the values come from the environment of the process that reads this.
        "secrets": {"required": [ADDRESS, KEY, *more]},
    }

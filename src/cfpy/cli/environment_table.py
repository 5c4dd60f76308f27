"""An environment's Worker and resources, as ``cfpy env add`` and ``cfpy env remove`` show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfpy.cli import draw

if TYPE_CHECKING:
    from collections.abc import Mapping


def environment_table(worker: str, tables: Mapping[str, Any]) -> draw.Table:
    """An environment's Worker and resources."""
    table = draw.table("Worker", worker)
    for title, names in _resources(worker, tables).items():
        for name in names:
            table.add_row(title, draw.Text(name))
    return table


def _resources(worker: str, tables: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names of an environment's resources, by kind."""
    from cfpy.account.desired import default_name
    from cfpy.bindings.registry import KINDS

    found: dict[str, dict[str, None]] = {}
    for kind in KINDS:
        if not kind.name_keys and not kind.owned:
            continue
        for item in kind.entries(tables):
            names = [str(item[key]) for key in kind.name_keys if item.get(key)]
            binding = item.get(kind.binding_key)
            if not names and kind.owned and binding:
                # A namespace of Workers KV has no name in the file, others may have none yet.
                names = [default_name(worker, str(binding))]
            found.setdefault(kind.label, {}).update(dict.fromkeys(names))
    return {label: list(found[label]) for label in sorted(found)}

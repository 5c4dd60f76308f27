"""Compares the bindings of a live version with the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfpy.bindings.registry import KINDS, OWNED

# The kinds whose target the API shows (developers.cloudflare.com/api, Workers scripts, settings).
_SHOWN = tuple(kind for kind in KINDS if kind.api_type)
_TARGETS = {kind.api_type: kind.api_keys for kind in _SHOWN}

# developers.cloudflare.com/workers/configuration/compatibility-dates
_OLDEST_COMPATIBILITY_DATE = "2021-11-02"


def is_stub(version: Mapping[str, Any]) -> bool:
    """Whether a version from the API is the one that ``wrangler secret bulk`` uploads if there is
    no Worker yet: ``export default { fetch() {} }`` without a compatibility date (createDraftWorker
    in wrangler 4.164). A deployment has a date; the API's default is the oldest date."""
    runtime = (version.get("resources") or {}).get("script_runtime") or {}
    return runtime.get("compatibility_date") in (None, "", _OLDEST_COMPATIBILITY_DATE)


def live_target(binding: Mapping[str, Any]) -> str:
    """A binding of a live version as text, such as ``d1 <id>``; only its type if that is enough."""
    kind = str(binding.get("type"))
    for key in _TARGETS.get(kind, ()):
        if value := binding.get(key):
            return f"{kind} {value}"
    return kind


def target(kind: str, id_: str) -> str:
    """The result of :func:`live_target` for a binding to the resource of an action."""
    return f"{OWNED[kind].api_type if kind in OWNED else kind} {id_}"


def wanted_bindings(scope: Mapping[str, Any]) -> dict[str, str]:
    """The bindings of a scope of the configuration that point to resources, in the form of
    :func:`live_target`."""
    return dict(_wanted(scope))


def _wanted(scope: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind in _SHOWN:
        for name, item in kind.bound(scope):
            # Only a dataset can omit its name. `cfpy plan` reports a missing id.
            default = name if kind.named_as_bound else ""
            if target := item.get(kind.filled_in) or default:
                yield name, f"{kind.api_type} {target}"


def drift(wanted: Mapping[str, str], live: Mapping[str, str]) -> dict[str, str]:
    """One sentence about each resource binding that differs in the live version, by its name."""
    said = {}
    for name, target in sorted(wanted.items()):
        if name not in live:
            said[name] = f"{name}: the configuration binds {target}, the live version does not"
        elif live[name] != target:
            said[name] = f"{name}: the configuration binds {target}, the live version {live[name]}"
    for name, target in sorted(live.items()):
        if name not in wanted and target.partition(" ")[0] in _TARGETS:
            said[name] = f"{name}: the live version binds {target}, the configuration does not"
    return said

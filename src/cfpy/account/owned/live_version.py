"""The live version of the Worker: who deployed it, and what it is set to.

An edit in the dashboard makes a version of its own, which the next deployment replaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import DEPLOY, Drift, in_all
from cfpy.account.live import is_stub
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import Answers, Reading, if_allowed, nothing, there
from cfpy.bindings.environments import effective
from cfpy.tools.invocation import command

# As in wrangler (4.164.0, ``formatSource``), and what it calls itself.
_SOURCES = {"api": "Cloudflare's API", "dash": "the dashboard", "terraform": "Terraform"}
_OURS = ("wrangler", "")


@dataclass(frozen=True)
class VersionSettings:
    """What a deployment sets in a version. ``variables`` are values by name; ``keeps_variables`` is
    whether a deployment leaves other variables as they are (``keep_vars``)."""

    compatibility_date: str
    compatibility_flags: frozenset[str]
    variables: Mapping[str, Any] = field(repr=False)
    keeps_variables: bool


@dataclass(frozen=True)
class LiveVersion(Found):
    """The version of a Worker, its ``id`` here, with the most traffic. ``source`` is what deployed
    it, as the API calls it. ``settings`` are those of all live versions: two in a rollout, the
    newer one first."""

    kind = "version"
    version: str
    source: str
    created: str
    settings: tuple[VersionSettings, ...]


class LiveVersions(OwnedKind):
    """Only a thorough look reads it."""

    name = "version"

    def wanted(self, scope: Scope) -> Iterator[VersionSettings]:
        tables = effective(scope.project.wrangler, scope.environment)
        yield VersionSettings(
            str(tables.get("compatibility_date") or ""),
            frozenset(map(str, tables.get("compatibility_flags") or ())),
            dict(scope.tables.get("vars") or {}),
            bool(tables.get("keep_vars")),
        )

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        if not reading.thorough:
            return nothing
        task = reading.start(_version, desired.worker)
        return lambda: there([task])

    def drift(self, now: Comparison) -> Iterator[Drift]:
        found = now.observed.get(LiveVersion, now.desired.worker)
        for wanted in now.desired.all(VersionSettings) if found else ():
            assert found is not None
            yield from _deployed(now.desired.worker, found)
            yield from in_all(_differences(wanted, live) for live in found.settings).values()

    def unseen(self, now: Comparison) -> Iterator[str]:
        if now.observed.get(LiveVersion, now.desired.worker):
            yield "code: cfpy does not compare that of the live version with the project's"


def _differences(wanted: VersionSettings, live: VersionSettings) -> dict[tuple[str, str], Drift]:
    found = (*_runtime(wanted, live), *_variables(wanted, live))
    return {(item.kind, item.name): item for item in found}


def _deployed(worker: str, found: LiveVersion) -> Iterator[Drift]:
    if found.source not in _OURS:
        by = _SOURCES.get(found.source, found.source)
        when = f" at {found.created}" if found.created else ""
        download = ("wrangler", "init", "--from-dash", worker)
        yield Drift(
            "version",
            found.version,
            f"the live version {found.version} was deployed from {by}{when}, not by wrangler",
            f"Compare its code with yours, and take over what you need: {command(*download)}",
            DEPLOY,
        )


def _runtime(wanted: VersionSettings, live: VersionSettings) -> Iterator[Drift]:
    if live.compatibility_date and live.compatibility_date != wanted.compatibility_date:
        yield _setting("compatibility_date", live.compatibility_date, wanted.compatibility_date)
    if live.compatibility_flags != wanted.compatibility_flags:
        lists = [" ".join(sorted(i.compatibility_flags)) or "none" for i in (live, wanted)]
        yield _setting("compatibility_flags", *lists)


def _setting(key: str, live: str, wanted: str) -> Drift:
    message = f"the live version has the {key} {live}, the configuration {wanted or 'none'}"
    return Drift("setting", key, message, f"Set `{key}` to {live}.", DEPLOY)


def _variables(wanted: VersionSettings, live: VersionSettings) -> Iterator[Drift]:
    """Names only: a value may not be meant for a log."""
    for name in sorted({*wanted.variables, *live.variables}):
        if name not in live.variables:
            said = "the configuration has the variable {}, the live version does not"
        elif name not in wanted.variables:
            if wanted.keeps_variables:
                continue
            said = "the live version has the variable {}, the configuration does not"
        elif live.variables[name] != wanted.variables[name]:
            said = "the variable {} has another value in the live version"
        else:
            continue
        adopt = f"Change {name} in `vars` of the configuration as in the dashboard."
        yield Drift("variable", name, said.format(name), adopt, DEPLOY)


def _version(reading: Reading, worker: str) -> LiveVersion | None:
    script = reading.path(f"workers/scripts/{worker}")
    page = if_allowed(lambda: reading.api.get(f"{script}/deployments"), None)
    deployments = page["result"]["deployments"] if page else []
    if not deployments:
        return None
    shares = sorted(deployments[0]["versions"], key=lambda item: -item["percentage"])
    version = str(shares[0]["version_id"])
    paths = (f"{script}/versions/{item['version_id']}" for item in shares)
    details = [reading.api.get(path)["result"] for path in paths]
    if is_stub(details[0]):
        return None
    if len(details) > 1:
        details.sort(key=lambda item: -item["number"])
        settings = [_settings(item, item["resources"]) for item in details]
    else:
        settings = [_settings(details[0], reading.api.get(f"{script}/settings")["result"])]
    return LiveVersion(
        worker,
        version,
        str(deployments[0].get("source") or ""),
        str(deployments[0].get("created_on") or ""),
        tuple(settings),
    )


def _settings(version: Mapping[str, Any], bound: Mapping[str, Any]) -> VersionSettings:
    """What a version is set to; ``bound`` has its bindings."""
    runtime = (version.get("resources") or {}).get("script_runtime") or {}
    return VersionSettings(
        str(runtime.get("compatibility_date") or ""),
        frozenset(map(str, runtime.get("compatibility_flags") or ())),
        dict(_values(bound.get("bindings") or ())),
        keeps_variables=False,
    )


def _values(bindings: Any) -> Iterator[tuple[str, Any]]:
    """wrangler uploads a string as it is, and any other value as JSON."""
    for item in bindings:
        if item["type"] == "plain_text":
            yield str(item["name"]), item.get("text")
        elif item["type"] == "json":
            yield str(item["name"]), item.get("json")

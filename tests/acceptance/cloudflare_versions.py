"""The stand-in's versions of Workers, and the deployments that share the traffic among them.

Shapes: developers.cloudflare.com/api, Workers, Scripts, Versions and Deployments; and
developers.cloudflare.com/analytics/graphql-api, the dataset workersInvocationsAdaptive.

A change of a secret makes a version with the same script (its `etag`), and a deployment that gives
it all traffic; `workers/triggered_by` is `secret` in both. So it is documented at
developers.cloudflare.com/workers/configuration/secrets ("creates a new version of the Worker and
deploys it immediately"), named by wrangler 4.164.0 (`formatTrigger` in src/versions/list.ts), and
seen in public answers of the API to `wrangler secret put`. Of `secrets-bulk`, no public answer was
found. Both are refused while the latest version is not fully deployed: error 10214 or 10215
(cloudflare/workers-sdk, issues 10585 and 12392).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudflare_api import CloudflareApi

# What the API says about a change of secrets while the latest version is not live.
NOT_DEPLOYED = (
    "Script edit failed. You attempted to deploy the latest version with modified settings, but "
    "the latest version isn't currently deployed."
)
# One or two versions can be live at the same time.
MOST_LIVE = 2


def clock() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


@dataclass
class Versions:
    """``uploads`` and ``releases`` are the versions and the deployments of a Worker, in the order
    in which they were made; ``invocations`` the requests and the errors of a version.
    ``secret_trigger`` is the reason that a version has which a change of secrets makes."""

    uploads: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    releases: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    invocations: dict[str, tuple[int, int]] = field(default_factory=dict)
    shows_analytics: bool = True
    secret_trigger: str = "secret"
    now: Callable[[], datetime] = clock

    def forget(self, worker: str) -> None:
        """It was deleted."""
        for kept in (self.uploads, self.releases):
            kept.pop(worker, None)


def routes(api: CloudflareApi, account: str) -> dict[str, Callable[..., dict[str, Any]]]:
    """What the stand-in answers about versions: by method and path, as its other routes."""
    script = f"{account}/workers/scripts/([^/]+)"
    found = {
        f"PUT {script}": _put_script,
        f"PATCH {script}/secrets-bulk": _put_secrets,
        f"POST {script}/versions": _upload,
        f"GET {script}/versions": _list,
        f"GET {script}/versions/([^/]+)": _get,
        f"GET {script}/deployments": _releases,
        f"POST {script}/deployments": _release,
        "POST graphql": _graphql,
    }
    return {route: _bound(api, answer) for route, answer in found.items()}


def _bound(api: CloudflareApi, answer: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    return lambda query, body, *names: answer(api, query, body, *names)


def _put_script(api: CloudflareApi, query: Any, body: Any, name: str) -> dict[str, Any]:
    """A version that is live at once."""
    before = api.live.get(name)
    answer = api._put_script(query, body, name)
    if (live := api.live.get(name)) and live != before:
        tag = (body.get("migrations") or {}).get("new_tag") or api.migration_tags.get(name)
        if tag:
            api.migration_tags[name] = tag
        _remember(api, name, live, body, "upload")
        _go_live(api, name, {live: 100}, {}, "upload")
    return answer


def _upload(api: CloudflareApi, query: Any, body: Any, name: str) -> dict[str, Any]:
    if (body or {}).get("migrations"):
        raise _refused(400, 10211, "Durable Object migrations can't be part of a version")
    kept = api.bindings.get(name, [])
    answer = api._put_version(query, body, name)
    if name in api.live:
        # What is bound is that of the version that is live.
        api.bindings[name] = kept
    _remember(api, name, answer["result"]["id"], body, "version_upload")
    return answer


def _put_secrets(api: CloudflareApi, query: Any, body: Any, name: str) -> dict[str, Any]:
    """The latest version with other secrets is live at once. A draft has no version yet."""
    uploads = api.rollouts.uploads.get(name)
    if not uploads:
        return api._put_secrets(query, body, name)
    latest, made = uploads[-1], api.rollouts.releases[name][-1]["versions"]
    if made != [{"version_id": latest["id"], "percentage": 100}]:
        raise _refused(400, 10214, NOT_DEPLOYED)
    answer = api._put_secrets(query, body, name)
    api.versions += 1
    trigger = api.rollouts.secret_trigger
    resources = copy.deepcopy(latest["resources"])
    others = [item for item in resources["bindings"] if item["type"] != "secret_text"]
    resources["bindings"] = [*others, *answer["result"]]
    version = {
        "id": f"00000000-0000-0000-0001-{api.versions:012x}",
        "number": len(uploads) + 1,
        "annotations": {"workers/triggered_by": trigger},
        "metadata": _metadata(api),
        "resources": resources,
    }
    uploads.append(version)
    _go_live(api, name, {version["id"]: 100}, {}, trigger)
    return answer


def _metadata(api: CloudflareApi) -> dict[str, str]:
    moment = api.rollouts.now().isoformat().replace("+00:00", "Z")
    return {"created_on": moment, "source": "wrangler", "author_email": "a@b.test"}


def _remember(api: CloudflareApi, name: str, id_: str, body: Any, trigger: str) -> None:
    uploads = api.rollouts.uploads.setdefault(name, [])
    runtime = {"compatibility_date": (body or {}).get("compatibility_date")}
    runtime["compatibility_flags"] = (body or {}).get("compatibility_flags") or []
    if tag := api.migration_tags.get(name):
        runtime["migration_tag"] = tag
    # wrangler has the API keep the secrets of the version before.
    kept = [{"name": secret, "type": "secret_text"} for secret in api.scripts.get(name, [])]
    found = [*((body or {}).get("bindings") or []), *kept]
    annotations = {k: v for k, v in ((body or {}).get("annotations") or {}).items() if v}
    uploads.append(
        {
            "id": id_,
            "number": len(uploads) + 1,
            "annotations": {**annotations, "workers/triggered_by": trigger},
            "metadata": _metadata(api),
            "resources": {
                "script": {"etag": f"e{id_}"},
                "script_runtime": runtime,
                "bindings": found,
            },
        }
    )


def _list(api: CloudflareApi, query: dict[str, str], _body: Any, name: str) -> dict[str, Any]:
    """The newest first; without what a version is bound to."""
    api._script(name)
    if set(query) - {"deployable", "page", "per_page"}:
        raise _refused(400, 7001, f"Unknown parameters: {sorted(query)}")
    uploads = api.rollouts.uploads.get(name, [])[::-1]
    keys = ("id", "number", "annotations", "metadata")
    return {"result": {"items": [{key: item[key] for key in keys} for item in uploads]}}


def _get(api: CloudflareApi, query: Any, body: Any, name: str, id_: str) -> dict[str, Any]:
    for item in api.rollouts.uploads.get(name, []):
        if item["id"] == id_:
            return {"result": item}
    return api._get_version(query, body, name, id_)


def _releases(api: CloudflareApi, query: Any, body: Any, name: str) -> dict[str, Any]:
    found = api.rollouts.releases.get(name, [])
    if not found or api.live.get(name) not in [v["version_id"] for v in found[-1]["versions"]]:
        return api._list_deployments(query, body, name)
    return {"result": {"deployments": found[:-11:-1]}}


def _release(api: CloudflareApi, query: dict[str, str], body: Any, name: str) -> dict[str, Any]:
    api._script(name)
    if set(body) - {"strategy", "versions", "annotations", "code_update_strategy"}:
        raise _refused(400, 10400, f"Unknown keys: {sorted(body)}")
    shares = {item["version_id"]: item["percentage"] for item in body["versions"]}
    if not 1 <= len(body["versions"]) <= MOST_LIVE or len(shares) != len(body["versions"]):
        raise _refused(400, 10213, "A deployment has one version or two")
    if body["strategy"] != "percentage" or sum(shares.values()) != 100 or min(shares.values()) < 0:
        raise _refused(400, 10214, "The percentages must be 100 together")
    known = {item["id"]: item for item in api.rollouts.uploads.get(name, [])}
    if missing := [id_ for id_ in shares if id_ not in known and id_ != api.live.get(name)]:
        raise _refused(404, 10215, f"There is no version {missing[0]}")
    tags = {
        known[id_]["resources"]["script_runtime"].get("migration_tag")
        for id_ in shares.keys() & known.keys()
    }
    if len(tags) > 1 or (tags and tags != {api.migration_tags.get(name)}):
        raise _refused(400, 10216, "A Durable Object migration is between these versions")
    del query
    _go_live(api, name, shares, body.get("annotations") or {}, "deployment")
    return {"result": {"id": api.rollouts.releases[name][-1]["id"]}}


def _go_live(
    api: CloudflareApi,
    name: str,
    shares: dict[str, float],
    annotations: dict[str, str],
    trigger: str,
) -> None:
    made = api.rollouts.releases.setdefault(name, [])
    moment = api.rollouts.now().isoformat().replace("+00:00", "Z")
    made.append(
        {
            "id": f"d{len(made)}",
            "source": "wrangler",
            "strategy": "percentage",
            "author_email": "a@b.test",
            "created_on": moment,
            "annotations": {
                key: value
                for key, value in {**annotations, "workers/triggered_by": trigger}.items()
                if value
            },
            "versions": [{"version_id": k, "percentage": v} for k, v in shares.items()],
        }
    )
    api.live[name] = max(shares, key=lambda id_: shares[id_])
    for item in api.rollouts.uploads.get(name, []):
        if item["id"] == api.live[name]:
            api.bindings[name] = item["resources"]["bindings"]


def _graphql(api: CloudflareApi, _query: Any, body: Any) -> dict[str, Any]:
    """Only the one query: requests and errors, by version."""
    asked = re.sub(r"\s*([(){},:])\s*", r"\1", " ".join(str(body["query"]).split()))
    wanted = (
        r"query \w+\(\$account:string,\$worker:string,\$since:string\)\{viewer\{accounts"
        r"\(filter:\{accountTag:\$account\}\)\{workersInvocationsAdaptive\(limit:\d+,filter:"
        r"\{scriptName:\$worker,datetime_geq:\$since\}\)\{sum\{requests errors\}"
        r"dimensions\{scriptVersion\}\}\}\}\}"
    )
    if not re.fullmatch(wanted, asked) or set(body) != {"query", "variables"}:
        return {"data": None, "errors": [{"message": f"unknown query: {asked}"}]}
    if not api.rollouts.shows_analytics:
        said = f"not authorized for account {body['variables']['account']}"
        return {"data": None, "errors": [{"message": said, "extensions": {"code": "authz"}}]}
    ours = {item["id"] for item in api.rollouts.uploads.get(body["variables"]["worker"], [])}
    rows = [
        {"sum": {"requests": of, "errors": bad}, "dimensions": {"scriptVersion": id_}}
        for id_, (of, bad) in api.rollouts.invocations.items()
        if id_ in ours
    ]
    account = {"workersInvocationsAdaptive": rows}
    return {"data": {"viewer": {"accounts": [account]}}, "errors": None}


def _refused(status: int, code: int, message: str) -> Exception:
    from cloudflare_api import RefusedError

    return RefusedError(status, code, message)

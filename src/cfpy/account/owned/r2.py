"""R2 buckets, and their rules. R2 lists one jurisdiction at a time."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from cfpy.account.observed import ObservedState, Rules
from cfpy.account.owned import kind
from cfpy.account.owned.kind import Answers, Reading
from cfpy.account.plan import Action
from cfpy.account.resources import DesiredState, R2Bucket
from cfpy.account.wrangler import Wrangler
from cfpy.bindings.kinds.r2 import R2
from cfpy.errors import CloudflareError, NotAuthenticatedError
from cfpy.project.data_location import JURISDICTIONS
from cfpy.project.project import Project


def read(reading: Reading, desired: DesiredState) -> Answers:
    buckets = {
        item.name: reading.pool.submit(_jurisdiction, reading, item) for item in desired.buckets
    }
    where = {item.name: item.jurisdiction for item in desired.buckets}
    rules = {
        (of, name): reading.pool.submit(_rules, reading, name, of, where[name])
        for item in desired.bucket_settings
        for of, wanted in (("cors", item.cors), ("lifecycle", item.lifecycle))
        if wanted and (name := item.bucket_name)
    }

    def answers(observed: ObservedState) -> ObservedState:
        return replace(
            observed,
            buckets=kind.there(buckets),
            cors={name: task.result() for (of, name), task in rules.items() if of == "cors"},
            lifecycle={name: task.result() for (of, name), task in rules.items() if of != "cors"},
        )

    return answers


def create(wrangler: Wrangler, _: Project, action: Action) -> None:
    kind.create(R2, wrangler, action)


def exists(observed: ObservedState, _: str, action: Action) -> bool:
    return action.id in observed.buckets


def delete(wrangler: Wrangler, _: str, action: Action) -> None:
    kind.delete(R2, wrangler, action)


def _rules(reading: Reading, bucket: str, of: str, jurisdiction: str) -> Rules:
    """The CORS or lifecycle rules of a bucket."""
    path = reading.path(f"r2/buckets/{bucket}/{of}")
    try:
        found = reading.api.request("GET", path, headers=_headers(jurisdiction))["result"]
    except CloudflareError as error:
        # It has none so far.
        if error.status == 404:
            return ()
        raise
    return list(found.get("rules") or ())


def _jurisdiction(reading: Reading, wanted: R2Bucket) -> str | None:
    """The jurisdiction of the account's bucket; ``None`` if there is no bucket of this name.

    R2 answers for one jurisdiction at a time. The wanted one is tried first, and wins.
    """
    if _has_bucket(reading, wanted.name, wanted.jurisdiction):
        return wanted.jurisdiction
    for other in ("", *JURISDICTIONS):
        # An account may not have every jurisdiction: then it has no buckets there.
        with contextlib.suppress(CloudflareError, NotAuthenticatedError):
            if other != wanted.jurisdiction and _has_bucket(reading, wanted.name, other):
                return other
    return None


def _has_bucket(reading: Reading, name: str, jurisdiction: str) -> bool:
    path = reading.path(f"r2/buckets/{name}")
    try:
        reading.api.request("GET", path, headers=_headers(jurisdiction))
    except CloudflareError as error:
        if error.status == 404:
            return False
        raise
    return True


def _headers(jurisdiction: str) -> dict[str, str]:
    """The header that wrangler sends (4.164.0, ``getR2Bucket``); none for the default
    jurisdiction."""
    return {"cf-r2-jurisdiction": jurisdiction} if jurisdiction else {}

"""R2 buckets, and their rules. R2 lists one jurisdiction at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfpy.account.comparison import Comparison, Removal
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.observed import Found
from cfpy.account.owned.kind import OwnedResource, elsewhere, new_in
from cfpy.account.owned.outside import (
    Answers,
    Changing,
    Reading,
    in_jurisdiction,
    jurisdiction_header,
)
from cfpy.account.plan import Action, Do
from cfpy.bindings.kinds.r2 import R2
from cfpy.errors import CloudflareError, NotAuthenticatedError, ProjectError
from cfpy.project.data_location import JURISDICTIONS
from cfpy.project.project import R2Settings

Rules = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class R2Bucket:
    """A bucket; ``unnamed`` are the bindings whose tables have no bucket name yet. ``cors`` and
    ``lifecycle`` are its rules as the API has them; empty if cfpy.toml has none, and they stay as
    they are."""

    name: str
    unnamed: tuple[str, ...] = ()
    jurisdiction: str = ""
    location: str = ""
    cors: Rules = ()
    lifecycle: Rules = ()


@dataclass(frozen=True)
class ObservedBucket(Found):
    """A bucket in the account. Its rules are read if the project wants some."""

    kind = "r2"
    jurisdiction: str = ""
    cors: Rules = ()
    lifecycle: Rules = ()


class Buckets(OwnedResource):
    """A bucket has a step for itself, then one for each sort of rules that are wanted."""

    name = "r2"
    parts = ("r2_cors", "r2_lifecycle")
    listed = "r2"
    binding = R2
    listed_at = "r2/buckets"
    shared = "objects and rules"

    def called(self, name: str) -> R2Bucket:
        return R2Bucket(name)

    def wanted(self, scope: Scope) -> Sequence[R2Bucket]:
        """Each bucket once, even if it has several bindings."""
        found: dict[str, R2Bucket] = {}
        for table in scope.entries(R2.table):
            binding = scope.text(table, "binding", R2.table)
            name = str(table.get("bucket_name") or "") or scope.default_name(binding)
            where = str(table.get("jurisdiction") or "")
            before = found.get(name, R2Bucket(name, jurisdiction=where))
            if before.jurisdiction != where:
                raise ProjectError(
                    f"the bucket {name} is bound in the jurisdictions "
                    f"{before.jurisdiction or 'default'} and {where or 'default'}",
                    path=scope.project.config_path,
                    hint="A bucket has one jurisdiction: use the same one in both tables.",
                )
            unnamed = before.unnamed if table.get("bucket_name") else (*before.unnamed, binding)
            near = scope.project.data_location("r2", name).location
            rules = {item.bucket_name: item for item in scope.project.r2}
            rule = rules.get(name, R2Settings(name))
            found[name] = R2Bucket(name, unnamed, where, near, rule.cors, rule.lifecycle)
        return [found[name] for name in sorted(found)]

    def names(self, desired: DesiredState) -> list[str]:
        return [item.name for item in desired.all(R2Bucket)]

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        asked = [
            (
                item,
                reading.start(_jurisdiction, item),
                reading.start(_rules if item.cors else _none, item, "cors"),
                reading.start(_rules if item.lifecycle else _none, item, "lifecycle"),
            )
            for item in desired.all(R2Bucket)
        ]

        def answers() -> Iterator[ObservedBucket]:
            for item, where, cors, lifecycle in asked:
                jurisdiction, rules = where.result(), (cors.result(), lifecycle.result())
                if jurisdiction is not None:
                    yield ObservedBucket(item.name, jurisdiction, *rules)

        return answers

    def plan(self, now: Comparison) -> Iterator[Action]:
        for bucket in now.desired.all(R2Bucket):
            found = now.observed.get(ObservedBucket, bucket.name)
            action = _bucket(bucket, found)
            yield action
            has = found or ObservedBucket(bucket.name)
            if bucket.cors:
                same = len(has.cors) == len(bucket.cors) and _have(has.cors, bucket.cors)
                gone = [i for i in has.cors if not any(_have([i], [own]) for own in bucket.cors)]
                yield _setting("r2_cors", action, same, len(gone))
            if bucket.lifecycle:
                yield _setting("r2_lifecycle", action, _have(has.lifecycle, bucket.lifecycle))

    def teardown(self, now: Removal) -> Iterator[Action]:
        for bucket in now.desired.all(R2Bucket):
            found = now.observed.get(ObservedBucket, bucket.name)
            if found is None:
                continue
            where = found.jurisdiction
            if where == bucket.jurisdiction:
                yield self.decided(
                    now, bucket.name, holds="it may hold objects", jurisdiction=where
                )
            else:
                reason = elsewhere(bucket.jurisdiction, where)
                yield Action(Do.CONFLICT, self.name, bucket.name, reason, id=bucket.name)

    def update(self, changing: Changing, action: Action) -> None:
        """Set its rules; these replace all existing ones."""
        [wanted] = [i for i in changing.desired.all(R2Bucket) if i.name == action.name]
        of, rules = action.kind.removeprefix("r2_"), wanted.cors
        if of == "lifecycle":
            found = changing.observe().get(ObservedBucket, action.name)
            rules = lifecycle_rules(wanted, found.lifecycle if found else ())
        changing.commands.change(
            f"can't set the {of} rules of {action.name}",
            *("r2", "bucket", of, "set", action.name),
            *("--force", *in_jurisdiction(action.jurisdiction)),
            document={"rules": list(rules)},
        )


def lifecycle_rules(wanted: R2Bucket, found: Rules) -> Rules:
    """The rules that a bucket should have: the wanted ones, and existing ones with other names.

    A new bucket already has a rule (incomplete multipart uploads end after seven days), which is
    kept.
    """
    ours = {str(rule["id"]): rule for rule in wanted.lifecycle}
    merged = {str(rule["id"]): rule for rule in found} | ours
    return list(merged.values())


def _bucket(wanted: R2Bucket, found: ObservedBucket | None) -> Action:
    if found and found.jurisdiction != wanted.jurisdiction:
        reason = elsewhere(wanted.jurisdiction, found.jurisdiction)
        return Action(Do.CONFLICT, "r2", wanted.name, reason)
    reason = "its name will be written to the configuration" if wanted.unnamed else ""
    do = Do.CREATE
    if found:
        do, reason = (Do.ADOPT, f"exists; {reason}") if wanted.unnamed else (Do.KEEP, "")
    return Action(
        do,
        "r2",
        wanted.name,
        reason if found else new_in(wanted, reason),
        id=wanted.name if found else "",
        bindings=wanted.unnamed,
        jurisdiction=wanted.jurisdiction,
        location=wanted.location,
    )


def _have(found: Rules, wanted: Rules) -> bool:
    """Whether each wanted rule exists; the API may add its own keys."""
    return all(any(rule.items() <= other.items() for other in found) for rule in wanted)


def _setting(kind: str, bucket: Action, same: bool, gone: int = 0) -> Action:
    """``gone`` counts the rules of the bucket that the new ones replace."""
    do, reason = (Do.KEEP, "") if same else (Do.UPDATE, "set to the rules in cfpy.toml")
    if gone:
        reason += f"; of those that it has now, {gone} {'is' if gone == 1 else 'are'} removed"
    depends_on, where = (bucket.key,), bucket.jurisdiction
    return Action(do, kind, bucket.name, reason, depends_on, id=bucket.id, jurisdiction=where)


def _none(*_: object) -> Rules:
    return ()


def _rules(reading: Reading, bucket: R2Bucket, of: str) -> Rules:
    """The CORS or lifecycle rules of a bucket."""
    path = reading.path(f"r2/buckets/{bucket.name}/{of}")
    headers = jurisdiction_header(bucket.jurisdiction)
    try:
        found = reading.api.request("GET", path, headers=headers)["result"]
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
        reading.api.request("GET", path, headers=jurisdiction_header(jurisdiction))
    except CloudflareError as error:
        if error.status == 404:
            return False
        raise
    return True

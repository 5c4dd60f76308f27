"""The requests and errors of each version of a Worker, as the platform counts them.

The dataset ``workersInvocationsAdaptive`` of the GraphQL Analytics API: developers.cloudflare.com/
analytics/graphql-api/tutorials/querying-workers-metrics. An error is an invocation that threw or
exceeded a limit, whatever the status of its answer. Figures arrive after a minute or so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cfpy.account.cloudflare_client import CloudflareClient, documented
from cfpy.errors import CfpyError, NotAuthenticatedError

# Fewer requests tell nothing about a rate.
FEWEST_REQUESTS = 20
_HIGHEST_RATE = 0.02
_TIMES_THE_OLD = 2
_NOT_ALLOWED = "the token does not have the permission Account Analytics: Read"
_QUERY = """
query VersionErrors($account: string, $worker: string, $since: string) {
  viewer {
    accounts(filter: {accountTag: $account}) {
      workersInvocationsAdaptive(
        limit: 1000, filter: {scriptName: $worker, datetime_geq: $since}
      ) { sum { requests errors } dimensions { scriptVersion } }
    }
  }
}
"""


@dataclass(frozen=True)
class Counts:
    """What one version has had."""

    requests: int = 0
    errors: int = 0

    @property
    def rate(self) -> float:
        """The part of the requests that failed, from 0 to 1."""
        return self.errors / self.requests if self.requests else 0.0

    def __str__(self) -> str:
        return f"{self.errors} errors in {self.requests} requests"


class ErrorRates:
    """Asks for the counts of a Worker's versions since ``since``, a time in RFC 3339."""

    def __init__(self, api: CloudflareClient, account_id: str, worker: str) -> None:
        self._api = api
        self._given = {"account": account_id, "worker": worker}

    def read(self, since: str) -> Mapping[str, Counts] | str:
        """The counts by version; or why there are none, such as a permission that the token
        does not have."""
        try:
            return self._read(since)
        except NotAuthenticatedError:
            return _NOT_ALLOWED
        except CfpyError as error:
            return error.message

    @documented()
    def _read(self, since: str) -> Mapping[str, Counts] | str:
        variables = self._given | {"since": since}
        answer = self._api.graphql({"query": " ".join(_QUERY.split()), "variables": variables})
        if errors := answer.get("errors"):
            said = "; ".join(str(item.get("message")) for item in errors)
            if "not authorized" in said or "authz" in str(errors):
                return _NOT_ALLOWED
            return said
        [account] = answer["data"]["viewer"]["accounts"]
        found: dict[str, Counts] = {}
        for row in account["workersInvocationsAdaptive"]:
            id_, more = str(row["dimensions"]["scriptVersion"]), row["sum"]
            old = found.get(id_, Counts())
            found[id_] = Counts(
                old.requests + int(more["requests"]), old.errors + int(more["errors"])
            )
        return found


def too_many_errors(new: Counts, old: Counts) -> bool:
    """Whether the new version fails too often: in more than 2 % of its requests, and more than
    twice as often as the old version, which may have errors of its own."""
    if new.requests < FEWEST_REQUESTS:
        return False
    return new.rate > _HIGHEST_RATE and new.rate > _TIMES_THE_OLD * old.rate

"""Reads the R2 buckets of an account. R2 lists one jurisdiction at a time."""

from __future__ import annotations

import contextlib

from cfpy.account.cloudflare_client import CloudflareClient
from cfpy.account.observed import Rules
from cfpy.account.resources import R2Bucket
from cfpy.errors import CloudflareError, NotAuthenticatedError
from cfpy.project.data_location import JURISDICTIONS


class Buckets:
    """The buckets of the account ``account_id``, read with ``api``."""

    def __init__(self, api: CloudflareClient, account_id: str) -> None:
        self._api = api
        self._path = f"accounts/{account_id}/r2/buckets"

    def rules(self, bucket: str, kind: str, jurisdiction: str) -> Rules:
        """The CORS or lifecycle rules of a bucket."""
        path = f"{self._path}/{bucket}/{kind}"
        try:
            found = self._api.request("GET", path, headers=_headers(jurisdiction))["result"]
        except CloudflareError as error:
            # It has none so far.
            if error.status == 404:
                return ()
            raise
        return list(found.get("rules") or ())

    def jurisdiction(self, wanted: R2Bucket) -> str | None:
        """The jurisdiction of the account's bucket; ``None`` if there is no bucket of this name.

        R2 answers for one jurisdiction at a time. The wanted one is tried first, and wins.
        """
        if self._has_bucket(wanted.name, wanted.jurisdiction):
            return wanted.jurisdiction
        for other in ("", *JURISDICTIONS):
            # An account may not have every jurisdiction: then it has no buckets there.
            with contextlib.suppress(CloudflareError, NotAuthenticatedError):
                if other != wanted.jurisdiction and self._has_bucket(wanted.name, other):
                    return other
        return None

    def _has_bucket(self, name: str, jurisdiction: str) -> bool:
        path = f"{self._path}/{name}"
        try:
            self._api.request("GET", path, headers=_headers(jurisdiction))
        except CloudflareError as error:
            if error.status == 404:
                return False
            raise
        return True


def _headers(jurisdiction: str) -> dict[str, str]:
    """The header that wrangler sends (4.164.0, ``getR2Bucket``); none for the default
    jurisdiction."""
    return {"cf-r2-jurisdiction": jurisdiction} if jurisdiction else {}

"""The versions of a Worker, and how its deployments share the traffic among them.

Shapes: developers.cloudflare.com/api, Workers, Scripts, Versions and Deployments. The API lists the
newest first. A deployment has one version, or two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfpy.account.cloudflare_client import CloudflareClient, documented
from cfpy.account.live import is_stub, live_target
from cfpy.account.owned.outside import NO_SUCH_WORKER
from cfpy.errors import CloudflareError

# Of a version, `workers/triggered_by`: as wrangler 4.164.0 knows it, and as the API writes it for
# an upload that is not deployed at once. A change of a secret has `secret`.
_OF_PEOPLE = {"upload", "rollback", "promotion", "version_upload", "create_version_api"}


@dataclass(frozen=True)
class Version:
    """One upload. ``number`` counts them from 1, ``created`` is a time in RFC 3339, ``tag`` and
    ``message`` are what the upload was given, and ``migration`` is the last Durable Object
    migration that it knows. ``reason`` is what made it: ``upload``, ``secret`` and others.
    ``script`` identifies its modules: a version with other secrets has the same."""

    id: str
    number: int
    created: str
    tag: str = ""
    message: str = ""
    migration: str = ""
    reason: str = ""
    script: str = ""

    @property
    def is_uploaded(self) -> bool:
        """Whether somebody deployed or uploaded it: it was not made by a change of a secret."""
        return self.reason in _OF_PEOPLE


@dataclass(frozen=True)
class Release:
    """A deployment: the percentages of its versions by id, in their order, and its message.
    ``created`` is a time in RFC 3339, ``author`` an address; both may be empty."""

    id: str
    shares: Mapping[str, float]
    message: str = ""
    created: str = ""
    author: str = ""

    def __str__(self) -> str:
        """What is live with it, since when and by whom."""
        said = [f"version {id_} has {part:g} % of the traffic" for id_, part in self.shares.items()]
        if len(said) == 1:
            said = [f"version {next(iter(self.shares))} has all traffic"]
        since = f", since {self.created}" if self.created else ""
        author = f", by {self.author}" if self.author else ""
        return f"{' and '.join(said)}{since}{author}"


class Releases:
    """Reads the versions and deployments of one Worker.

    All methods raise ``NotAuthenticatedError`` and ``CloudflareError``, as
    :meth:`cfpy.account.cloudflare_client.CloudflareClient.get`.
    """

    def __init__(self, api: CloudflareClient, account_id: str, worker: str) -> None:
        self._api = api
        self._path = f"accounts/{account_id}/workers/scripts/{worker}"
        self._service = f"accounts/{account_id}/workers/services/{worker}"

    @documented()
    def history(self) -> tuple[Release, ...]:
        """The last deployments, the newest first; also that of a stub, which the first secret of a
        Worker creates."""
        try:
            found = self._api.get(f"{self._path}/deployments")["result"]["deployments"]
        except CloudflareError as error:
            if error.api_code in NO_SUCH_WORKER:
                return ()
            raise
        if found and not found[0]["versions"]:
            raise ValueError("no version is live")
        return tuple(map(_release, found))

    def newest(self) -> Release | None:
        """The newest of them; ``None`` if there is none."""
        return next(iter(self.history()), None)

    @documented()
    def all(self) -> tuple[Release, ...]:
        """The last deployments, the newest first; none while the Worker has only a stub."""
        found = self.history()
        return () if found and self.is_stub(next(iter(found[0].shares))) else found

    @documented()
    def is_stub(self, version: str) -> bool:
        """Whether a version is what the first secret of a Worker creates, or that with secrets."""
        return is_stub(self._api.get(f"{self._path}/versions/{version}")["result"])

    @documented()
    def version(self, id_: str) -> Version:
        """One version."""
        return _version(self._api.get(f"{self._path}/versions/{id_}")["result"])

    @documented()
    def bindings(self, id_: str) -> dict[str, str]:
        """The bindings of one version, as :meth:`cfpy.account.cloudflare.Account.bindings`."""
        resources = self._api.get(f"{self._path}/versions/{id_}")["result"]["resources"]
        return {item["name"]: live_target(item) for item in resources.get("bindings") or []}

    @documented()
    def versions(self) -> tuple[Version, ...]:
        """The last uploads, the newest first; without ``migration`` and ``script``, which lists do
        not have."""
        found = self._api.get(f"{self._path}/versions")["result"]["items"]
        return tuple(map(_version, found))

    @documented()
    def migration_tag(self) -> str:
        """The last Durable Object migration of the Worker; empty if it has had none."""
        found = self._api.get(self._service)["result"]
        return str(found["default_environment"]["script"].get("migration_tag") or "")


def _release(data: Mapping[str, Any]) -> Release:
    shares = {str(item["version_id"]): float(item["percentage"]) for item in data["versions"]}
    return Release(
        id=str(data["id"]),
        shares=shares,
        message=str((data.get("annotations") or {}).get("workers/message") or ""),
        created=str(data.get("created_on") or ""),
        author=str(data.get("author_email") or ""),
    )


def _version(data: Mapping[str, Any]) -> Version:
    annotations = data.get("annotations") or {}
    resources = data.get("resources") or {}
    runtime = resources.get("script_runtime") or {}
    return Version(
        id=str(data["id"]),
        number=int(data["number"]),
        created=str(data["metadata"]["created_on"]),
        tag=str(annotations.get("workers/tag") or ""),
        message=str(annotations.get("workers/message") or ""),
        migration=str(runtime.get("migration_tag") or ""),
        reason=str(annotations.get("workers/triggered_by") or ""),
        script=str((resources.get("script") or {}).get("etag") or ""),
    )

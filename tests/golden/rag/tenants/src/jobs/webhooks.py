"""Tells a client's server that a job is finished: signed, as standardwebhooks.com has it.

A trigger in the database notes what is to be sent; see ``migrations/``. As with jobs, short waits
are the queue's, and the sweep ends the others.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobs.limits import (
    MAX_WEBHOOK_ATTEMPTS,
    QUEUE_DELAY_SECONDS,
    SWEEP_JOBS,
    WEBHOOK_LEASE_SECONDS,
    WEBHOOK_SECONDS,
)
from jobs.urls import UrlRefused, check_url
from jobs.waits import delay_seconds

if TYPE_CHECKING:
    from bindings import D1Database, D1Statement

#: Sends one POST with this body and these headers, without following redirects; gives the status.
Post = Callable[[str, str, Mapping[str, str]], Awaitable[int]]

# The receiver has no such address any more, and wants to hear nothing else.
_GONE = 410


@dataclass(frozen=True)
class Webhook:
    """What is to be sent, for one attempt. ``happened_at`` is in Unix seconds."""

    id: str
    job_id: str
    owner: str
    url: str
    event: str
    happened_at: int
    attempts: int

    @property
    def body(self) -> str:
        """The same in all attempts. It tells nothing of a file to those who may not see it."""
        happened = datetime.fromtimestamp(self.happened_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        data = {"id": self.job_id, "status": self.event}
        return json.dumps({"type": f"job.{self.event}", "timestamp": happened, "data": data})


class Webhooks:
    """The webhooks of all jobs.

    Args:
        database: Where they are noted.
        post: Sends them.
        secret: The Worker's secret, from which each owner's is made.
        allowed_hosts: If there are any, only these are sent to.
    """

    def __init__(
        self, database: D1Database, post: Post, secret: str, allowed_hosts: Set[str]
    ) -> None:
        self._database = database
        self._post = post
        self._secret = secret
        self._allowed_hosts = allowed_hosts

    async def send(self, job_id: str) -> tuple[str, int | None]:
        """Send a job's webhook if it is due.

        Returns:
            What became of it, and after how many seconds the queue is to try again.
        """
        webhook = await self._claim(job_id)
        if webhook is None:
            # Delivered, deleted, waiting, or in the hands of another message.
            return "nothing-to-do", None
        error, final = await self._attempt(webhook)
        if error is None or final or webhook.attempts >= MAX_WEBHOOK_ATTEMPTS:
            status = "failed" if error else "delivered"
            await self._settle(webhook, status, error, None)
            return f"webhook-{status}", None
        wait = delay_seconds(webhook.attempts)
        await self._settle(webhook, "pending", error, wait)
        return "webhook-postponed", wait if wait <= QUEUE_DELAY_SECONDS else None

    async def overdue(self, skip: int) -> list[str]:
        """Some jobs whose webhook no message in the queue seems to be for."""
        result = await self._bound(
            "SELECT job_id FROM webhooks WHERE due_at < unixepoch() - ? "
            "ORDER BY due_at, job_id LIMIT ? OFFSET ?",
            *(WEBHOOK_LEASE_SECONDS, SWEEP_JOBS, skip),
        ).all()
        return [row["job_id"] for row in result["results"]]

    async def _claim(self, job_id: str) -> Webhook | None:
        row = await self._bound(
            "UPDATE webhooks SET attempts = attempts + 1, due_at = unixepoch() + ? "
            "WHERE job_id = ? AND due_at <= unixepoch() "
            "RETURNING id, owner, url, event, happened_at, attempts",
            *(WEBHOOK_LEASE_SECONDS, job_id),
        ).first()
        return Webhook(job_id=job_id, **row) if row else None

    async def _attempt(self, webhook: Webhook) -> tuple[str | None, bool]:
        """Send it; return what was wrong, and whether that will always be."""
        if not self._secret:
            return "The service has no WEBHOOK_SECRET.", False
        headers = signed_headers(self._secret, webhook, int(time.time()))
        try:
            # The list of allowed hosts may have become shorter.
            address = check_url(webhook.url, self._allowed_hosts)
            async with asyncio.timeout(WEBHOOK_SECONDS):
                status = await self._post(address, webhook.body, headers)
        except UrlRefused as error:
            return f"The address {error}.", True
        except TimeoutError:
            return "The server took too long.", False
        except Exception as error:
            line = {
                "level": "info",
                "webhook": webhook.id,
                "error": f"{type(error).__name__}: {error}",
            }
            print(json.dumps(line))
            return "The server could not be reached.", False
        if 200 <= status < 300:
            return None, True
        return f"The server answered {status}.", status == _GONE

    async def _settle(
        self, webhook: Webhook, status: str, error: str | None, wait: int | None
    ) -> None:
        await self._bound(
            "UPDATE webhooks SET status = ?, error = ?, due_at = unixepoch() + ? "
            "WHERE job_id = ? AND id = ? AND attempts = ?",
            *(status, error, wait, webhook.job_id, webhook.id, webhook.attempts),
        ).run()

    def _bound(self, sql: str, *values: str | int | None) -> D1Statement:
        return self._database.prepare(sql).bind(*values)


def owners_secret(secret: str, owner: str) -> str:
    """What signs an owner's webhooks: each has another, or one could sign for the others."""
    key = hmac.digest(secret.encode(), owner.encode(), "sha256")
    return f"whsec_{base64.b64encode(key).decode()}"


def signed_headers(secret: str, webhook: Webhook, now: int) -> dict[str, str]:
    """The headers of a webhook that is sent ``now`` (Unix seconds)."""
    key = base64.b64decode(owners_secret(secret, webhook.owner).removeprefix("whsec_"))
    signature = hmac.digest(key, f"{webhook.id}.{now}.{webhook.body}".encode(), "sha256")
    return {
        "Content-Type": "application/json",
        "webhook-id": webhook.id,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }

"""What the API serves: every resource is one short method."""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from jobs.job import Job, Result, Status, object_key
from jobs.sweep import send_due
from jobs.webhooks import owners_secret
from pipeline.intake import Intake
from pipeline.limits import DEFAULT_PAGE, MAX_PAGE
from pipeline.operations import JSON_RESULTS, parse_result
from pipeline.services import Services
from pipeline.settings import Settings
from pipeline.store import Position
from web.auth import Access
from web.http import Call, Reply, Request, json_reply
from web.problems import (
    FieldError,
    Problem,
    invalid,
    method_not_allowed,
    misconfigured,
    not_found,
    too_many_requests,
)

Handler = Callable[[Call, str], Awaitable[Reply]]

_RETRY = re.compile(r"/jobs/([^/]+)/retry")
# What the resources that take parameters take.
_PARAMETERS = {"/files": ("name", "webhook"), "/jobs": ("status", "limit", "cursor")}
_CURSOR = re.compile(r"([0-9]{1,15})-([0-9a-f]{32})")


class Resources:
    """All resources of one deployment."""

    def __init__(self, services: Services, settings: Settings, access: Access) -> None:
        self._access = access
        self._settings = settings
        self._services = services
        self._intake = Intake(services)

    async def route(self, call: Call) -> Reply:
        """Answer a request.

        Raises:
            Problem: It can't be answered.
        """
        path, method = call.request.path, call.request.method
        handlers = self._handlers(path)
        handler = handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise method_not_allowed(handlers)
        owner = "" if path == "/health" else await self._admit(call)
        _check_parameters(call.request)
        return await handler(call, owner)

    def _handlers(self, path: str) -> dict[str, Handler]:
        """What a path takes, by method."""
        if path == "/health":
            return {"GET": self._health}
        if path == "/me":
            return {"GET": self._me}
        if path == "/files":
            return {"POST": self._post_file}
        if path == "/jobs":
            return {"GET": self._list_jobs}
        if path == "/jobs/retry":
            return {"POST": self._retry_failed}
        if _RETRY.fullmatch(path):
            return {"POST": self._retry_job}
        if path == "/webhook-secret":
            return {"GET": self._webhook_secret}
        if path.startswith("/jobs/"):
            return {"GET": self._get_job, "DELETE": self._delete_job}
        raise not_found("such resource")

    async def _admit(self, call: Call) -> str:
        """Who is calling, if they may, and do not call too often."""
        caller = await self._access.identify(call)
        owner = call.log["owner"] = caller.id
        if not (await self._services.rate_limiter.limit({"key": owner}))["success"]:
            raise too_many_requests()
        return owner

    async def _health(self, _call: Call, _owner: str) -> Reply:
        """Whether the Worker could work: configured and migrated."""
        self._access.check()
        await self._services.store.check()
        return json_reply(200, {"status": "ok"})

    async def _me(self, _call: Call, owner: str) -> Reply:
        """Who is signed in, for the page."""
        return json_reply(200, {"name": owner.removeprefix("service:")})

    async def _post_file(self, call: Call, owner: str) -> Reply:
        return await self._accepted(call, owner, await self._intake.accept(call.request, owner))

    async def _retry_job(self, call: Call, owner: str) -> Reply:
        job_id = _job_id(call.request)
        if not await self._services.store.retry(owner, job_id):
            raise _nothing_to_retry((await self._job(owner, job_id)).status)
        # If this fails, the sweep does it.
        await self._services.enqueue(job_id)
        return await self._accepted(call, owner, job_id)

    async def _retry_failed(self, call: Call, owner: str) -> Reply:
        count = await self._services.store.retry_failed(owner)
        call.log["retried"] = count
        # The first of them now, the others by the sweep.
        await send_due(self._services, calls=1)
        return json_reply(202, {"retried": count})

    async def _accepted(self, call: Call, owner: str, job_id: str) -> Reply:
        call.log["job"] = job_id
        headers = {"Location": f"/jobs/{job_id}", "Retry-After": "2"}
        return json_reply(202, _shown(await self._job(owner, job_id)), headers)

    async def _get_job(self, call: Call, owner: str) -> Reply:
        return json_reply(200, _shown(await self._job(owner, _job_id(call.request))))

    async def _list_jobs(self, call: Call, owner: str) -> Reply:
        status, after, limit = _page(call.request)
        jobs, has_more = await self._services.store.page(owner, status, after, limit)
        cursor = _encode(jobs[-1]) if has_more else None
        return json_reply(200, {"jobs": [_shown(job) for job in jobs], "next_cursor": cursor})

    async def _delete_job(self, call: Call, owner: str) -> Reply:
        job_id = _job_id(call.request)
        if not await self._services.store.delete(owner, job_id):
            raise not_found(f"job {job_id!r}")
        # The sweep deletes the file if this fails: a file without a job is not in use.
        await self._services.bucket.delete(object_key(job_id))
        return Reply(204)

    async def _webhook_secret(self, _call: Call, owner: str) -> Reply:
        if not self._settings.webhook_secret:
            raise misconfigured("The secret WEBHOOK_SECRET is not set.")
        secret = owners_secret(self._settings.webhook_secret, owner)
        return json_reply(200, {"secret": secret})

    async def _job(self, owner: str, job_id: str) -> Job:
        job = await self._services.store.get(owner, job_id)
        if job is None:
            raise not_found(f"job {job_id!r}")
        return job


def _nothing_to_retry(status: Status) -> Problem:
    if status is Status.DONE:
        return Problem(409, "job-done", "The job is done: there is nothing to retry.")
    what = "Its file is still being sent" if status is Status.RECEIVED else "It is being worked on"
    detail = f"The job is under way. {what}: there is nothing to retry."
    return Problem(409, "job-under-way", detail)


def _check_parameters(request: Request) -> None:
    """Refuse parameters that nothing reads: a misspelt ``webhook`` would never be called."""
    known = _PARAMETERS.get(request.path, tuple(request.parameters))
    errors = [
        FieldError("#", f"has the unknown parameter {name!r}: it takes {', '.join(known)}")
        for name in request.parameters
        if name not in known
    ]
    if errors:
        raise invalid(*errors)


def _job_id(request: Request) -> str:
    return request.path.removeprefix("/jobs/").removesuffix("/retry")


def _shown(job: Job) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": job.id, "status": job.status.value}
    if job.source.url is None:
        shown |= {"name": job.source.name, "media_type": job.source.media_type}
    else:
        shown["file_url"] = _address(job.source.url)
    shown |= {"attempts": job.attempts, "error": job.error}
    waits = job.status is Status.QUEUED and job.due_at is not None
    shown["retry_at"] = _time(job.due_at) if waits and job.due_at else None
    shown["created_at"] = _time(job.created_at)
    shown["updated_at"] = _time(job.updated_at)
    shown["result"] = job.result and _result(job.result)
    if webhook := job.webhook:
        shown["webhook"] = {
            "url": _address(webhook.url),
            "status": webhook.status,
            "attempts": webhook.attempts,
            "error": webhook.error,
        }
    return shown


def _address(url: str) -> str:
    """An address without its query string, which may hold somebody's signature."""
    parts = urlsplit(url)
    return f"https://{parts.netloc}{parts.path}"


def _result(result: Result) -> dict[str, Any]:
    return {
        result.operation: _value(result),
        "characters": result.characters,
        "model": result.model,
        "charset": result.charset and result.charset.name,
        "charset_guessed": bool(result.charset and result.charset.guessed),
    }


def _value(result: Result) -> Any:
    """What an operation returned. One that returns no JSON by mistake must not spoil the list."""
    if result.operation in JSON_RESULTS:
        with suppress(ValueError):
            return parse_result(result.text)
    return result.text


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _page(request: Request) -> tuple[Status | None, Position | None, int]:
    """What part of the list a request asks for."""
    parameters = request.parameters
    errors = []
    status = parameters.get("status")
    if status is not None and status not in set(Status):
        errors.append(FieldError("#/status", f"must be one of {', '.join(Status)}"))
    limit = parameters.get("limit", str(DEFAULT_PAGE))
    if not re.fullmatch("[0-9]{1,3}", limit) or not 1 <= int(limit) <= MAX_PAGE:
        errors.append(FieldError("#/limit", f"must be a number from 1 to {MAX_PAGE}"))
    after = None
    if cursor := parameters.get("cursor"):
        after = _decode(cursor)
        if after is None:
            errors.append(FieldError("#/cursor", "must be a next_cursor of this list"))
    if errors:
        raise invalid(*errors)
    return Status(status) if status else None, after, int(limit)


def _encode(job: Job) -> str:
    return f"{job.created_at}-{job.id}"


def _decode(cursor: str) -> Position | None:
    known = _CURSOR.fullmatch(cursor)
    return Position(int(known[1]), known[2]) if known else None

"""Documents that are indexed later: more than a request has time for, and those at an address."""

import json
import re
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from jobs.fetching import Accepted
from jobs.job import Claim, Job, Result, Source, Unprocessable, object_key
from jobs.limits import MAX_URL_CHARS
from jobs.services import JobBindings, JobServices
from jobs.store import JobStore
from jobs.sweep import sweep
from jobs.urls import UrlRefused, check_url
from rag.files import MEDIA_TYPES, file_id
from rag.ingest import Ingestion
from rag.intake import Outcome, add, failure, item_id, parse
from rag.limits import JOB_SECONDS, MAX_AT_ONCE, MAX_FILE_BYTES, MAX_SOURCE_CHARS
from rag.records import Document, Upload
from rag.requests import fields
from rag.settings import Settings
from rag.validation import Schema, check
from web.http import parse_json
from web.problems import FieldError, Problem, invalid, not_found

#: Instead of documents, the address of one.
ADDRESS: Schema = fields("url", url={"type": "string", "maxLength": MAX_URL_CHARS})

# One token, one owner.
_OWNER = "api"
# Problems that stay: of a kind of file, or of what is in it.
_LASTING = (413, 415, 422)


class Jobs(JobStore):
    """The jobs of this application."""

    async def forget_finished(self) -> None:
        """Delete jobs that ended long ago. The sweep then deletes what was sent with them."""
        await self._bound(
            "DELETE FROM jobs WHERE status IN ('done', 'failed') AND updated_at < unixepoch() - ?",
            JOB_SECONDS,
        ).run()


class Background(JobServices):
    """Takes requests as jobs, and works on them when the queue delivers them."""

    def __init__(self, bindings: JobBindings, settings: Settings, ingestion: Ingestion) -> None:
        accepted = Accepted(MAX_FILE_BYTES, fetched_type)
        super().__init__(bindings, settings.allowed_hosts, accepted)
        self._jobs = Jobs(bindings.database)
        self._ingestion = ingestion
        self._model = settings.embedding_model

    async def accept(self, content_type: str, body: bytes) -> Job | None:
        """Make a job of a request; ``None`` if it has time to index what it brings itself.

        Raises:
            Problem: Something is wrong with it.
        """
        source = self._address(content_type, body)
        if source is None:
            if len(parse(content_type, body)) <= MAX_AT_ONCE:
                return None
            source = Source(None, content_type, None)
        job_id = uuid4().hex
        await self._jobs.receive(job_id, _OWNER, source, None, "")
        try:
            if source.url is None:
                await self.bucket.put(object_key(job_id), body)
            await self.enqueue(job_id)
        except Exception:
            await self._jobs.forget(job_id)
            raise
        await self._jobs.queued(job_id)
        return await self.job(job_id)

    async def job(self, job_id: str) -> Job:
        """A job.

        Raises:
            Problem: 404 if there is none.
        """
        job = await self._jobs.get(_OWNER, job_id)
        if job is None:
            raise not_found(f"job {job_id!r}")
        return job

    async def result(self, claim: Claim) -> Result:
        """Index the documents of a job, except those that an earlier attempt has."""
        content, media_type = await self.read_file(claim)
        items = _items(claim.source, content, media_type)
        await self._ingestion.check()
        known = await self.deliveries.answers(claim)
        outcomes = []
        for item in items:
            outcome = known.get(item_id(item))
            if outcome is None:
                outcome = json.dumps(await self._add(item, claim))
                await self.deliveries.keep_answer(claim, item_id(item), outcome)
            outcomes.append(json.loads(outcome))
        return Result("documents", json.dumps(outcomes), len(content), self._model)

    async def tidy(self) -> None:
        """The cron's work."""
        await self._jobs.forget_finished()
        await sweep(self)

    async def _add(self, item: Document | Upload, claim: Claim) -> Outcome:
        try:
            return await add(self._ingestion, item, claim.lease)
        except Problem as problem:
            if problem.status not in _LASTING:
                raise
            return failure(item, problem)

    def _address(self, content_type: str, sent: bytes) -> Source | None:
        """The address that a request brings instead of documents, if it does."""
        if not content_type.lower().startswith("application/json"):
            return None
        body = parse_json(sent)
        if not isinstance(body, dict) or "url" not in body:
            return None
        try:
            url = check_url(check(body, ADDRESS)["url"], self.allowed_hosts)
        except UrlRefused as error:
            raise invalid(FieldError("#/url", str(error))) from None
        return Source(None, None, url)


def shown(job: Job) -> dict[str, Any]:
    """A job as clients see it."""
    result = job.result
    return {
        "id": job.id,
        "status": job.status.value,
        "url": job.source.url,
        "attempts": job.attempts,
        "error": job.error,
        "documents": json.loads(result.text) if result else None,
        "created_at": _time(job.created_at),
        "updated_at": _time(job.updated_at),
    }


def fetched_type(content_type: str, path: str, _content: bytes | None) -> str:
    """The media type of a file that was fetched. Servers send most texts as ``text/plain``.

    Raises:
        Unprocessable: It is no kind of file that is taken.
    """
    said = content_type.partition(";")[0].strip().lower()
    named = MEDIA_TYPES.get(PurePosixPath(path).suffix.lower(), "")
    if said not in MEDIA_TYPES.values() or (said == "text/plain" and named.startswith("text/")):
        said = named
    if not said:
        raise Unprocessable(f"Its server sent it as {content_type!r}, which is not taken.")
    return said


def _items(source: Source, content: bytes, media_type: str) -> list[Document | Upload]:
    if source.url is None:
        return list(parse(media_type, content))
    # The end of the name is what a file is read by.
    name = PurePosixPath(unquote(urlsplit(source.url).path)).name or "page"
    if MEDIA_TYPES.get(PurePosixPath(name).suffix.lower()) != media_type:
        name += next(end for end, kind in MEDIA_TYPES.items() if kind == media_type)
    about = {"id": file_id(source.url), "source": source.url[:MAX_SOURCE_CHARS]}
    return [Upload(re.sub(r"\s+", " ", name), content, about)]


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

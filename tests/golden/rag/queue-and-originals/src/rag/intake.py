"""What ``POST /documents`` brings, and the way from there into the index."""

from collections import Counter
from collections.abc import Sequence

from rag.files import file_id, read_file
from rag.ingest import Ingestion
from rag.limits import MAX_BODY_BYTES, MAX_DOCUMENTS, MAX_FORM_BYTES
from rag.originals import FileDocument
from rag.records import Document, Upload
from rag.requests import ABOUT, ABOUT_ALL, DOCUMENTS, read_documents
from rag.validation import check, explained
from web.forms import read_form
from web.http import Request, media_type, parse_json, read_body
from web.problems import FieldError, Problem, invalid

#: What became of a document: its ``id`` and ``status``; if it did not go in, ``code`` and
#: ``detail`` say why.
Outcome = dict[str, str]

_FORM = "multipart/form-data"
# Problems of one document, which say nothing about the others.
_OF_ONE = (409, 413, 415, 422)


async def receive(request: Request) -> tuple[str, bytes]:
    """Read a request that brings documents, as JSON or in a form: its Content-Type and its body."""
    kind = media_type(request)
    if kind not in ("application/json", _FORM):
        raise Problem(415, "not-documents", f"Send documents as application/json or {_FORM}.")
    body = await read_body(request, MAX_FORM_BYTES if kind == _FORM else MAX_BODY_BYTES)
    return request.headers.get("content-type") or "", body


def parse(content_type: str, body: bytes) -> Sequence[Document | Upload]:
    """The documents and files of a request; a problem if something is wrong with all of it."""
    if not content_type.lower().startswith(_FORM):
        return read_documents(check(parse_json(body), DOCUMENTS))
    # Files, and a field about them.
    parts = read_form(content_type, body, MAX_DOCUMENTS + 1)
    files = [part for part in parts if part.name]
    said = [parse_json(part.content) for part in parts if part.field == "document"]
    if not 1 <= len(files) <= MAX_DOCUMENTS:
        raise invalid(FieldError("#/file", f"must be 1 to {MAX_DOCUMENTS} files"))
    for value in said:
        check(value, ABOUT if len(files) == 1 else ABOUT_ALL, "#/document")
    about = said[-1] if said else {}
    uploads = [
        Upload(about.get("id") or file_id(file.name), file.name, file.content, about)
        for file in files
    ]
    id_, count = Counter(upload.id for upload in uploads).most_common(1)[0]
    if count > 1:
        raise invalid(FieldError("#/file", f"{count} files would have the id {id_!r}"))
    return uploads


async def add(ingestion: Ingestion, item: Document | Upload, owner: str) -> Outcome:
    """Index a document or a file; a problem if it can't go in, or not now."""
    document = await read_file(ingestion.models, item) if isinstance(item, Upload) else item
    if isinstance(item, Upload):
        document = FileDocument(**vars(document), original=item.content)
    return {"id": document.id, "status": await ingestion.ingest(document, owner)}


async def add_all(
    ingestion: Ingestion, items: Sequence[Document | Upload], owner: str
) -> list[Outcome]:
    """Index documents and files. One that can't go in does not keep the others out; it is a problem
    if it is the only one."""
    await ingestion.check()
    outcomes = []
    for item in items:
        try:
            outcomes.append(await add(ingestion, item, owner))
        except Problem as problem:
            if problem.status not in _OF_ONE or len(items) == 1:
                raise
            outcomes.append(failure(item, problem))
    return outcomes


def failure(item: Document | Upload, problem: Problem) -> Outcome:
    status = "busy" if problem.status == 409 else "refused"
    detail = explained(problem, "; ")
    return {"id": item.id, "status": status, "code": problem.code, "detail": detail}

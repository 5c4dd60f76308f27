"""Answers a question from passages, whole or as a stream of events.

The stream has the events ``sources`` (first, once), ``token`` (a piece of the answer; join them)
and ``done`` (last, with the citations). ``error`` takes the place of ``done`` if it breaks off.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from rag.citations import CitationFilter
from rag.models import Models
from rag.prompt import NO_ANSWER, build_messages
from rag.records import Passage

Event = tuple[str, dict[str, Any]]


async def answer(models: Models, query: str, passages: Sequence[Passage]) -> dict[str, Any]:
    """The answer as one JSON object. Without passages no model is asked."""
    checked = CitationFilter(len(passages))
    text = NO_ANSWER
    if passages:
        reply = await models.complete(build_messages(query, passages))
        text = (checked.feed(reply) + checked.finish()).strip() or NO_ANSWER
    return {"answer": text, **_outcome(checked, passages), "sources": sources(passages)}


async def stream_answer(
    models: Models, query: str, passages: Sequence[Passage]
) -> AsyncGenerator[Event, None]:
    """The answer as events. Without passages no model is asked."""
    checked = CitationFilter(len(passages))
    yield "sources", {"sources": sources(passages)}
    empty = True
    if passages:
        async with aclosing(models.stream(build_messages(query, passages))) as pieces:
            async for piece in pieces:
                if text := checked.feed(piece):
                    empty = False
                    yield "token", {"text": text}
        if rest := checked.finish().rstrip():
            empty = False
            yield "token", {"text": rest}
    if empty:
        yield "token", {"text": NO_ANSWER}
    yield "done", _outcome(checked, passages)


def sources(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    """The passages as JSON. ``id`` is the number that citations use."""
    return [
        {"id": number, **asdict(passage), "score": round(passage.score, 4)}
        for number, passage in enumerate(passages, 1)
    ]


def _outcome(checked: CitationFilter, passages: Sequence[Passage]) -> dict[str, Any]:
    """What is known once the answer is complete.

    ``grounded`` is true where the answer cites at least one passage: an answer that cites none
    has no source. ``dropped_citations`` are numbers that the model invented.
    """
    return {
        "grounded": bool(checked.cited),
        "citations": [
            {
                "id": number,
                "document_id": passages[number - 1].document_id,
                "title": passages[number - 1].title,
                "source": passages[number - 1].source,
            }
            for number in checked.cited
        ],
        "dropped_citations": checked.dropped,
    }

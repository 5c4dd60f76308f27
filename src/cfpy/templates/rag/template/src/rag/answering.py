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
from web.problems import Problem

Event = tuple[str, dict[str, Any]]


async def answer(models: Models, query: str, passages: Sequence[Passage]) -> dict[str, Any]:
    """The answer as one JSON object. Without passages no model is asked.

    Raises:
        Problem: The model sent no text.
    """
    checked = CitationFilter(len(passages))
    text, cut_off = NO_ANSWER, False
    if passages:
        reply = await models.complete(build_messages(query, passages))
        text, cut_off = (checked.feed(reply.text) + checked.finish()).strip(), reply.cut_off
        if not text:
            raise _empty(cut_off)
    return {"answer": text, **_outcome(checked, passages, cut_off), "sources": sources(passages)}


async def stream_answer(
    models: Models, query: str, passages: Sequence[Passage]
) -> AsyncGenerator[Event, None]:
    """The answer as events. Without passages no model is asked.

    Raises:
        Problem: The model sent no text.
    """
    checked = CitationFilter(len(passages))
    yield "sources", {"sources": sources(passages)}
    empty, cut_off = True, False
    if passages:
        async with aclosing(models.stream(build_messages(query, passages))) as pieces:
            async for piece in pieces:
                cut_off = cut_off or piece.cut_off
                if text := checked.feed(piece.text):
                    empty = False
                    yield "token", {"text": text}
        if rest := checked.finish().rstrip():
            empty = False
            yield "token", {"text": rest}
        if empty:
            raise _empty(cut_off)
    else:
        yield "token", {"text": NO_ANSWER}
    yield "done", _outcome(checked, passages, cut_off)


def sources(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    """The passages as JSON. ``id`` is the number that citations use."""
    return [
        {"id": number, **asdict(passage), "score": round(passage.score, 4)}
        for number, passage in enumerate(passages, 1)
    ]


def _empty(cut_off: bool) -> Problem:
    """Not the same as a model that does not know."""
    why = " before it reached its limit of tokens" if cut_off else ". Try again"
    return Problem(502, "empty-answer", f"The chat model sent no answer{why}.")


def _outcome(checked: CitationFilter, passages: Sequence[Passage], cut_off: bool) -> dict[str, Any]:
    """What is known once the answer is complete.

    ``grounded`` is true where the answer cites at least one passage: an answer that cites none
    has no source. ``dropped_citations`` are numbers that the model invented;
    ``truncated`` is true where the answer reached the limit of tokens.
    """
    return {
        "grounded": bool(checked.cited),
        "citations": [
            {
                "id": number,
                "document_id": passages[number - 1].document_id,
                "title": passages[number - 1].title,
                "heading": passages[number - 1].heading,
                "source": passages[number - 1].source,
            }
            for number in checked.cited
        ],
        "dropped_citations": checked.dropped,
        "truncated": cut_off,
    }

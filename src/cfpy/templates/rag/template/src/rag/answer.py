"""Passages in, an answer with checked citations out, whole or as it is written."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from rag.models import Models
from rag.problems import Problem
from rag.prompt import DONT_KNOW, Passage, build_messages, check_citations


async def whole_answer(models: Models, question: str, passages: Sequence[Passage]) -> dict[str, Any]:
    """The answer with its sources. Without passages no model is asked."""
    written = DONT_KNOW
    if passages:
        written = await models.chat(build_messages(question, passages))
    return {**_checked(written, passages), "sources": _sources(passages)}


async def answer_events(
    models: Models, question: str, passages: Sequence[Passage]
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The answer as events: `sources`, then `token`s, then `done`, or `error` at any point.

    `done` holds the whole answer once more: citations of passages that do not exist are taken out of
    it, which a token on its own can't tell.
    """
    yield "sources", {"sources": _sources(passages)}
    written = ""
    try:
        if passages:
            async for token in models.stream_chat(build_messages(question, passages)):
                written += token
                yield "token", {"text": token}
        else:
            written = DONT_KNOW
            yield "token", {"text": written}
    except Problem as problem:
        # The status is long sent: the client learns of it here.
        yield "error", {"status": problem.status, "detail": problem.detail}
        return
    yield "done", _checked(written, passages)


def _checked(written: str, passages: Sequence[Passage]) -> dict[str, Any]:
    answer, citations = check_citations(written, len(passages))
    return {
        "answer": answer or DONT_KNOW,
        "citations": citations,
        # An answer that cites nothing rests on nothing that we can show.
        "grounded": bool(citations),
    }


def _sources(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    return [passage.as_source(number) for number, passage in enumerate(passages, start=1)]

"""The chat model, as an operation asks it: a few calls at a time, and each question once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jobs.job import BadAnswer
from pipeline.limits import MAX_KEPT_CHARS
from workers_ai.chat import Thoughts, block, chat_inputs, read_answer

if TYPE_CHECKING:
    from bindings import AI

#: Remembers an answer: see ``Deliveries.keep_answer``.
Keep = Callable[[str, str], Awaitable[None]]
#: Raises ``BadAnswer`` for an answer that is of no use: it is not remembered.
Check = Callable[[str], object]


def _anything(_answer: str) -> None:
    """Takes every answer."""


class Model:
    """The model, for one job.

    Args:
        ai: Workers AI.
        name: The model's name there.
        slots: Limits the calls of all jobs that this Worker has at a time.
        answers: What it has answered in earlier attempts of the job.
        keep: Remembers what it answers now.
    """

    def __init__(
        self,
        ai: AI,
        name: str,
        slots: asyncio.Semaphore,
        answers: Mapping[str, str],
        keep: Keep,
    ) -> None:
        self.name = name
        self._ai = ai
        self._slots = slots
        self._answers = answers
        self._keep = keep
        self._failure: Exception | None = None

    async def ask(
        self,
        rules: str,
        document: str,
        max_tokens: int,
        check: Check = _anything,
        *,
        whole: bool = True,
    ) -> str:
        """What the model makes of ``document`` by ``rules``.

        Raises:
            BadAnswer: It is empty, ``check`` refuses it, or it has to be ``whole`` and was cut off
                at ``max_tokens``.
        """
        # What waits here holds no copy of its document.
        async with self._slots:
            if self._failure:
                raise self._failure
            messages = [
                {"role": "system", "content": rules},
                {"role": "user", "content": block("document", document)},
            ]
            inputs = chat_inputs(self.name, messages, max_tokens=max_tokens)
            question = json.dumps([self.name, inputs]).encode()
            limit = max_tokens if whole else 0
            try:
                return await self.once(question, lambda: self._answer(inputs, limit, check))
            except Exception as error:
                self._failure = error
                raise

    async def once(self, question: bytes, ask: Callable[[], Awaitable[str]]) -> str:
        """The answer to a question, which is asked once in all attempts of the job."""
        digest = hashlib.sha256(question).hexdigest()
        if digest in self._answers:
            return self._answers[digest]
        answer = await ask()
        if len(answer) <= MAX_KEPT_CHARS:
            await self._keep(digest, answer)
        return answer

    async def _answer(self, inputs: Mapping[str, Any], max_tokens: int, check: Check) -> str:
        """An answer that may be used; with 0 ``max_tokens``, also one that was cut off."""
        result = await self._ai.run(self.name, inputs)
        answer = read_answer(result)
        # Llama does not say why it stopped, but how much it wrote.
        used = (result.get("usage") or {}).get("completion_tokens") or 0
        if max_tokens and (answer.cut_off or used >= max_tokens):
            raise BadAnswer(f"is longer than {max_tokens} tokens, and was cut off")
        text = without_thoughts(answer.text).strip()
        if not text:
            raise BadAnswer("is empty")
        check(text)
        return text

    async def ask_all(
        self,
        rules: str,
        documents: Iterable[str],
        max_tokens: int,
        check: Check = _anything,
        *,
        whole: bool = True,
    ) -> list[str]:
        """The answers to each of ``documents``.

        After an error no further call begins; those under way are paid for, and their answers kept.
        """
        asked = [
            self.ask(rules, document, max_tokens, check, whole=whole) for document in documents
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if isinstance(answer, str)]


def without_thoughts(text: str) -> str:
    """A whole answer, without what the model thought aloud."""
    thoughts = Thoughts(thinking="</think>" in text and "<think>" not in text)
    return thoughts.feed(text) + thoughts.finish()

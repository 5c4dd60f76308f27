"""The text index: finds chunks by their words, with BM25, in D1's FTS5 (sqlite.org/fts5.html).

It finds what vectors blur: names, numbers, error codes, rare words and exact quotes. FTS5 cuts
text into words at spaces and signs. For scripts without spaces, which it would take for one long
word, it gets pairs of characters instead: 望遠鏡 is 望遠, 遠鏡 and 鏡.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.limits import CANDIDATES, MAX_TERMS, MAX_WORD_CHUNKS
from rag.requests import Filter

if TYPE_CHECKING:
    from bindings import D1Database

# Thai, Lao, Burmese, Khmer, kana, Han and Hangul, whose words take endings.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]+"
)
_QUOTE = re.compile(r'["“„«]([^"“”„«»]+)["”“»]')

_BEST = """
SELECT c.id FROM chunk_index
CROSS JOIN chunks c ON c.rowid = chunk_index.rowid
CROSS JOIN documents d ON d.id = c.document_id AND d.revision = c.revision AND instr(d.id, ?) = 1
WHERE chunk_index MATCH (
  SELECT ifnull(group_concat(term.value ->> 'match', ' OR '), '""') FROM json_each(?) AS term
  WHERE NOT EXISTS (
    SELECT 1 FROM chunk_index_words WHERE term = term.value ->> 'word' AND doc > ?
  )
)
AND NOT EXISTS (
  SELECT 1 FROM json_each(?) AS wanted WHERE ifnull(
    d.metadata ->> wanted.key NOT IN (SELECT value FROM json_each(wanted.value, '$."$in"')), true
  )
)
ORDER BY rank LIMIT ?
"""


@dataclass(frozen=True)
class TextIndex:
    # Triggers keep it in step with the chunks: migrations/0003_text_index.sql.
    database: D1Database
    tenant: str

    async def best(self, query: str, wanted: Filter) -> list[str]:
        """Ids of the served chunks with most of the rarest words of ``query``, at most
        ``CANDIDATES``, best first. Words in more than ``MAX_WORD_CHUNKS`` chunks don't count."""
        terms = [{"word": word, "match": match} for word, match in _terms(query).items()]
        values = (json.dumps(terms[:MAX_TERMS]), MAX_WORD_CHUNKS, json.dumps(wanted), CANDIDATES)
        bound = self.database.prepare(_BEST).bind(f"{self.tenant}/", *values)
        rows = (await bound.all())["results"]
        return [row["id"] for row in rows]


def indexed_words(text: str) -> str | None:
    """What FTS5 gets instead of ``text``; ``None`` where it can have the text itself."""
    if not _UNSPACED.search(text):
        return None
    # The last character of a run on its own: with it, each is the beginning of a word.
    spaced = _UNSPACED.sub(lambda run: f" {_pairs(run[0])} {run[0][-1]} ", text)
    return " ".join(spaced.split())


def _terms(query: str) -> dict[str, str]:
    """Words and phrases of a question, each with what FTS5 has to match: always in quotes, since
    anything else could be an operator."""
    # A quote counts as a whole as well, and so does what has signs in it, such as ERR-4711.
    wholes = [_words(whole) for whole in (*_QUOTE.findall(query), *query.split())]
    phrases = [" ".join(words) for words in wholes if len(words) > 1]
    terms = {phrase: f'"{phrase}"' for phrase in phrases}
    for word in _words(query):
        alone = len(word) == 1 and _UNSPACED.match(word)
        terms[_folded(word)] = f'"{word}" *' if alone else f'"{word}"'
    return terms


def _words(text: str) -> list[str]:
    """Words as FTS5 cuts them, but in their own spelling."""
    spaced = _UNSPACED.sub(lambda run: f" {_pairs(run[0])} ", text)
    kept = (char if unicodedata.category(char)[0] in "LMN" else " " for char in spaced)
    return "".join(kept).split()


def _pairs(run: str) -> str:
    """The pairs of neighbours in a run of characters; a single one as it is."""
    return " ".join(run[i : i + 2] for i in range(max(len(run) - 1, 1)))


def _folded(word: str) -> str:
    """A word as FTS5 keeps it: without case and accents."""
    letters = unicodedata.normalize("NFD", word.lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))

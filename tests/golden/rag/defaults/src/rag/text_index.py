"""Words for the text index, which finds chunks with BM25, in D1's FTS5 (sqlite.org/fts5.html).

It finds what vectors blur: names, numbers, error codes, rare words and exact quotes. FTS5 cuts
text into words at spaces and signs. For scripts without spaces, which it would take for one long
word, it gets pairs of characters instead: 望遠鏡 is 望遠, 遠鏡 and 鏡.
"""

import re
import unicodedata

from rag.limits import MAX_TERMS

# Thai, Lao, Burmese, Khmer, kana, Han and Hangul, whose words take endings.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]+"
)
_QUOTE = re.compile(r'["“„«]([^"“”„«»]+)["”“»]')


def indexed_words(text: str) -> str | None:
    """What FTS5 gets instead of ``text``; ``None`` where it can have the text itself."""
    if not _UNSPACED.search(text):
        return None
    # The last character of a run on its own: with it, each is the beginning of a word.
    spaced = _UNSPACED.sub(lambda run: f" {_pairs(run[0])} {run[0][-1]} ", text)
    return " ".join(spaced.split())


def search_terms(query: str) -> list[dict[str, str]]:
    """Words and phrases of a question, each with what FTS5 has to match: always in quotes, since
    anything else could be an operator. At most ``MAX_TERMS``."""
    # A quote counts as a whole as well, and so does what has signs in it, such as ERR-4711.
    wholes = [_words(whole) for whole in (*_QUOTE.findall(query), *query.split())]
    phrases = [" ".join(words) for words in wholes if len(words) > 1]
    terms = {phrase: f'"{phrase}"' for phrase in phrases}
    for word in _words(query):
        alone = len(word) == 1 and _UNSPACED.match(word)
        terms[without_accents(word.lower())] = f'"{word}" *' if alone else f'"{word}"'
    return [{"word": word, "match": match} for word, match in [*terms.items()][:MAX_TERMS]]


def _words(text: str) -> list[str]:
    """Words as FTS5 cuts them, but in their own spelling."""
    spaced = _UNSPACED.sub(lambda run: f" {_pairs(run[0])} ", text)
    kept = (char if unicodedata.category(char)[0] in "LMN" else " " for char in spaced)
    return "".join(kept).split()


def _pairs(run: str) -> str:
    """The pairs of neighbours in a run of characters; a single one as it is."""
    return " ".join(run[i : i + 2] for i in range(max(len(run) - 1, 1)))


def without_accents(text: str) -> str:
    """Letters without their marks, as FTS5 keeps them."""
    letters = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))

from __future__ import annotations

import pytest

from rag.chunking import chunk, estimate_tokens
from rag.limits import CHUNK_TOKENS, MAX_BLANK, OVERLAP_TOKENS

SENTENCE = "The dome turns on sixteen wheels and follows the telescope by itself. "
LIMIT = CHUNK_TOKENS + OVERLAP_TOKENS


DIGITS = "".join(str(n) for n in range(1000))
SENTENCES = "".join(f"Sentence number {n} says one thing and no other. " for n in range(300))


@pytest.mark.parametrize(
    "text",
    [
        SENTENCES,
        SENTENCES.replace("7 says", "7 says\n\n"),
        DIGITS,
        DIGITS.translate(str.maketrans("0123456789", "abcdefghij")),
        "".join(f"望遠鏡は島に{n}台あります。" for n in range(300)),
        "".join(f"word{n}\n" for n in range(2000)),
        "# One\n\n" + SENTENCES + "\n\n# Two\n\n" + SENTENCES.lower(),
    ],
    ids=["sentences", "paragraphs", "digits", "one word", "japanese", "lines", "sections"],
)
def test_no_chunk_exceeds_what_the_model_reads_and_nothing_is_lost(text: str) -> None:
    end = 0
    for piece in chunk(text):
        assert estimate_tokens(piece) <= LIMIT
        start = text.index(piece)
        # It starts inside the one before, or right after it.
        assert not text[end:start].strip()
        end = start + len(piece)
    assert not text[end:].strip()


def test_white_space_makes_no_chunk_long() -> None:
    (piece,) = chunk("    One" + " " * 500_000 + "\n" * 400_000 + "fact.")
    assert piece.split() == ["One", "fact."]
    assert len(piece) <= MAX_BLANK + len("Onefact.")
    table = "Jan" + " " * MAX_BLANK + "12"
    assert chunk(table) == [table]


def test_a_short_text_is_one_chunk() -> None:
    assert chunk("  One fact.\n") == ["One fact."]


def test_a_cut_falls_between_sentences_and_repeats_the_last_ones() -> None:
    first, second, *_ = chunk(SENTENCES)
    assert first.endswith(".")
    assert second.startswith("Sentence number")
    assert second.split(". ")[0] in first


def test_a_chunk_that_starts_with_a_heading_repeats_nothing() -> None:
    text = f"# One\n\n{SENTENCE * 14}\n\n# Two\n\n{SENTENCE * 14}"
    assert [piece.split("\n")[0] for piece in chunk(text)] == ["# One", "# Two"]


def test_the_estimate_counts_other_scripts_by_character() -> None:
    assert estimate_tokens("telescope") == 3
    assert estimate_tokens("望遠鏡") == 3
    assert estimate_tokens("2026, 42") == 7

"""Where texts are cut, and what each chunk says that it is about."""

from __future__ import annotations

import time

import pytest

from rag.chunking import chunk, estimate_tokens
from rag.limits import CHUNK_TOKENS, HEADING_TOKENS, MAX_BLANK, OVERLAP_TOKENS
from rag.records import Chunk

SENTENCE = "The dome turns on sixteen wheels and follows the telescope by itself. "
LIMIT = CHUNK_TOKENS + OVERLAP_TOKENS
SECTION = SENTENCE * 8
CODE = "```sh\n# no heading\n\nrun --once\n```"
TABLE = "| name | size |\n|---|--:|\n" + "".join(f"| row {n} | {n} |\n" for n in range(20))


def texts(text: str) -> list[str]:
    return [cut.text.strip() for cut in chunk("", text)]


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
        "```\n" + "".join(f"line {n}\n" for n in range(900)) + "```\n" + SENTENCES,
        "a | b\n-|-\n" + "".join(f"{n} | {n}\n" for n in range(900)) + SENTENCES,
        "".join(f"# {n}\n" for n in range(900)),
        "## " + SENTENCES + "\n\n" + SENTENCES.lower(),
        "".join(
            f"# {n}{DIGITS[:190]}\n\n{n}{SENTENCES[:900]}\n\n".replace("S", f"S{n}")
            for n in range(9)
        ),
    ],
    ids=[
        *("sentences", "paragraphs", "digits", "one word", "japanese", "lines", "sections"),
        *("code", "table", "headings", "a long heading", "long headings"),
    ],
)
def test_no_chunk_exceeds_what_the_model_reads_and_nothing_is_lost(text: str) -> None:
    end = 0
    for piece in texts(text):
        assert estimate_tokens(piece) <= LIMIT
        start = text.index(piece)
        # It starts inside the one before, or right after it.
        assert not text[end:start].strip()
        end = start + len(piece)
    assert not text[end:].strip()
    assert "".join(cut.text[cut.shared :] for cut in chunk("", text)) == text


def test_white_space_makes_no_chunk_long() -> None:
    (piece,) = texts("    One" + " " * 500_000 + "\n" * 400_000 + "fact.")
    assert piece.split() == ["One", "fact."]
    assert len(piece) <= MAX_BLANK + len("Onefact.")
    table = "Jan" + " " * MAX_BLANK + "12"
    assert texts(table) == [table]


def test_a_short_text_is_one_chunk() -> None:
    assert texts("  One fact.\n") == ["One fact."]


def test_a_cut_falls_between_sentences_and_repeats_the_last_ones() -> None:
    first, second, *_ = texts(SENTENCES)
    assert first.endswith(".")
    assert second.startswith("Sentence number")
    assert second.split(". ")[0] in first


def test_a_chunk_that_starts_with_a_heading_repeats_nothing() -> None:
    text = f"# One\n\n{SENTENCE * 14}\n\n# Two\n\n{SENTENCE * 14}"
    assert [piece.split("\n")[0] for piece in texts(text)] == ["# One", "# Two"]


def test_the_estimate_counts_other_scripts_by_character() -> None:
    assert estimate_tokens("telescope") == 3
    assert estimate_tokens("望遠鏡") == 3
    assert estimate_tokens("2026, 42") == 7


def test_a_chunk_says_which_headings_it_is_under() -> None:
    text = (
        f"{SECTION}\n# Install\n{SECTION}\n## Windows\n{SECTION}{SECTION}{SECTION}\n"
        f"## Linux ##\n{SECTION}\n# Use\n{SECTION}"
    )
    assert [cut.heading for cut in chunk("Guide", text)] == [
        "Guide",
        "Guide > Install",
        "Guide > Install > Windows",
        "Guide > Install > Windows",
        "Guide > Install > Linux",
        "Guide > Use",
    ]


def test_short_sections_share_a_chunk_and_what_they_have_in_common() -> None:
    text = f"# Install\n## Windows\nPress F8.\n## Linux\nPress F9.\n# Use\n{SECTION}"
    assert [cut.heading for cut in chunk("Guide", text)] == ["Guide"]
    first, second = (cut.heading for cut in chunk("Guide", text.replace("F9.", "F9. " + SECTION)))
    assert (first, second) == ("Guide > Install", "Guide > Use")


def test_a_title_that_is_the_first_heading_is_named_once() -> None:
    assert chunk("Guide", "# Guide\n\nText.") == [Chunk("Guide", "# Guide\n\nText.", 0)]
    assert chunk("", "# Guide\n\nText.")[0].heading == "Guide"
    assert chunk("", "Text.")[0].heading == ""


def test_headings_that_are_too_long_lose_the_outer_ones() -> None:
    long = "x " * 60
    text = f"# Outer {long}\n## Inner {long}\nText."
    heading = chunk("Guide", text)[0].heading
    assert heading == f"Guide > Inner {long.strip()}"
    assert estimate_tokens(heading) <= HEADING_TOKENS
    assert chunk("Guide", f"# {'x ' * 95}\nText.")[0].heading == "Guide"


@pytest.mark.parametrize("fence", ["```", "~~~~", "   ````"])
def test_a_comment_in_code_is_no_heading(fence: str) -> None:
    text = f"# Install\n\n{SECTION}\n\n{fence}sh\n# no heading\n{SENTENCE}\n{fence}\n\nEnd."
    (cut,) = chunk("Guide", text)
    assert (cut.heading, cut.text) == ("Guide > Install", text)


@pytest.mark.parametrize("before", range(0, 30, 3))
@pytest.mark.parametrize("block", [CODE.replace("run", "run\n" * 40), TABLE, f"{TABLE}\n{CODE}"])
def test_code_and_tables_are_not_cut(block: str, before: int) -> None:
    text = f"{SENTENCE * before}\n\n{block}\n\n{SENTENCE * 30}"
    pieces = texts(text)
    for part in block.replace(f"\n\n{CODE}", f"\n\0{CODE}").split("\0"):
        assert sum(part.strip() in piece for piece in pieces) == 1
        last = part.strip().split("\n")[-1]
        assert sum(last in piece.split("\n") for piece in pieces) == 1


def test_a_heading_stays_with_its_section() -> None:
    for before in range(40):
        pieces = texts(f"{SENTENCE * before}\n\n# One\n\n## Two\n\n{SENTENCE * 20}")
        (with_heading,) = [piece for piece in pieces if "# One\n\n## Two" in piece]
        assert "## Two\n\nThe dome" in with_heading


@pytest.mark.parametrize(
    "part", ["```", "``` ", "~~~\n", "~", "|", "|\n-", "|-", "# ", "#", " #\t", "-|\n", "# #\n"]
)
def test_the_time_grows_with_the_text_whatever_it_is(part: str) -> None:
    def seconds(times: int) -> float:
        start = time.process_time()
        chunk("", part * times)
        return time.process_time() - start

    # Eight times the text: 8 times as long, and 64 times if it is looked through again and again.
    assert seconds(40_000) < 32 * seconds(5_000) + 0.1

"""The pages for the first hour: each command on them runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reader import Reader, new_reader

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return new_reader(tmp_path)


@pytest.mark.slow
def test_a_first_project_answers_from_a_document_of_its_own(reader: Reader) -> None:
    reader.follow(DOCS / "tutorials" / "your-first-project.md")
    answers = [json.loads(text) for text in reader.printed if text.startswith("{")]
    assert "lower compartment" in answers[0]["answer"]
    assert "I don't know" in answers[1]["answer"]


@pytest.mark.slow
def test_everyday_changes_work_as_the_page_says(reader: Reader) -> None:
    reader.follow(DOCS / "how-to" / "everyday-changes.md")
    stock = reader.directory
    assert "[[env.staging.queues.consumers]]" in (stock / "wrangler.toml").read_text("utf-8")
    assert "humanize" in (stock / "pylock.toml").read_text("utf-8")

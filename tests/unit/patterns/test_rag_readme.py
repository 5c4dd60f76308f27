"""What the README of a rag project says, with each answer that it depends on."""

from __future__ import annotations

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "rag"
TENANTS = ("tenants", "tenants-of-access")


def readme(case: str) -> str:
    return (GOLDEN / case / "README.md").read_text("utf-8")


def test_who_sees_the_documents_depends_on_tenants() -> None:
    everybody, own = "belong to the company", "the documents of their\n  [tenant](#tenants) alone"
    for case, said, unsaid in (("access", everybody, own), ("tenants-of-access", own, everybody)):
        assert said in readme(case)
        assert unsaid not in readme(case)


@pytest.mark.parametrize("case", TENANTS)
def test_the_routes_are_in_the_section_of_the_api(case: str) -> None:
    before_routes = readme(case).partition("| route | does |")[0]
    headings = [line for line in before_routes.splitlines() if line.startswith("## ")]
    assert headings[-1] == "## The API"
    assert "\n### " not in before_routes
    assert "\n## Tenants\n" in readme(case)


@pytest.mark.parametrize("case", TENANTS)
def test_what_tenants_share_is_said(case: str) -> None:
    assert "5,000 chunks of all tenants together" in readme(case)


def test_variables_are_told_in_no_format_of_the_configuration() -> None:
    assert "```toml" not in readme("tenants-of-access")

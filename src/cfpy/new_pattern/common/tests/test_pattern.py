"""The checks of `cfpy patterns check` and `cfpy patterns test`, for pytest."""

from __future__ import annotations

from cfpy.pytest_plugin import Case, PatternUnderTest


def test_it_has_no_problems(pattern: PatternUnderTest) -> None:
    assert pattern.check() == []


def test_it_renders_what_was_reviewed(pattern: PatternUnderTest, pattern_case: Case) -> None:
    assert pattern.differences(pattern_case) == []


def test_its_projects_pass_their_own_tests(pattern: PatternUnderTest, pattern_case: Case) -> None:
    with pattern.project(pattern_case) as project:
        project.test()


def test_wrangler_would_deploy_its_projects(pattern: PatternUnderTest, pattern_case: Case) -> None:
    with pattern.project(pattern_case) as project:
        project.dry_run()

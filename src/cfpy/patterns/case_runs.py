"""``cfpy patterns test``: renders, compares, tests and dry-runs every case of a pattern."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cfpy.account.wrangler import Wrangler
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import PatternError, WranglerError
from cfpy.local.project_tests import RUNNER, install
from cfpy.patterns.answers import read_answers
from cfpy.patterns.cases import Case, Difference, compare, read_cases, write_golden
from cfpy.patterns.copier_format import check_format
from cfpy.patterns.known_patterns import known_patterns
from cfpy.patterns.pattern import Pattern
from cfpy.patterns.rendering import may_run_code, render_with
from cfpy.project.config_file import configuration_in
from cfpy.tools.child_environment import python_environment
from cfpy.tools.context import Context
from cfpy.tools.process import Completed

#: The project name in cases, unless a case has another answer.
PROJECT_NAME = "myapp"
_TEST_SECONDS = 900.0


@dataclass(frozen=True)
class CasesRequest:
    """``only`` names the cases to run, all if it is empty. ``update`` replaces the goldens by the
    rendered files. ``run`` runs the projects' own tests and dry-run deploys them."""

    root: Path
    only: tuple[str, ...] = ()
    update: bool = False
    run: bool = True
    trust: bool = False


@dataclass(frozen=True)
class CaseResult:
    """The result of a case. ``tests`` and ``dry_run`` have the output of pytest and wrangler if
    they failed, ``None`` if they were not run; ``tested`` is the last line of pytest."""

    case: Case
    differences: tuple[Difference, ...]
    updated: bool
    tested: str
    tests: str | None
    dry_run: str | None

    @property
    def passed(self) -> bool:
        return not (self.differences and not self.updated) and not self.tests and not self.dry_run


def run(ctx: Context, request: CasesRequest) -> Iterator[CaseResult]:
    """Run the cases of the pattern in ``request.root``, one after the other.

    Raises:
        PatternError: There is no such pattern or case, or it does not render.
        ToolNotFoundError: Something that the tests need can't be installed.
        FilesystemError: A golden can't be written.
    """
    pattern = own_pattern(ctx, request.root)
    for case in chosen_cases(request.root, request.only):
        ctx.progress(f"Rendering {case.name}")
        with rendered(pattern, case, trust=request.trust) as project:
            yield _try(ctx, request, case, project)


def own_pattern(ctx: Context, root: Path) -> Pattern:
    """The pattern in a directory.

    Raises:
        PatternError: There is none.
    """
    return known_patterns(ctx).get(str(root.resolve()))


def chosen_cases(root: Path, only: tuple[str, ...]) -> list[Case]:
    """The cases of a pattern whose names are in ``only``.

    Raises:
        PatternError: There is no case of a name.
    """
    cases = read_cases(root)
    known = [case.name for case in cases]
    for name in only:
        if name not in known:
            raise PatternError(f"there is no case {name!r}", hint=f"Cases: {', '.join(known)}.")
    return [case for case in cases if not only or case.name in only]


@contextmanager
def rendered(pattern: Pattern, case: Case, *, trust: bool = False) -> Iterator[Path]:
    """The project of a case, in a temporary directory. Tasks are not run.

    Raises:
        PatternError: An answer is not valid, or the pattern is faulty.
    """
    check_format(pattern)
    answers = read_answers(pattern, case.answers)
    if any(question.name == "project_name" for question in pattern.questions):
        answers.setdefault("project_name", PROJECT_NAME)
    trusted = may_run_code(pattern, lambda _: False, trust_it=trust)
    with tempfile.TemporaryDirectory(prefix="cfpy-case-") as scratch:
        project = Path(scratch).resolve() / str(answers.get("project_name", PROJECT_NAME))
        project.mkdir()
        # A golden is the same wherever its author's cfpy came from.
        options = {"interactive": False, "trusted": trusted, "run_tasks": False, "requirement": ""}
        render_with(pattern, project, answers, **options)
        yield project


def run_tests(ctx: Context, project: Path) -> Completed:
    """Run a rendered project's own tests, in the local runtime.

    Raises:
        ToolNotFoundError: Something that they need can't be installed.
    """
    install(ctx, load_project(project, configuration_in(project)))
    ctx.progress("Running the project's tests")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    env = python_environment(os.environ) | RUNNER
    return ctx.runner.run(argv, cwd=project, env=env, timeout=_TEST_SECONDS)


def dry_run(ctx: Context, project: Path) -> str:
    """Why wrangler would not deploy a rendered project; empty if it would."""
    ctx.progress("Dry-run deploying")
    try:
        config = configuration_in(project)
        Wrangler(ctx.runner, ctx.toolchain, project, config=config).deploy_dry_run()
    except WranglerError as error:
        return f"{error.message}\n{error.output}"
    return ""


def _try(ctx: Context, request: CasesRequest, case: Case, project: Path) -> CaseResult:
    differences = compare(case, project)
    if request.update and differences:
        write_golden(case, project)
    updated = request.update and bool(differences)
    if not request.run or configuration_in(project) is None:
        return CaseResult(case, differences, updated, "", None, None)
    done = run_tests(ctx, project)
    lines = done.stdout.strip().splitlines() or [""]
    failed = done.stdout.strip() or done.tail() if done.returncode else ""
    return CaseResult(case, differences, updated, lines[-1], failed, dry_run(ctx, project))

"""``cfpy patterns check``: finds faults in a pattern before its users do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from cfpy.account.doctor import source_texts
from cfpy.bindings.checks import check, check_models
from cfpy.bindings.finding import Finding
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import ProjectError
from cfpy.patterns import linters
from cfpy.patterns.case_runs import chosen_cases, own_pattern, rendered
from cfpy.patterns.findings import (
    Problem,
    check_described,
    check_questions,
    check_unsafe,
)
from cfpy.patterns.pattern import Pattern
from cfpy.patterns.pattern_files import pattern_files
from cfpy.patterns.template_names import used_variables
from cfpy.project.config_file import configuration_in
from cfpy.tools.context import Context

_NOT_PUBLISHED = ("golden", "tests", ".git")


def run(ctx: Context, root: Path, *, trust: bool = False) -> tuple[Problem, ...]:
    """Check the pattern in ``root``, and the projects that its cases render.

    Raises:
        PatternError: It does not render.
        ToolNotFoundError: A tool for a check is not installed.
    """
    root = root.resolve()
    pattern = own_pattern(ctx, root)
    uses = [replace(use, file=_relative(use.file, root)) for use in used_variables(pattern)]
    asked = list(check_questions(pattern, uses))
    found = [
        *asked,
        *check_unsafe(pattern),
        *linters.check_secrets(root, _published(root)),
    ]
    # With an undefined variable, nothing can be rendered.
    renders = not any(problem.broken for problem in asked)
    with TemporaryDirectory(prefix="cfpy-") as cache:
        for case in chosen_cases(root, ()) if renders else ():
            ctx.progress(f"Checking {case.name}")
            with rendered(pattern, case, trust=trust) as project:
                for problem in _of_project(ctx, pattern, project, Path(cache)):
                    if "/" in problem.where or ":" in problem.where:
                        problem = replace(problem, where=f"{case.name}: {problem.where}")
                    found.append(problem)
    return tuple(dict.fromkeys(found))


def _of_project(
    ctx: Context, pattern: Pattern, project: Path, mypy_cache: Path
) -> Iterator[Problem]:
    yield from linters.check_style(ctx.runner, project)
    yield from linters.check_types(ctx.runner, project, mypy_cache)
    config = configuration_in(project)
    if config is None:
        said = "does not exist: the rendered project is not a Worker"
        yield Problem(False, "wrangler.toml", said, "")
        return
    schema = ctx.toolchain.directory / "node_modules" / "wrangler" / "config-schema.json"
    yield from linters.check_configuration(config, schema)
    try:
        loaded = load_project(project, config)
    except ProjectError as error:
        yield Problem(True, "cfpy.toml", error.message, error.hint)
        return
    today = datetime.now(UTC).date()
    found: tuple[Finding, ...] = (
        *check(loaded.wrangler, str(loaded.wrangler.get("name")), today),
        *check_models(source_texts(loaded)),
    )
    for item in found:
        yield Problem(item.broken, config.name, item.message, item.fix)
    yield from check_described(pattern, loaded.wrangler)


def _published(root: Path) -> Iterator[Path]:
    for path in pattern_files(root):
        if path.relative_to(root).parts[0] not in _NOT_PUBLISHED:
            yield path


def _relative(file: str, root: Path) -> str:
    """A file's name relative to the pattern; one in a pattern below keeps its whole path."""
    path = Path(file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file

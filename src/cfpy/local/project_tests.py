"""``cfpy test``: runs the project's own tests, after installing everything that they need."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from cfpy.bindings.wrangler_config import load_project
from cfpy.project.config_file import CONFIG_VARIABLE
from cfpy.project.project import Project
from cfpy.project.vendor import vendor
from cfpy.tools.context import Context
from cfpy.tools.invocation import command
from cfpy.tools.process import run_attached

#: In the environment of pytest: the tests that need the running Worker are skipped without it, so
#: that `uv run pytest` needs neither cfpy nor a download.
RUNNER = {"CFPY_TEST": "1"}
# Exit codes of pytest (docs.pytest.org/en/stable/reference/exit-codes.html) that have another
# meaning in cfpy: interrupted, usage, and no tests.
_NO_TESTS = 5
_STATUSES = {2: 130, 4: 2, _NO_TESTS: 1}


def run(
    ctx: Context,
    root: Path,
    arguments: tuple[str, ...],
    say: Callable[[str], None],
    config: Path | None = None,
) -> int:
    """Run pytest in the project.

    ``say`` is called with a hint if no test was found. ``config`` is the configuration, if one was
    named: the tests' own `cfpy dev` uses the same.
    Node, wrangler and the Worker's packages are installed first, so that no test has to wait for
    them.

    Returns:
        0 if all tests passed, 1 if one failed or none was found, 2 if pytest does not accept the
        arguments, and 130 if it was interrupted.

    Raises:
        ProjectError: The directory has no project.
        ToolNotFoundError: Something that the tests need can't be installed.
    """
    project = load_project(root, config)
    install(ctx, project, say)
    argv = [sys.executable, "-m", "pytest", *arguments]
    named = {CONFIG_VARIABLE: str(project.config_path)} if config else {}
    status = run_attached(argv, cwd=project.root, env=os.environ | RUNNER | named)
    if status == _NO_TESTS:
        none = f"if there are none yet, {command('adopt', '--tests')} adds one, without a login."
        if arguments:
            none = f"these arguments select none of them: {shlex.join(arguments)}"
        say(
            f"No test ran in {project.root}. pytest looks for functions test_* in files "
            f"tests/test_*.py; {none}"
        )
    return _STATUSES.get(status, status)


def install(
    ctx: Context, project: Project, say: Callable[[str], None] = lambda _text: None
) -> None:
    """Install what a project's tests need: they start `cfpy dev`, which would otherwise install it
    while a fixture waits.

    Raises:
        ToolNotFoundError: Something can't be installed.
    """
    if project.is_python:
        vendor(project, ctx.runner, ctx.progress, say)
    _ = ctx.toolchain.directory

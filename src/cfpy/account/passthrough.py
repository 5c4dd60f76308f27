"""``cfpy wrangler``: runs the real wrangler, with the Node that cfpy includes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cfpy.account.wrangler import Wrangler
from cfpy.errors import ProjectError
from cfpy.project.config_file import choose, find
from cfpy.tools.child_environment import wrangler_settings
from cfpy.tools.context import Context
from cfpy.tools.process import run_attached


def run(ctx: Context, root: Path, arguments: tuple[str, ...], warn: Callable[[str], None]) -> int:
    """Run wrangler on cfpy's terminal; return its exit status.

    The arguments are the user's: wrangler finds its configuration by itself. ``warn`` is called if
    that is not the one that cfpy's other commands would use.

    Raises:
        ToolNotFoundError: Node or wrangler is missing and can't be installed.
    """
    if not any(argument.startswith(("-c", "--config")) for argument in arguments):
        _warn_of_contradiction(root, warn)
    argv = Wrangler(ctx.runner, ctx.toolchain, root, config=None).bare_argv(*arguments)
    environment = ctx.toolchain.environment() | wrangler_settings(os.environ)
    # Its output goes to the user, who may want colours.
    del environment["FORCE_COLOR"]
    return run_attached(argv, cwd=root, env=environment)


def _warn_of_contradiction(root: Path, warn: Callable[[str], None]) -> None:
    if not root.is_dir() or find(root).used is None:
        return
    try:
        choose(root)
    except ProjectError as error:
        warn(f"warning: {error.message}. wrangler will follow its own rules.")

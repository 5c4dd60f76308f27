"""``cfpy wrangler``: the real wrangler, with the Node that cfpy brings."""

from __future__ import annotations

from pathlib import Path

from cfpy.adapters.process import run_attached
from cfpy.adapters.wrangler import Wrangler
from cfpy.commands.context import Context


def run(ctx: Context, root: Path, arguments: tuple[str, ...]) -> int:
    """Run wrangler on our own terminal; return its exit status.

    Raises:
        ToolNotFoundError: Node or wrangler is missing and can't be installed.
    """
    argv = Wrangler(ctx.runner, ctx.toolchain, root).argv(*arguments)
    environment = ctx.toolchain.environment()
    # Its output goes to the user, who may want colours.
    del environment["FORCE_COLOR"]
    return run_attached(argv, cwd=root, env=environment)

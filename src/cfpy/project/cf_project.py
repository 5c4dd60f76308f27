"""Projects of `cf`, Cloudflare's newer command line (beta), which cfpy recognises and refuses.

`cf` has a configuration of its own in TypeScript, which neither wrangler nor cfpy reads. See
developers.cloudflare.com/cf/projects/cloudflare-config and .../cf/wrangler/reference.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from cfpy.errors import ProjectError
from cfpy.tools.invocation import command

#: The file of `cf`.
NAME = "cloudflare.config.ts"
# With cfpy, and with `cf`.
_EQUIVALENTS = (
    ("dev", "cf dev"),
    ("deploy, up", "cf deploy (creates what its bindings need, unless they have an id)"),
    ("preview up", "cf previews deploy"),
    ("--env NAME", "--mode NAME"),
    ("logs", "npx wrangler tail WORKER"),
)
_WITHOUT = "plan, adopt, add, cost, test"
# Other tools have files of this name, too: frameworks that keep each service's settings in one.
_OF_CF = re.compile(r"""["']cf/config["']|experimental-config|\bdefine(Config|Worker)\b""")
_LARGEST = 1_000_000


def cf_configuration(directory: Path) -> Path | None:
    """The configuration of `cf` for ``directory``: the nearest one, in it or above, as `cf` finds
    it; ``None`` if there is none."""
    start = directory.resolve()
    return next((path for folder in (start, *start.parents) if (path := _in(folder))), None)


def _in(folder: Path) -> Path | None:
    path = folder / NAME
    with contextlib.suppress(OSError):
        if path.is_file() and path.stat().st_size < _LARGEST:
            text = path.read_text("utf-8", errors="replace")
            return path if _OF_CF.search(text) else None
    return None


def only_cf(path: Path) -> ProjectError:
    """The error for a project that only has the configuration of `cf`."""
    return ProjectError(
        "this is a project of `cf`, Cloudflare's newer command line (beta). cfpy works with "
        "wrangler, and reads wrangler.toml or wrangler.jsonc, which it does not have",
        path=path,
        hint=f"Use `cf` here. {command('doctor')} lists its commands.",
    )


def guide(path: Path) -> str:
    """What cfpy does not do in a project of `cf`, and which command does it."""
    pairs = "\n".join(f"  {ours}: {theirs}" for ours, theirs in _EQUIVALENTS)
    return (
        f"{path} is for `cf`, Cloudflare's newer command line (beta)\n"
        "cfpy works with wrangler: in this project, none of its commands works but doctor\n"
        "What `cf` has instead of\n"
        f"{pairs}\n"
        f"`cf` has nothing like cfpy's {_WITHOUT}"
    )


def is_both(config: Path) -> bool:
    """Whether the project of a configuration for wrangler has one for `cf`, too."""
    return _in(config.parent) is not None


def refuse_nearer_cf(used: Path, cf: Path | None, option: str) -> None:
    """Refuse a project of `cf` below the folder of the configuration that wrangler uses: the
    command would be about the other project.

    Raises:
        ProjectError: It is one.
    """
    if cf is not None and used.parent in cf.parent.parents:
        raise ProjectError(
            f"this is a project of `cf`, and {used} is another project, in a folder above",
            path=cf,
            hint=f"Use `cf` here, or choose the other project: {option}",
        )

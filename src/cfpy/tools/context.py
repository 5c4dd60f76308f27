"""The tools for commands. The real tools are created only here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cfpy.tools.git import Git
from cfpy.tools.process import Runner, SubprocessRunner
from cfpy.tools.redaction import KnownSecrets
from cfpy.tools.toolchain import Toolchain


@dataclass(frozen=True)
class Context:
    """The tools that commands share.

    ``progress`` takes one sentence about the current step, if that may take a while. ``lock`` is
    for files that several threads of one command write. ``secrets`` are values that no message may
    show: code that handles a secret adds it.
    """

    runner: Runner
    git: Git
    toolchain: Toolchain
    progress: Callable[[str], None]
    lock: threading.Lock = field(default_factory=threading.Lock)
    secrets: KnownSecrets = field(default_factory=KnownSecrets)


def build_context(
    progress: Callable[[str], None],
    on_start: Callable[[str], None] = lambda _line: None,
    secrets: KnownSecrets | None = None,
) -> Context:
    """The context of a real run; ``on_start`` is called with each command that is started;
    ``secrets`` are the values that no message may show."""
    runner = SubprocessRunner(on_start)
    return Context(
        runner=runner,
        git=Git(runner),
        toolchain=Toolchain(runner, progress),
        progress=progress,
        secrets=secrets or KnownSecrets(),
    )

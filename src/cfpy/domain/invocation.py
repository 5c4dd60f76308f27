"""The commands that hints name, with the options of the run that gives the hint.

Whoever raises an error knows the command that helps, and not the options of this run. So a hint
holds ``command("deploy", "--provision")``, which is marked text, and the command line puts the
options in where it shows the hint: one place, which no hint can bypass (a test reads the sources).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_OPEN, _CLOSE = "\u27e6", "\u27e7"  # white square brackets
_MARKED = re.compile(f"{_OPEN}cfpy ([^{_OPEN}{_CLOSE}]*[^ {_OPEN}{_CLOSE}]){_CLOSE}")

#: The commands that take each option. A test compares them with the Typer application.
WITH_ENVIRONMENT = frozenset(
    {
        *("add", "cost", "deploy", "destroy", "dev", "doctor", "logs", "plan", "provision"),
        *("status", "up"),
    }
)
WITH_CWD = WITH_ENVIRONMENT | {
    *("diff", "env", "env add", "env list", "env remove", "test", "update", "wrangler"),
}
# wrangler's own --config is passed on.
WITH_CONFIG = WITH_CWD - {"wrangler"}

# They are about a login, which no configuration changes.
_OF_NO_PROJECT = frozenset(("login", "logout", "whoami", "--version"))


def command(*words: str) -> str:
    """A command of cfpy for a hint, marked so that it gets the options of this run.

    ``--env`` among the words names another environment than that of this run; ``--env ""`` is the
    top level of wrangler.toml.
    """
    return f"{_OPEN}{shlex.join(('cfpy', *words))}{_CLOSE}"


@dataclass(frozen=True)
class Invocation:
    """The options of one run that say what it is about, as the user gave them; empty if not.

    ``cwd`` is the project's directory, ``config`` its configuration file from there on,
    ``environment`` one of that file.
    """

    cwd: str = ""
    config: str = ""
    environment: str = ""

    def command(self, *words: str) -> str:
        """A command line of cfpy that means the same project and environment as this run.

        It can be pasted into a shell. ``words`` are as for :func:`command`.
        """
        if words[0] == "wrangler":
            return self.wrangler(*words[1:])
        pair = " ".join(words[:2])
        name = pair if pair in WITH_CWD else words[0]
        options = [*self._environment(words)] if name in WITH_ENVIRONMENT else []
        options += _option("--cwd", self.cwd) if name in WITH_CWD else []
        options += _option("--config", self.config) if name in WITH_CONFIG else []
        return shlex.join(["cfpy", *_without_top_level(words), *options])

    def wrangler(self, *words: str) -> str:
        """A command line of the real wrangler, by ``cfpy wrangler``.

        That takes ``--cwd`` before wrangler's own command, and passes on all that follows. wrangler
        takes ``--config`` (from the project's directory on) and ``--env`` everywhere. The top level
        is named, too: else wrangler takes the environment from CLOUDFLARE_ENV, or a .env file.
        Beside ``--env`` it would append the environment to a ``--name`` (getLegacyScriptName in
        wrangler 4.164).
        """
        options = []
        if words[0] not in _OF_NO_PROJECT:
            options = _option("--config", self.config)
            options += [] if "--env" in words else ["--env", self.environment]
        return shlex.join(["cfpy", "wrangler", *_option("--cwd", self.cwd), *words, *options])

    def git(self, *words: str) -> str:
        """A command line of git in the project's directory."""
        return shlex.join(["git", *_option("-C", self.cwd), *words])

    def resolve(self, text: str) -> str:
        """``text`` with each marked command as a command line of this project and environment."""
        return _MARKED.sub(self._resolved, text)

    def _resolved(self, found: re.Match[str]) -> str:
        try:
            return self.command(*shlex.split(found[1]))
        except ValueError:
            # Not by :func:`command`: a name that holds these brackets itself.
            return found[0]

    def _environment(self, words: tuple[str, ...]) -> list[str]:
        if "--env" in words:
            return []
        return _option("--env", self.environment)


def _without_top_level(words: tuple[str, ...]) -> list[str]:
    """``words`` without ``--env ""``: the top level is what a command means without ``--env``."""
    kept = list(words)
    if "--env" in kept and kept[kept.index("--env") + 1] == "":
        del kept[kept.index("--env") : kept.index("--env") + 2]
    return kept


def _option(name: str, value: str) -> list[str]:
    if not value:
        return []
    # What begins with a hyphen would be taken for an option.
    return [f"{name}={value}"] if value.startswith("-") else [name, value]

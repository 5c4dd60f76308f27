"""The commands in hints, with the options of the run that prints the hint.

Code that raises an error knows the command that helps, but not the options of this run. So a hint
contains ``command("deploy", "--provision")``, which is marked text, and the command line inserts
the options when it prints the hint: in one place, which no hint can bypass (a test reads the
sources).
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
        *(
            "add",
            "adopt",
            "backup create",
            "backup list",
            "cost",
            "data pull",
            "deploy",
            "destroy",
            "dev",
            "doctor",
            "logs",
            "permissions",
            "plan",
            "provision",
        ),
        *("rollback", "status", "up"),
    }
)
WITH_CWD = WITH_ENVIRONMENT | {
    *("diff", "env", "env add", "env list", "env remove", "test", "update", "wrangler"),
    *("backup restore", "ci init", "preview down", "preview list", "preview prune", "preview up"),
    "promote",
}
# wrangler's own --config is passed through.
WITH_CONFIG = WITH_CWD - {"wrangler"}

# They are about a login, which does not depend on a configuration.
_OF_NO_PROJECT = frozenset(("login", "logout", "whoami", "--version"))


def command(*words: str) -> str:
    """A command of cfpy for a hint, marked so that the options of this run are added.

    ``--env`` in the words replaces the environment of this run; ``--env ""`` is the top level of
    the configuration.
    """
    return f"{_OPEN}{shlex.join(('cfpy', *words))}{_CLOSE}"


@dataclass(frozen=True)
class Invocation:
    """The options of one run that select the project and environment, as the user gave them; empty
    if not given.

    ``cwd`` is the project's directory, ``config`` its configuration file relative to ``cwd``,
    ``environment`` an environment of that file.
    """

    cwd: str = ""
    config: str = ""
    environment: str = ""

    def command(self, *words: str) -> str:
        """A command line of cfpy for the same project and environment as this run.

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
        """A command line that runs the real wrangler, through ``cfpy wrangler``.

        It takes ``--cwd`` before wrangler's own command, and passes everything after it to
        wrangler. wrangler takes ``--config`` (relative to the project's directory) and ``--env``
        everywhere. The top level is passed explicitly, too: otherwise wrangler takes the
        environment from CLOUDFLARE_ENV or a .env file. With ``--env``, it would append the
        environment to a ``--name`` (getLegacyScriptName in wrangler 4.164).
        """
        options = []
        if words[0] not in _OF_NO_PROJECT:
            options = _option("--config", self.config)
            options += [] if "--env" in words else ["--env", self.environment]
        return shlex.join(["cfpy", "wrangler", *_option("--cwd", self.cwd), *words, *options])

    def git(self, *words: str) -> str:
        """A git command line for the project's directory."""
        return shlex.join(["git", *_option("-C", self.cwd), *words])

    def review(self, path: str = ".") -> tuple[str, str]:
        """The git command lines that show what this run wrote, new files included. After them
        ``git commit`` takes all of it."""
        return self.git("add", "--all", path), self.git("diff", "--cached", path)

    def resolve(self, text: str) -> str:
        """``text`` with each marked command turned into a command line for this project and
        environment."""
        return _MARKED.sub(self._resolved, text)

    def _resolved(self, found: re.Match[str]) -> str:
        try:
            return self.command(*shlex.split(found[1]))
        except ValueError:
            # Not from :func:`command`: a name that contains these brackets.
            return found[0]

    def _environment(self, words: tuple[str, ...]) -> list[str]:
        if "--env" in words:
            return []
        return _option("--env", self.environment)


def _without_top_level(words: tuple[str, ...]) -> list[str]:
    """``words`` without ``--env ""``: a command without ``--env`` uses the top level."""
    kept = list(words)
    if "--env" in kept and kept[kept.index("--env") + 1] == "":
        del kept[kept.index("--env") : kept.index("--env") + 2]
    return kept


def _option(name: str, value: str) -> list[str]:
    if not value:
        return []
    # A word that begins with a hyphen would be taken for an option.
    return [f"{name}={value}"] if value.startswith("-") else [name, value]

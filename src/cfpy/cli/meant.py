"""What is meant by a word that is no command of cfpy: a command of another tool, or another word
for the same thing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NO_COMMAND = re.compile(r"No such command '(.+?)'\.")
_EXAMPLE = re.compile("Example: (.+)")

# For each group ("" is cfpy itself): what is meant, and the words for it.
MEANT: Mapping[str, Mapping[str, str]] = {
    "": {
        "new rag myapp": "init create copy generate setup",
        "dev": "run start serve server local install sync",
        "test": "pytest check",
        "patterns": "list ls template templates",
        "deploy": "publish push",
        "deploy --dry-run": "build package",
        "up": "apply migrate migrations",
        "status": "show info state deployments",
        "logs": "tail monitor",
        "destroy": "down delete remove rm uninstall",
        "update": "upgrade recopy check-update self",
        "cost": "price pricing bill estimate",
        "ci init github": "github",
        "ci init gitlab": "gitlab",
        "backup restore": "restore",
        "data pull": "pull",
        "wrangler login": "login auth",
        "wrangler logout": "logout",
        "wrangler whoami": "whoami",
        "wrangler secret": "secret secrets",
        "wrangler types": "types",
        "wrangler versions": "versions",
        "wrangler pages": "pages",
        "--help": "help",
        "--version": "version",
    },
    "patterns": {
        "patterns": "list ls",
        "patterns init rag-multitenant": "new create",
        "patterns show rag": "info describe",
    },
    "env": {
        "env add staging": "new create init",
        "env list": "ls show",
        "env remove staging": "rm delete destroy",
    },
    "preview": {
        "preview up": "new create deploy add",
        "preview list": "ls show status",
        "preview down": "rm delete remove destroy",
    },
    "backup": {"backup create": "new add run", "backup list": "ls show"},
    "ci": {"ci init github": "github new create add setup", "ci init gitlab": "gitlab"},
    "data": {"data pull": "download copy sync"},
}


def say_what_is_meant(error: Any) -> None:
    """Let ``error``, a command line that can't be read, also say what works: the command that is
    meant by an unknown one, or an example of one that needs an argument."""
    if error.ctx is None:
        return
    if found := _NO_COMMAND.match(error.message or ""):
        group = error.ctx.command_path.partition(" ")[2]
        if meant := _meant(group, found[1]):
            error.message = f"{found[0]} Did you mean 'cfpy {meant}'?"
    elif type(error).__name__ == "MissingParameter" and not error.message:
        from cfpy.bindings.registry import BY_NAME

        kind = BY_NAME.get(error.ctx.params.get("kind", ""))
        example = _EXAMPLE.search(error.ctx.command.help or "")
        if kind:
            error.message = f"For example: cfpy add {kind.name} {kind.example}"
        elif example:
            error.message = f"For example: {example[1]}"


def _meant(group: str, word: str) -> str:
    for command, words in MEANT[group].items() if group in MEANT else ():
        if word.lower() in words.split():
            return command
    if group:
        return ""
    from cfpy.bindings.registry import BY_NAME
    from cfpy.patterns.pattern_store import PatternStore

    if word in BY_NAME:
        return f"add {word} {BY_NAME[word].example}"
    return f"new {word} myapp" if word in PatternStore().names() else ""

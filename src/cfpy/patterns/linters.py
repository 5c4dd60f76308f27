"""Runs third-party checks: ruff, mypy, wrangler's JSON Schema, detect-secrets.

All except wrangler's schema are installed with the extra ``authors``.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from cfpy.errors import ProjectError, ToolNotFoundError
from cfpy.patterns.findings import Problem
from cfpy.project.config_text import locate, read
from cfpy.tools.child_environment import python_environment
from cfpy.tools.installed import installation
from cfpy.tools.invocation import command
from cfpy.tools.process import Runner

_TIMEOUT_SECONDS = 300.0
_MYPY = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): error: (?P<said>.+)")
# Plugins that recognise a secret by its form; guesses by entropy or by a variable's name are wrong
# too often to stop an author: github.com/Yelp/detect-secrets#viewing-all-enabled-plugins
_DETECTORS = (
    *("AWSKeyDetector", "AzureStorageKeyDetector", "DiscordBotTokenDetector"),
    *("GitHubTokenDetector", "GitLabTokenDetector", "JwtTokenDetector", "MailchimpDetector"),
    *("NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector"),
    *("SendGridDetector", "SlackDetector", "StripeDetector", "TelegramBotTokenDetector"),
)


def check_types(runner: Runner, project: Path, cache: Path) -> Iterator[Problem]:
    """The errors that mypy finds in a rendered project, with the project's own settings.

    Args:
        cache: mypy's, for all projects of a run: most of the time goes into the types of packages.
    """
    if "[tool.mypy]" not in _text(project / "pyproject.toml"):
        fix = "Add [tool.mypy] to pyproject.toml."
        yield Problem(False, "pyproject.toml", "the project does not configure mypy", fix)
        return
    argv = [sys.executable, "-m", _installed("mypy"), "--no-pretty", "--no-color-output"]
    argv.append(f"--cache-dir={cache}")
    env = python_environment(os.environ)
    done = runner.run(argv, cwd=project, env=env, timeout=_TIMEOUT_SECONDS)
    found = [match for line in done.stdout.splitlines() if (match := _MYPY.match(line))]
    for match in found:
        yield Problem(True, f"{match['file']}:{match['line']}", match["said"].strip(), "")
    if done.returncode and not found:
        yield Problem(True, "pyproject.toml", f"mypy fails: {done.tail(3)}", "")


def check_style(runner: Runner, project: Path) -> Iterator[Problem]:
    """The errors that ruff finds in a rendered project, with the project's own settings."""
    argv = [sys.executable, "-m", _installed("ruff"), "check", "--no-cache", "--output-format=json"]
    env = python_environment(os.environ)
    done = runner.run([*argv, "."], cwd=project, env=env, timeout=_TIMEOUT_SECONDS)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        yield Problem(True, "pyproject.toml", f"ruff fails: {done.tail(3)}", "")
        return
    for item in found:
        file = Path(item["filename"]).relative_to(project.resolve())
        said = f"{item['code'] or 'syntax'} {item['message']}"
        yield Problem(True, f"{file}:{item['location']['row']}", said, "")


def check_configuration(config: Path, schema: Path) -> Iterator[Problem]:
    """Check the configuration of a rendered project against wrangler's own JSON Schema.

    Args:
        config: The file.
        schema: ``config-schema.json`` of the wrangler package.
    """
    jsonschema = _module("jsonschema")
    try:
        text, data = read(config)
    except ProjectError as error:
        yield Problem(True, f"{config.name}:{error.line or 1}", error.message, "")
        return
    validator = jsonschema.Draft7Validator(json.loads(schema.read_text("utf-8")))
    for wrong in validator.iter_errors(data):
        keys = tuple(wrong.absolute_path)
        line, _ = locate(config, text, keys)
        where = ".".join(map(str, keys)) or "the document"
        yield Problem(True, f"{config.name}:{line}", f"{where}: {wrong.message[:300]}", "")


def check_secrets(root: Path, files: Iterable[Path]) -> Iterator[Problem]:
    """Find secrets in files by their form. Messages do not show them."""
    _module("detect_secrets")
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import transient_settings

    with transient_settings({"plugins_used": [{"name": name} for name in _DETECTORS]}):
        for path in files:
            for secret in scan_file(str(path)):
                where = f"{path.relative_to(root).as_posix()}:{secret.line_number}"
                fix = f"Remove and revoke it. Users set secrets with {command('provision')}."
                yield Problem(True, where, f"contains what looks like: {secret.type}", fix)


def _installed(tool: str) -> str:
    _module(tool)
    return tool


def _module(name: str) -> ModuleType:
    """Import a module from an extra of cfpy.

    Raises:
        ToolNotFoundError: It is not installed.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ToolNotFoundError(
            f"{name} is not installed", hint=installation().command("authors")
        ) from error


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""

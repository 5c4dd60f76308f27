"""Which secrets a Worker has in a local run, by name: the rules of ``getVarsForDev`` in wrangler
4.164.0."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfpy.local.env_files import LOAD_ENV_FILES, EnvFiles
from cfpy.project.dotenv_text import parse_dotenv

#: wrangler's switch for variables of its own process as secrets.
INCLUDE_PROCESS = "CLOUDFLARE_INCLUDE_PROCESS_ENV"
# Variables that are for cfpy. Its own keys are among them, in the process that wrangler runs in.
_FOR_CFPY = "CFPY_"


def secret_names(
    worker: Mapping[str, Any], env_files: EnvFiles, variables: Mapping[str, str]
) -> set[str]:
    """The names of the secrets that the Worker has.

    Args:
        worker: Its derived configuration.
        env_files: The files with the secrets.
        variables: The environment variables of the process.
    """
    listed = worker.get("secrets")
    found = {name for file in env_files.used for name in _written(file)}
    if _reads_process(env_files, variables, always=listed is not None):
        found |= {name for name in variables if not name.startswith(_FOR_CFPY)}
    if listed is not None:
        found &= {*(worker.get("vars") or {}), *(listed.get("required") or [])}
    return found


def with_process_secrets(
    worker: dict[str, Any], env_files: EnvFiles, variables: Mapping[str, str]
) -> dict[str, Any]:
    """``worker`` with the names of the variables that it gets as secrets, if it gets all of the
    process: wrangler runs in a process that also has the keys of cfpy.

    The arguments are those of :func:`secret_names`.
    """
    if "secrets" in worker or not _reads_process(env_files, variables, always=False):
        return worker
    names = secret_names(worker, env_files, variables)
    return {**worker, "secrets": {"required": sorted(names)}}


def _reads_process(env_files: EnvFiles, variables: Mapping[str, str], *, always: bool) -> bool:
    """Whether variables of the process can be secrets: never next to a ``.dev.vars``."""
    written: dict[str, str] = {}
    for file in env_files.settings:
        written |= _written(file)

    def setting(name: str) -> str:
        return (variables.get(name) or written.get(name) or "").lower()

    if env_files.dev_vars or (setting(LOAD_ENV_FILES) == "false" and not env_files.given):
        return False
    return always or setting(INCLUDE_PROCESS) == "true"


def _written(file: Path) -> Mapping[str, str]:
    return parse_dotenv(file.read_text("utf-8", errors="replace"))

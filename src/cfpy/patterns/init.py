"""``cfpy patterns init``: starts a pattern, with its tests, as a package."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from cfpy.errors import UsageError
from cfpy.patterns.composer import layered_files
from cfpy.patterns.known_patterns import known_patterns
from cfpy.patterns.manifest import EXTENDS
from cfpy.patterns.new_directory import make_directory
from cfpy.patterns.pattern import Pattern
from cfpy.patterns.text_templates import text_environment
from cfpy.project.names import plain_name
from cfpy.tools.context import Context
from cfpy.tools.git import GitOutcome
from cfpy.tools.installed import installation

_PACKAGE = Path(__file__).parent.parent
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_FILLED = ".init"


@dataclass(frozen=True)
class InitRequest:
    """``extends`` is the name of the pattern below; ``base`` has the files that every project
    needs."""

    name: str
    parent: Path
    extends: str
    git: bool
    dry_run: bool


@dataclass(frozen=True)
class InitResult:
    """``files`` are relative, in POSIX form."""

    path: Path
    extends: str
    files: tuple[str, ...]
    git: GitOutcome
    dry_run: bool


def run(ctx: Context, request: InitRequest) -> InitResult:
    """Create a pattern's directory.

    Raises:
        UsageError: The name is not valid for a package, or the target already exists.
        PatternError: The pattern to extend does not exist.
        FilesystemError: Writing failed. Nothing is left behind.
    """
    name = request.name
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't be the name of a pattern: use lower-case letters, digits and inner "
            "dashes",
            hint=f"Try: {plain_name(name).lstrip('-0123456789') or 'rag-multitenant'}",
        )
    match = EXTENDS.fullmatch(request.extends)
    if match is None:
        raise UsageError(
            f"--extends {request.extends!r} is not a name", hint="For example: --extends rag"
        )
    below = known_patterns(ctx).extendable(match[1])
    target = request.parent / name

    def fill(tree: Path) -> None:
        parts = "child" if "wrangler.toml" in layered_files(below) else "worker"
        values = _values(name, below, match[2] or "", ctx)
        for part in ("common", parts):
            _fill(_PACKAGE / "new_pattern" / part, tree, values)
        shutil.copyfile(_PACKAGE / "patterns" / "pattern.schema.json", tree / "pattern.schema.json")

    message = f"Start the pattern {name}"
    files, outcome = make_directory(
        ctx.git, target, fill, message if request.git else "", dry_run=request.dry_run
    )
    return InitResult(target, below.name, files, outcome, request.dry_run)


def _values(name: str, below: Pattern, versions: str, ctx: Context) -> dict[str, object]:
    version = below.manifest.version
    first, *rest = version.split(".")
    compatible = f">={version},<{int(first) + 1}" if rest else f">={version}"
    package = known_patterns(ctx).package(below.name) if below.origin else ""
    return {
        "name": name,
        "module": f"cfpy_{name.replace('-', '_')}",
        "title": name.replace("-", " ").capitalize(),
        "extends": below.name,
        "requirement": f"{below.name}{versions or compatible}",
        "needs": [package] if package else [],
        "cfpy": installation().portable_requirement,
    }


def _fill(source: Path, tree: Path, values: dict[str, object]) -> None:
    environment = text_environment()
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            target = tree / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text("utf-8")
            if target.suffix == _FILLED:
                target = target.with_suffix("")
                text = environment.from_string(text).render(values)
            target.write_text(text, "utf-8")

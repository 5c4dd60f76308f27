"""Turns results into text or JSON, and option strings into requests."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.text import Text

from cfpy.cli import drawing
from cfpy.cli.console import Output, answering
from cfpy.cli.tree_view import draw_files
from cfpy.errors import UsageError
from cfpy.patterns.config_format import ConfigFormat
from cfpy.patterns.new import NewResult, read_answers_file
from cfpy.patterns.pattern import Pattern
from cfpy.tools.git import GitOutcome

_KEEPS_TERMINAL = ["cfpy", "dev"]
_WORKFLOW = ".github/workflows/ci.yml"
_GIT_NOTES = {
    GitOutcome.COMMITTED: "git repository with a first commit",
    GitOutcome.NOT_WANTED: "no git repository, as requested",
    GitOutcome.NO_GIT: "no git repository: git is not installed",
    GitOutcome.INSIDE_REPOSITORY: "no new git repository: it is inside another one",
    GitOutcome.FAILED: "no git repository: git failed; run `git init` to see why",
}


def config_format(value: str) -> ConfigFormat:
    """The format that ``--config`` names.

    Raises:
        UsageError: There is no such format.
    """
    if value not in list(ConfigFormat):
        raise UsageError(f"--config {value!r} is not a format", hint="Use toml or jsonc.")
    return ConfigFormat(value)


def merge_answers(file: Path | None, options: Sequence[str]) -> dict[str, Any]:
    """Answers from a file, overridden by ``KEY=VALUE`` options.

    Raises:
        UsageError: An option has no ``=``, or the file can't be read.
    """
    answers = {} if file is None else read_answers_file(file)
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise UsageError(
                f"--answer {option!r} is not KEY=VALUE", hint="For example: --answer language=en"
            )
        answers[key] = value
    return answers


def asks_for_trust(output: Output) -> Callable[[Pattern], bool]:
    """Asks whether a pattern may run its code, and shows all of it."""

    def ask(pattern: Pattern) -> bool:
        assert pattern.origin is not None
        output.note(f"{pattern.origin.source} ({pattern.origin.pin[:12]}) wants to run:", "bold")
        for line in pattern.unsafe:
            output.note(f"  {line}", "yellow")
        with answering(output, "Nothing was created or changed."):
            return input("Do you trust it? [y/N] ").strip().lower() in ("y", "yes")

    return ask


def tells(output: Output) -> Callable[[str], None]:
    """Shows a pattern's messages, unless --quiet is given, and stops the spinner, because a
    question may follow."""

    def tell(text: str) -> None:
        output.end_progress()
        # Remove control characters: a pattern's message must not move the cursor or change colours.
        plain = "".join(sign for sign in text.rstrip() if sign.isprintable() or sign in "\n\t")
        if plain and not output.quiet:
            output.note(plain)

    return tell


def show_new(output: Output, result: NewResult, *, whole_tree: bool) -> None:
    """Report ``cfpy new``; ``whole_tree`` lists every file."""
    steps = [shlex.join(["cd", str(result.path)]), *result.pattern.next_steps]
    if output.json:
        output.data(
            "new",
            {
                "path": str(result.path.resolve()),
                "pattern": {
                    "name": result.pattern.name,
                    "version": result.pattern.manifest.version,
                },
                "answers": dict(result.answers),
                "files": list(result.files),
                "git": str(result.git),
                "dry_run": result.dry_run,
                "next_steps": steps,
            },
        )
        return
    verb = "Would create" if result.dry_run else "Created"
    output.show(
        f"{verb} [bold]{escape(str(result.path))}[/bold] from the pattern "
        f"[bold]{result.pattern.name}[/bold] {result.pattern.manifest.version}",
        *draw_files(result.path.name, result.files, whole=whole_tree),
    )
    if not result.dry_run:
        output.show(Text(f"({_GIT_NOTES[result.git]})", style="dim"))
        _show_steps(output, steps)
        if _lacks_source(result.path / _WORKFLOW):
            note = f"\nBefore you push: {_WORKFLOW} needs the address of cfpy's repository in CFPY."
            output.show(Text(note, style="yellow"))


def _lacks_source(workflow: Path) -> bool:
    """Whether CI can't install cfpy yet: this one came from a directory, which CI can't reach."""
    return workflow.is_file() and 'CFPY: ""' in workflow.read_text("utf-8")


def _show_steps(output: Output, steps: Sequence[str]) -> None:
    """What to run; ``cfpy dev`` keeps its terminal, so the steps after it need another one."""
    stays = [number for number, step in enumerate(steps) if step.split()[:2] == _KEEPS_TERMINAL]
    here = stays[0] + 1 if stays else len(steps)
    parts = {"Next": steps[:here]}
    if steps[here:]:
        parts["In another terminal"] = [steps[0], *steps[here:]]
    for heading, commands in parts.items():
        output.show(Text(f"\n{heading}", style="bold"))
        output.show(*(Text(f"  {command}", style="cyan") for command in commands))


def show_patterns(output: Output, patterns: Sequence[Pattern]) -> None:
    """Report ``cfpy patterns``."""
    if output.json:
        output.data("patterns", {"patterns": [_pattern_summary(p) for p in patterns]})
        return
    table = drawing.table("pattern", "version", "what it creates")
    for pattern in patterns:
        table.add_row(pattern.name, pattern.manifest.version, escape(pattern.manifest.summary))
    output.show(table, Text("\nMore: cfpy patterns show NAME", style="dim"))


def show_pattern_tree(
    output: Output, pattern: Pattern, files: Mapping[str, tuple[str, ...]]
) -> None:
    """Report ``cfpy patterns show --tree``: the files that a layer adds, replaces or fills."""
    layers = " < ".join(layer.name for layer in pattern.layers)
    output.show(Text(layers, style="bold"))
    table = drawing.table("file", "from", "over")
    for name, owners in files.items():
        table.add_row(Text(name), owners[-1], Text(", ".join(owners[:-1]), style="dim"))
    output.show(table)


def show_pattern(output: Output, pattern: Pattern, files: Mapping[str, tuple[str, ...]]) -> None:
    """Report ``cfpy patterns show``."""
    manifest = pattern.manifest
    if output.json:
        output.data(
            "patterns show",
            {
                **_pattern_summary(pattern),
                "questions": [
                    {
                        "name": question.name,
                        "type": question.type,
                        "help": question.help,
                        "default": question.default,
                        "choices": list(question.choices),
                    }
                    for question in pattern.questions
                ],
                "resources": [vars(resource) for resource in pattern.resources],
                "secrets": [vars(secret) for secret in pattern.secrets],
                "next_steps": list(pattern.next_steps),
                "runs": list(pattern.unsafe),
                "layers": [layer.name for layer in pattern.layers],
                "files": {name: list(owners) for name, owners in files.items()},
            },
        )
        return
    output.show(
        f"[bold]{pattern.name}[/bold] {manifest.version}: {escape(manifest.title)}",
        Text(manifest.summary),
        Text(f"\nServices: {', '.join(pattern.services)}"),
    )
    questions = drawing.table("\nquestion", "takes", "default", "meaning")
    for question in pattern.questions:
        takes = " | ".join(map(str, question.choices)) or question.type
        default = "" if question.default is None else str(question.default)
        questions.add_row(question.name, Text(takes), Text(default), Text(question.help))
    resources = drawing.table("\nresource", "binding", "purpose")
    for resource in pattern.resources:
        resources.add_row(resource.kind, resource.binding, Text(resource.purpose))
    for secret in pattern.secrets:
        resources.add_row("secret", secret.name, Text(secret.purpose))
    output.show(questions, resources)
    for line in pattern.unsafe:
        output.show(Text(f"It wants to run {line}", style="yellow"))
    source = pattern.origin.source if pattern.origin else pattern.name
    output.show(Text(f"\nNext: {shlex.join(['cfpy', 'new', source, 'myapp'])}", style="dim"))


def _pattern_summary(pattern: Pattern) -> dict[str, Any]:
    manifest = pattern.manifest
    return {
        "name": pattern.name,
        "title": manifest.title,
        "summary": manifest.summary,
        "version": manifest.version,
        "services": list(pattern.services),
    }

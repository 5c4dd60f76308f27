"""``cfpy new``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from cfpy.cli import draw
from cfpy.cli.answers import asks_for_trust, merge_answers, tells
from cfpy.cli.console import Output, has_terminal
from cfpy.cli.options import (
    Answer,
    AnswersFile,
    Defaults,
    DryRun,
    Json,
    NewConfig,
    complete_patterns,
    context_of,
)
from cfpy.errors import UsageError
from cfpy.tools.git import GitOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfpy.patterns.config_format import ConfigFormat
    from cfpy.patterns.new import NewResult

app = typer.Typer(rich_markup_mode=None)


_KEEPS_TERMINAL = ["cfpy", "dev"]


_GIT_NOTES = {
    GitOutcome.COMMITTED: "git repository with a first commit",
    GitOutcome.NOT_WANTED: "no git repository, as requested",
    GitOutcome.NO_GIT: "no git repository: git is not installed",
    GitOutcome.INSIDE_REPOSITORY: "no new git repository: it is inside another one",
    GitOutcome.FAILED: "no git repository: git failed; run `git init` to see why",
}


class NewCommand(typer.core.TyperCommand):
    """`cfpy new`. If an argument is missing, the error lists the patterns."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            missing = getattr(getattr(error, "param", None), "name", "")
            if missing in ("pattern", "name") and not getattr(error, "message", "x"):
                from cfpy.patterns.pattern_store import PatternStore

                names = ", ".join(PatternStore().names())
                example = "For example: cfpy new rag myapp"
                vars(error)["message"] = f"Patterns: {names}. {example}"
            raise


@app.command(cls=NewCommand)
def new(
    ctx: typer.Context,
    pattern: Annotated[
        str,
        typer.Argument(
            help="The pattern: a name from `cfpy patterns`, a directory (./mine), or a git "
            "repository (gh:owner/repository@v1).",
            autocompletion=complete_patterns,
        ),
    ],
    name: Annotated[str, typer.Argument(help="The project's and the Worker's name.")],
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to create it.", show_default="this directory")
    ] = Path(),
    answer: Answer = None,
    answers_file: AnswersFile = None,
    defaults: Defaults = False,
    dry_run: DryRun = False,
    no_git: Annotated[
        bool, typer.Option("--no-git", help="Do not create a git repository.")
    ] = False,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Let this version of the pattern run its tasks."),
    ] = False,
    config: NewConfig = "",
    tree: Annotated[
        bool, typer.Option("--tree", help="List every file, not only the top level.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Create a project from a pattern.

    Without a terminal there are no prompts: answers come from --answer, --answers-file and the
    pattern's defaults. A pattern from elsewhere does not run code unless you trust it.

    Example: cfpy new rag myapp
    """
    from cfpy.patterns.new import NewRequest
    from cfpy.patterns.new import run as run_new

    output = ctx.ensure_object(Output)
    request = NewRequest(
        pattern=pattern,
        name=name,
        parent=into,
        answers=merge_answers(answers_file, answer or []),
        interactive=not defaults and not json_output and has_terminal(),
        dry_run=dry_run,
        git=not no_git,
        trust=trust,
        config=config_format(config),
    )
    ask = asks_for_trust(output) if request.interactive else (lambda _: False)
    result = run_new(context_of(output), request, ask, tells(output))
    show_new(output, result, whole_tree=tree)
    tells(output)(result.closing)


def config_format(value: str) -> ConfigFormat | None:
    """The format that ``--config`` names; ``None`` for the pattern's.

    Raises:
        UsageError: There is no such format.
    """
    from cfpy.patterns.config_format import ConfigFormat

    if not value:
        return None
    if value not in (ConfigFormat.TOML, ConfigFormat.JSONC):
        raise UsageError(f"--config {value!r} is not a format", hint="Use toml or jsonc.")
    return ConfigFormat(value)


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
        f"{verb} [bold]{draw.escape(str(result.path))}[/bold] from the pattern "
        f"[bold]{result.pattern.name}[/bold] {result.pattern.manifest.version}",
        *draw.draw_files(result.path.name, result.files, whole=whole_tree),
    )
    if not result.dry_run:
        output.show(draw.Text(f"({_GIT_NOTES[result.git]})", style="dim"))
        _show_steps(output, steps)


def _show_steps(output: Output, steps: Sequence[str]) -> None:
    """What to run; ``cfpy dev`` keeps its terminal, so the steps after it need another one."""
    stays = [number for number, step in enumerate(steps) if step.split()[:2] == _KEEPS_TERMINAL]
    here = stays[0] + 1 if stays else len(steps)
    parts = {"Next": steps[:here]}
    if steps[here:]:
        parts["In another terminal"] = [steps[0], *steps[here:]]
    for heading, commands in parts.items():
        output.show(draw.Text(f"\n{heading}", style="bold"))
        output.show(*(draw.Text(f"  {command}", style="cyan") for command in commands))

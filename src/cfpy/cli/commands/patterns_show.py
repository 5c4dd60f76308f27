"""``cfpy patterns show``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import Json, complete_patterns, context_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfpy.patterns.pattern import Pattern

app = typer.Typer(rich_markup_mode=None)


@app.command("show")
def show(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(help="The pattern, as for cfpy new.", autocompletion=complete_patterns),
    ],
    tree: Annotated[
        bool, typer.Option("--tree", help="Show which file comes from which pattern.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Show a pattern's questions, resources, services and code.

    The code is what it would run if you trust it.

    Example: cfpy patterns show rag --tree
    """
    from cfpy.patterns.listing import pattern_files
    from cfpy.patterns.listing import show_pattern as find

    output = ctx.ensure_object(Output)
    pattern = find(context_of(output), name)
    if tree and not json_output:
        show_pattern_tree(output, pattern, pattern_files(pattern))
    else:
        show_pattern(output, pattern, pattern_files(pattern))


def show_pattern_tree(
    output: Output, pattern: Pattern, files: Mapping[str, tuple[str, ...]]
) -> None:
    """Report ``cfpy patterns show --tree``: the files that a layer adds, replaces or fills."""
    layers = " < ".join(layer.name for layer in pattern.layers)
    output.show(draw.Text(layers, style="bold"))
    table = draw.table("file", "from", "over")
    for name, owners in files.items():
        table.add_row(draw.Text(name), owners[-1], draw.Text(", ".join(owners[:-1]), style="dim"))
    output.show(table)


def show_pattern(output: Output, pattern: Pattern, files: Mapping[str, tuple[str, ...]]) -> None:
    """Report ``cfpy patterns show``."""
    manifest = pattern.manifest
    if output.json:
        output.data(
            "patterns show",
            {
                **pattern_summary(pattern),
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
        f"[bold]{pattern.name}[/bold] {manifest.version}: {draw.escape(manifest.title)}",
        draw.Text(manifest.summary),
        draw.Text(f"\nServices: {', '.join(pattern.services)}"),
    )
    questions = draw.table("\nquestion", "takes", "default", "meaning")
    for question in pattern.questions:
        takes = " | ".join(map(str, question.choices)) or question.type
        default = "" if question.default is None else str(question.default)
        questions.add_row(
            question.name, draw.Text(takes), draw.Text(default), draw.Text(question.help)
        )
    resources = draw.table("\nresource", "binding", "purpose")
    for resource in pattern.resources:
        resources.add_row(resource.kind, resource.binding, draw.Text(resource.purpose))
    for secret in pattern.secrets:
        resources.add_row("secret", secret.name, draw.Text(secret.purpose))
    output.show(questions, resources)
    for line in pattern.unsafe:
        output.show(draw.Text(f"It wants to run {line}", style="yellow"))
    source = pattern.origin.source if pattern.origin else pattern.name
    output.show(draw.Text(f"\nNext: {shlex.join(['cfpy', 'new', source, 'myapp'])}", style="dim"))


def pattern_summary(pattern: Pattern) -> dict[str, Any]:
    manifest = pattern.manifest
    return {
        "name": pattern.name,
        "title": manifest.title,
        "summary": manifest.summary,
        "version": manifest.version,
        "services": list(pattern.services),
    }

"""Shows what changed in a project's files."""

from __future__ import annotations

import difflib

from rich.text import Text

from cfpy.cli.console import Output
from cfpy.commands.add import Added

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def show_addition(output: Output, added: Added, *, dry_run: bool) -> None:
    """Report ``cfpy add``."""
    addition = added.addition
    # A schedule and a binding of Workers AI or of assets make nothing in the account.
    makes = addition.resource and addition.kind not in ("analytics", "hyperdrive", "workflow")
    steps = ["cfpy provision"] if makes else []
    steps += [
        f"cfpy add {addition.kind} {addition.binding.lower()} --env {name}"
        for name in added.lacking
    ]
    if output.json:
        output.data(
            "add",
            {
                "kind": addition.kind,
                "binding": addition.binding,
                "resource": addition.resource,
                "environment": addition.environment,
                "files": sorted(added.files),
                "snippet": added.snippet,
                "dry_run": dry_run,
                "next_steps": steps,
            },
        )
        return
    if dry_run:
        for name, text in added.files.items():
            show_diff(output, name, added.before[name], text)
    else:
        where = f" of the environment {addition.environment}" if addition.environment else ""
        output.show(Text(f"Added {addition.kind} {addition.binding}{where}", style="bold"))
        for name in added.files:
            output.show(Text(f"  {'changed' if added.before[name] else 'new':8}{name}"))
    output.show(Text("\nUse", style="bold"))
    for line in added.snippet.splitlines():
        output.show(Text(f"  {line}", no_wrap=True, overflow="ignore"))
    if steps:
        output.show(Text("\nNext", style="bold"), *(Text(f"  {s}", style="cyan") for s in steps))


def show_diff(output: Output, name: str, before: str, after: str) -> None:
    """Draw the lines that differ, as ``git diff`` does."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm=""
    )
    for line in lines:
        style = "bold" if line.startswith(("---", "+++")) else _STYLES.get(line[:1], "")
        output.show(Text(line, style=style))

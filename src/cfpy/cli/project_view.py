"""Shows what changed in a project's files."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from rich.text import Text

from cfpy.bindings.add import Added
from cfpy.cli.console import Output
from cfpy.cli.drawing import DIFF_STYLES
from cfpy.patterns.answers_file import MadeOf
from cfpy.patterns.departures import Departure
from cfpy.patterns.merge import Outcome
from cfpy.patterns.update import UpdateResult


def show_addition(output: Output, added: Added, *, dry_run: bool) -> None:
    """Report ``cfpy add``."""
    addition = added.addition
    words: list[tuple[str, ...]] = [("dev",), *([("provision",)] if added.kind.owned else [])]
    words += [(*added.again, "--env", name) for name in added.lacking]
    steps = [output.invocation.command(*step) for step in words]
    if output.json:
        output.data(
            "add",
            {
                "kind": added.kind.name,
                "binding": addition.binding,
                "resource": addition.resource,
                "environment": added.environment,
                "files": sorted(added.files),
                "snippet": added.snippet,
                "note": added.note,
                "dry_run": dry_run,
                "next_steps": steps,
            },
        )
        return
    if dry_run:
        for name, text in added.files.items():
            show_diff(output, name, added.before[name], text)
    else:
        where = f" to the environment {added.environment}" if added.environment else ""
        output.show(Text(f"Added {added.kind.label} {addition.binding}{where}", style="bold"))
        for name in added.files:
            output.show(Text(f"  {'changed' if added.before[name] else 'new':8}{name}"))
    output.show(Text("\nUse", style="bold"))
    for line in added.snippet.splitlines():
        output.show(Text(f"  {line}", no_wrap=True, overflow="ignore"))
    if added.note:
        output.show(Text(f"\n{added.note}", style="yellow"))
    if steps:
        output.show(Text("\nNext", style="bold"), *(Text(f"  {s}", style="cyan") for s in steps))


def show_diff(output: Output, name: str, before: str, after: str) -> None:
    """Draw the lines that differ, like ``git diff``."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm=""
    )
    for line in lines:
        style = "bold" if line.startswith(("---", "+++")) else DIFF_STYLES.get(line[:1], "")
        output.show(Text(line, style=style))


def show_update(output: Output, result: UpdateResult, *, only_look: bool) -> None:
    """Report ``cfpy update``."""
    old, new = result.old, result.new
    if output.json:
        output.data(
            "update",
            {
                "pattern": new.name,
                "from": old.version,
                "to": new.version,
                "up_to_date": result.up_to_date,
                "files": [
                    {"name": step.name, "outcome": str(step.outcome), "note": step.note}
                    for step in result.steps
                ],
                "conflicts": [step.name for step in result.conflicts],
                "dry_run": only_look,
            },
        )
        return
    if result.up_to_date:
        output.show(Text(f"{new.name} {new.version}: nothing to update"))
        return
    if only_look:
        for name, before in result.before.items():
            _show_change(output, name, before, result.after[name])
    verb = "Would update" if only_look else "Updated"
    output.show(Text(f"{verb} {new.name} from {old.version} to {new.version}", style="bold"))
    for step in result.steps:
        style = "red" if step.outcome is Outcome.CONFLICT else ""
        note = f" ({step.note})" if step.note else ""
        text = f"  {step.outcome.replace('_', ' '):14}{step.name}{note}"
        output.show(Text(text, style=style))
    if not only_look:
        git = output.invocation.git
        steps = [git("diff"), output.invocation.command("test"), git("commit", "--all")]
        if result.conflicts:
            steps.insert(0, f"fix the conflicts: {git('diff', '--check')} lists their markers")
        output.show(Text("\nNext", style="bold"), *(Text(f"  {s}", style="cyan") for s in steps))


def show_departures(output: Output, record: MadeOf, found: Sequence[Departure]) -> None:
    """Report ``cfpy diff``."""
    if output.json:
        files = [
            {"name": item.name, "change": _kind(item), "binary": _text(item.after) is None}
            for item in found
        ]
        output.data("diff", {"pattern": record.name, "version": record.version, "files": files})
        return
    for item in found:
        if _kind(item) == "added":
            output.show(Text(f"only here: {item.name}", style="bold"))
        else:
            _show_change(output, item.name, item.before, item.after)
    if not found:
        output.show(Text(f"No differences from {record.name} {record.version}."))


def _kind(item: Departure) -> str:
    if item.after is None:
        return "deleted"
    return "changed" if item.before is not None or item.in_pattern else "added"


def _show_change(output: Output, name: str, before: bytes | None, after: bytes | None) -> None:
    old, new = _text(before), _text(after)
    if old is None or new is None:
        output.show(Text(f"differs, but is not a text file: {name}", style="bold"))
    else:
        show_diff(output, name, old, new)


def _text(data: bytes | None) -> str | None:
    """``data`` as a string, ``None`` if it is not text."""
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        return None

"""Reports ``cfpy env``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cfpy.cli import drawing
from cfpy.cli.console import Output
from cfpy.cli.plan_view import confirmed
from cfpy.cli.project_view import show_diff

if TYPE_CHECKING:
    from rich.table import Table

    from cfpy.account.desired import DesiredState
    from cfpy.account.env import AddedEnvironment, RemovedEnvironment


def show_environments(output: Output, environments: Sequence[DesiredState]) -> None:
    """Each environment, with its Worker and its resources."""
    from cfpy.account.owned.registry import LISTED, RESOURCES

    rows = [
        {
            "name": item.environment,
            "worker": item.worker,
            **{kind.listed: list(kind.names(item)) for kind in LISTED},
        }
        for item in environments
    ]
    if output.json:
        output.data("env list", {"environments": rows})
        return
    table = drawing.table("environment", "Worker", "resources")
    for row in rows:
        named = [name for kind in LISTED if kind.name in RESOURCES for name in row[kind.listed]]
        table.add_row(str(row["name"]) or "(top level)", str(row["worker"]), ", ".join(named))
    output.show(table)


def show_added(output: Output, added: AddedEnvironment, *, dry_run: bool) -> None:
    """Show each environment's parts."""
    new = added.environment
    if output.json:
        data = {"name": new.name, "worker": new.worker, "renamed": dict(new.renamed)}
        more = {"shared": list(new.shared), "files": added.texts, "dry_run": dry_run}
        output.data("env add", data | more)
        return
    if dry_run:
        for file, text in added.after.items():
            show_diff(output, file, added.before[file], text)
    else:
        output.show(Text(f"Added the environment {new.name}", style="bold"))
        output.show(*(Text(f"  changed {file}") for file in added.after), "")
    output.show(_summary(new.worker, new.tables))
    for key, bindings in new.shared.items():
        note = (
            f"Both environments use the same {key} ({', '.join(bindings)}): to separate them, "
            f"edit [env.{new.name}]."
        )
        output.show(Text(note, style="yellow"))
    if not dry_run:
        output.show(Text(f"\nNext\n  {output.invocation.command('up', '--env', new.name)}"))


def _summary(worker: str, tables: Mapping[str, Any]) -> Table:
    """An environment's Worker and resources."""
    table = drawing.table("Worker", worker)
    for title, names in _resources(worker, tables).items():
        for name in names:
            table.add_row(title, Text(name))
    return table


def _resources(worker: str, tables: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names of an environment's resources, by kind."""
    from cfpy.account.desired import default_name
    from cfpy.bindings.registry import KINDS

    found: dict[str, dict[str, None]] = {}
    for kind in KINDS:
        if not kind.name_keys and not kind.owned:
            continue
        for item in kind.entries(tables):
            names = [str(item[key]) for key in kind.name_keys if item.get(key)]
            binding = item.get(kind.binding_key)
            if not names and kind.owned and binding:
                # A namespace of Workers KV has no name in the file, others may have none yet.
                names = [default_name(worker, str(binding))]
            found.setdefault(kind.label, {}).update(dict.fromkeys(names))
    return {label: list(found[label]) for label in sorted(found)}


class RemovalView:
    """Asks and reports for ``cfpy env remove``."""

    def __init__(self, output: Output, *, yes: bool, dry_run: bool) -> None:
        self._output = output
        self._yes = yes
        self._dry_run = dry_run

    def confirm(self, found: RemovedEnvironment) -> bool:
        """Summarize what would be removed, and ask whether to continue.

        Raises:
            UsageError: There is no terminal to ask on.
        """
        if not self._output.json and not self._yes:
            self._describe(found)
        return confirmed(
            self._output,
            f"Remove the environment {found.name} from {' and '.join(found.after)}?",
            "Pass --yes to remove it without a prompt; --dry-run shows what changes.",
            yes=self._yes,
        )

    def show(self, found: RemovedEnvironment | None) -> None:
        """Report the result."""
        output = self._output
        if found is None:
            output.note("Nothing was changed.")
            return
        if output.json:
            data = {"name": found.name, "worker": found.worker, "files": list(found.after)}
            kept = {
                "kept_files": list(found.kept_files),
                "kept_resources": list(found.kept_resources),
            }
            output.data("env remove", data | kept | {"dry_run": self._dry_run})
            return
        if self._dry_run:
            for file, text in found.after.items():
                show_diff(output, file, found.before[file], text)
        else:
            output.show(Text(f"Removed the environment {found.name}", style="bold"))
            output.show(*(Text(f"  changed {file}") for file in found.after))
        self._kept(found)

    def _describe(self, found: RemovedEnvironment) -> None:
        """What would be removed, in a few lines."""
        output = self._output
        output.show(Text(f"The environment {found.name}", style="bold"))
        output.show(_summary(found.worker, found.tables), "")
        for file, text in found.after.items():
            lines = len(found.before[file].splitlines()) - len(text.splitlines())
            output.show(Text(f"  change  {file}: {lines} lines less"))
        self._kept(found)
        if not found.kept_resources:
            output.show(Text("  account nothing: by its record, cfpy created nothing there for it"))
        command = output.invocation.command("env", "remove", found.name, "--dry-run")
        output.show(Text(f"\nTo see every line: {command}"))

    def _kept(self, found: RemovedEnvironment) -> None:
        for file in found.kept_files:
            text = f"  kept    {file}: it may hold secrets. Delete it if you do not need it."
            self._output.show(Text(text))
        for key in found.kept_resources:
            self._output.show(Text(f"  kept    {key} in the account", style="yellow"))

"""``cfpy adopt``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.commands.ci_init import show_needed
from cfpy.cli.console import Output
from cfpy.cli.diffs import show_diff
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Environment,
    Json,
    ProjectDirectory,
    context_of,
    project_at,
)

if TYPE_CHECKING:
    from cfpy.account.adopt import Adopted
    from cfpy.patterns.ci import CiResult

app = typer.Typer(rich_markup_mode=None)


@app.command()
def adopt(
    ctx: typer.Context,
    env: Environment = "",
    tests: Annotated[
        bool, typer.Option("--tests", help="Add a test that runs the Worker.")
    ] = False,
    ci: Annotated[bool, typer.Option("--ci", help="Add a GitHub workflow.")] = False,
    agents: Annotated[
        bool, typer.Option("--agents", help="Add an AGENTS.md for coding agents.")
    ] = False,
    remove_ids: Annotated[
        bool,
        typer.Option(
            "--remove-ids",
            help="Remove ids that the account does not have, such as those of an example.",
        ),
    ] = False,
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Use cfpy with a Worker that it did not create.

    Reads what the Worker has in the account, and writes it into the project: missing ids into the
    configuration, Vectorize indexes and the names of secrets into cfpy.toml. Changes nothing in the
    account and no code. cfpy destroy keeps what was adopted unless you name it.

    It needs a login: `cfpy wrangler login`, or CLOUDFLARE_API_TOKEN. Without one, --tests, --ci and
    --agents still add their files, and nothing else happens. cfpy dev, add, cost, doctor and test
    work for such a Worker without a login, and without cfpy adopt.

    With --remove-ids, an id in the configuration that the account does not have is removed; then
    cfpy provision creates the database or namespace and writes its id.

    Example: cfpy adopt --dry-run
    """
    from cfpy.account.adopt import WORKFLOW, AdoptRequest, run
    from cfpy.tools.installed import installation

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    extras = tuple(
        name for name, wanted in (("tests", tests), ("ci", ci), ("agents", agents)) if wanted
    )
    request = AdoptRequest(root, env, extras, dry_run, file, remove_ids)
    standard = ci and not installation().pinned_requirement and not (root / WORKFLOW).exists()
    if standard:
        # What is wrong with it comes before anything is changed.
        _ci_init(output, root, file, dry_run=True)
    found = run(context_of(output), request)
    workflows = _ci_init(output, root, file, dry_run=dry_run) if standard else None
    needed = dict(workflows.variables) if workflows else {}
    if WORKFLOW in found.after:
        needed = {"production": ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID")}
    _show(output, found, workflows, needed, dry_run=dry_run)


def _ci_init(output: Output, root: Path, config: Path | None, *, dry_run: bool) -> CiResult:
    """`cfpy ci init github`, which replaces nothing here."""
    from cfpy.patterns.ci import CiRequest, run
    from cfpy.patterns.ci_text import Provider

    request = CiRequest(root, Provider.GITHUB, dry_run=dry_run, config=config)
    return run(context_of(output), request, lambda result: not result.before)


def _show(
    output: Output,
    found: Adopted,
    workflows: CiResult | None,
    needed: Mapping[str, tuple[str, ...]],
    *,
    dry_run: bool,
) -> None:
    left_out = workflows.left_out if workflows else ()
    after = {**found.after, **(workflows.after if workflows else {})}
    before = {**dict.fromkeys(after, ""), **found.before, **(workflows.before if workflows else {})}
    if output.json:
        data: dict[str, object] = {
            "worker": found.worker,
            "deployed": found.deployed,
            "dry_run": dry_run,
        }
        names = {"resources": dict(found.resources), "missing": list(found.missing)}
        files = {"files": after, "kept_files": list(found.kept)}
        files["removed_ids"] = dict(found.removed)
        files["ci_secrets"] = {name: list(items) for name, items in needed.items()}
        files["left_out"] = list(left_out)
        data |= {"logged_in": found.logged_in}
        output.data("adopt", data | names | {"secrets": list(found.secrets)} | files)
        return
    table = draw.table("adopted", "id")
    for key, id_ in found.resources.items():
        table.add_row(draw.Text(key), draw.Text(id_))
    if found.resources:
        output.show(table)
    if found.secrets:
        output.show(draw.Text(f"Secrets in the account: {', '.join(found.secrets)}"))
    for binding, id_ in found.removed.items():
        removed = "would be removed" if dry_run else "removed"
        output.show(
            draw.Text(f"The id {id_} of {binding} {removed}: the account does not have it.")
        )
    if not found.logged_in:
        note = "Nobody is logged in, so nothing of the account was read: only files are added."
        output.show(draw.Text(note, style="yellow"))
    elif not found.deployed:
        output.show(draw.Text(f"The account has no Worker {found.worker} yet.", style="yellow"))
    if found.missing:
        output.show(draw.Text(f"Not in the account: {', '.join(found.missing)}", style="yellow"))
    for name, text in after.items():
        if dry_run:
            show_diff(output, name, before[name], text)
        else:
            output.show(draw.Text(f"  {'changed' if before[name] else 'new    '} {name}"))
    for name in found.kept:
        output.show(draw.Text(f"  kept    {name}: it exists already", style="yellow"))
    # Each deploys: no other branch may get its token.
    show_needed(output, "github", left_out, needed, needed)
    following = "plan" if found.logged_in else "test"
    output.show(draw.Text(f"\nNext\n  {output.invocation.command(following)}"))

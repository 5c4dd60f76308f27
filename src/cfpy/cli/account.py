"""The commands that work on a Cloudflare account."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from cfpy.cli.console import Output
from cfpy.cli.environments import env_app
from cfpy.cli.options import (
    ConfigFile,
    DryRun,
    Environment,
    Json,
    ProjectDirectory,
    Yes,
    context_of,
    project_at,
    set_json,
)

account_app = typer.Typer(rich_markup_mode=None)

# In addition to the exit codes of errors.py: `cfpy plan` and `cfpy doctor` found something to do.
_SOMETHING_TO_DO = 1
_CONFLICT = 7

SecretsFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Values of secrets, as JSON or KEY=VALUE lines; - reads standard input.",
    ),
]
Health = Annotated[
    str, typer.Option(metavar="PATH", help="Path to check after deploying; empty skips the check.")
]
Url = Annotated[
    str, typer.Option(help="Address of the Worker, if not the one that wrangler prints.")
]
Wait = Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait for an answer.")]
Rollback = Annotated[
    bool,
    typer.Option("--rollback-on-failure", help="Roll back to the old version if the check fails."),
]


@account_app.command()
def up(
    ctx: typer.Context,
    env: Environment = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    secrets_file: SecretsFile = None,
    health: Health = "/health",
    url: Url = "",
    wait: Wait = 60.0,
    rollback_on_failure: Rollback = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Provision and deploy: from a project to a live application.

    The same as cfpy deploy --provision.

    Example: cfpy up
    """
    deploy(
        ctx,
        env,
        yes,
        dry_run,
        provision=True,
        secrets_file=secrets_file,
        health=health,
        url=url,
        wait=wait,
        rollback_on_failure=rollback_on_failure,
        cwd=cwd,
        config=config,
    )


@account_app.command()
def plan(
    ctx: typer.Context,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Compare the project with its Cloudflare account.

    Changes nothing. Reads the account with CLOUDFLARE_API_TOKEN, or with wrangler's login. Exits
    with 0 if the account has everything that the project needs, with 1 if there are changes to
    apply, with 7 if there is a conflict.

    Example: cfpy plan --env staging
    """
    from cfpy.account.planning import PlanRequest, run
    from cfpy.cli.plan_view import show_plan

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    found = run(context_of(output), PlanRequest(root, env, file))
    show_plan(output, found)
    if found.changes:
        raise typer.Exit(_CONFLICT if found.conflicts else _SOMETHING_TO_DO)


@account_app.command()
def provision(
    ctx: typer.Context,
    env: Environment = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    secrets_file: SecretsFile = None,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Create the resources that are missing in the account.

    Creates what the project needs. Writes ids into the configuration and changes nothing else
    there. Run it again to continue after a failure. The value of a secret comes from
    --secrets-file, from the environment variable of the same name, or from a prompt. --dry-run is
    the same as cfpy plan.

    Example: cfpy provision --env staging
    """
    if dry_run:
        plan(ctx, env, cwd, config, json_output)
        return
    from cfpy.account.provision import ProvisionRequest, run
    from cfpy.account.secrets_file import read_secrets
    from cfpy.cli.plan_view import ProvisionView

    output = ctx.ensure_object(Output)
    view = ProvisionView(output, yes=yes)
    given = read_secrets(secrets_file)
    root, file = project_at(output, cwd, config)
    request = ProvisionRequest(root, env, given, view.ask, view.reveal, file)
    view.show(run(context_of(output), request, view.confirm, view.done))


@account_app.command()
def deploy(
    ctx: typer.Context,
    env: Environment = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    provision: Annotated[
        bool, typer.Option("--provision", help="First create what is missing in the account.")
    ] = False,
    secrets_file: SecretsFile = None,
    health: Health = "/health",
    url: Url = "",
    wait: Wait = 60.0,
    rollback_on_failure: Rollback = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Deploy the project, and check that it answers.

    First checks that the account has what the project needs, installs the Worker's packages, and
    applies pending migrations before the new code is live. With --dry-run, it installs the packages
    in the project so that wrangler can check the upload, and changes nothing else.

    Example: cfpy deploy --env staging --rollback-on-failure
    """
    from cfpy.account.deploy import DeployRequest, Provisioning, run
    from cfpy.account.provision import ProvisionRequest
    from cfpy.account.secrets_file import read_secrets
    from cfpy.cli.plan_view import DeployView, ProvisionView

    output = ctx.ensure_object(Output)
    view = DeployView(output, yes=yes, provisions=provision)
    root, file = project_at(output, cwd, config)
    making = None
    if provision:
        steps = ProvisionView(output, yes=yes)
        given = read_secrets(secrets_file)
        asked = ProvisionRequest(root, env, given, steps.ask, steps.reveal, file)
        making = Provisioning(asked, steps.done)
    request = DeployRequest(
        root, env, health, url, rollback_on_failure, dry_run, wait, making, file
    )
    view.show(run(context_of(output), request, view.confirm))


@account_app.command()
def status(
    ctx: typer.Context,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Show what the project has in its account.

    Shows resources, the live version, pending migrations, and where the live version differs from
    the configuration. Exits with 7 if there is a conflict.

    Example: cfpy status --env staging
    """
    from cfpy.account.status import StatusRequest, run
    from cfpy.cli.account_view import show_status

    output = ctx.ensure_object(Output)
    root, file = project_at(output, cwd, config)
    found = run(context_of(output), StatusRequest(root, env, file))
    show_status(output, found)
    if found.plan.conflicts:
        raise typer.Exit(_CONFLICT)


@account_app.command()
def logs(
    ctx: typer.Context,
    env: Environment = "",
    status: Annotated[
        str, typer.Option(metavar="ok|error|canceled", help="Only requests that ended this way.")
    ] = "",
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only requests that logged this.")
    ] = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Annotated[
        bool,
        typer.Option(
            "--json", callback=set_json, help="Print JSON documents, as wrangler tail does."
        ),
    ] = False,
) -> None:
    """Show the live Worker's requests and logs as they arrive.

    Ctrl-C stops it.

    Example: cfpy logs --status error
    """
    from cfpy.account.logs import LogsRequest, run

    output = ctx.ensure_object(Output)
    output.lasts = True
    root, file = project_at(output, cwd, config)
    request = LogsRequest(root, env, json_output, status, search, file)
    raise typer.Exit(run(context_of(output), request))


@account_app.command()
def destroy(
    ctx: typer.Context,
    env: Environment = "",
    delete_data: Annotated[
        bool,
        typer.Option(
            "--delete-data", help="Also delete resources with data: D1, KV, R2, queues ..."
        ),
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:NAME",
            help="Also delete this resource, which cfpy did not create; repeatable.",
        ),
    ] = None,
    yes: Yes = False,
    confirm: Annotated[
        str, typer.Option(metavar="NAME", help="The Worker's name, instead of typing it.")
    ] = "",
    dry_run: DryRun = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Delete the project's resources in its account.

    First shows what would be deleted, and asks for the Worker's name. In a script, pass --yes and
    --confirm NAME. Keeps resources with data unless --delete-data is given, and resources that cfpy
    did not create unless --include names them. Never empties a bucket.

    Example: cfpy destroy --env staging --delete-data
    """
    from cfpy.account.destroy import DestroyRequest, run
    from cfpy.cli.account_view import DestroyView

    output = ctx.ensure_object(Output)
    options = ["--delete-data"] if delete_data else []
    options += [part for key in include or () for part in ("--include", key)]
    view = DestroyView(output, yes=yes, confirm=confirm, dry_run=dry_run, options=options)
    root, file = project_at(output, cwd, config)
    request = DestroyRequest(root, env, delete_data, frozenset(include or ()), dry_run, file)
    view.show(run(context_of(output), request, view.confirm, view.done))


@account_app.command()
def doctor(
    ctx: typer.Context,
    env: Environment = "",
    account: Annotated[
        bool, typer.Option("--account", help="Require a login to Cloudflare.")
    ] = False,
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Check Node, wrangler, the login and the project.

    Shows how to fix each problem. Changes and installs nothing. Exits with 1 if there is a problem.
    A missing login is only a warning, because you create, run and test a project without one; with
    --account it is a problem.

    Example: cfpy doctor
    """
    from cfpy.account.doctor import run
    from cfpy.cli.account_view import show_checks
    from cfpy.errors import ProjectError

    output = ctx.ensure_object(Output)
    root, file = cwd, None
    # One of the checks reports what is wrong with it.
    with contextlib.suppress(ProjectError):
        root, file = project_at(output, cwd, config)
    checks = run(context_of(output), root, env, file or config, account=account)
    show_checks(output, checks)
    if any(check.state == "error" for check in checks):
        raise typer.Exit(_SOMETHING_TO_DO)


account_app.add_typer(env_app, name="env")

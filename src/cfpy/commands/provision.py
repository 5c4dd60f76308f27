"""``cfpy provision``: makes what a project needs and its account lacks.

One wrangler command for each thing that is missing; what only has to be looked at is read from the
API. After every command the account is read again, whatever its exit code says: an answer can be
lost, and queues tell no id. So an interrupted run is simply run again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from cfpy.adapters.cloudflare import Account
from cfpy.adapters.wrangler import Wrangler
from cfpy.adapters.wrangler_config import load_project
from cfpy.adapters.wrangler_edit import set_id
from cfpy.commands.context import Context
from cfpy.commands.plan import login
from cfpy.domain.plan import Action, Do, Plan, diff
from cfpy.domain.project import Project, Secret
from cfpy.domain.resources import DesiredState, desired_state
from cfpy.errors import CfpyError, PlanConflictError, UsageError, WranglerError

_ATTEMPTS = 4
_LONGEST_WAIT_SECONDS = 60.0
# wrangler takes a core to start; more at once are slower, not faster.
_AT_ONCE = 2
_SUBCOMMANDS = {
    "queue": "queues create",
    "r2": "r2 bucket create",
    "d1": "d1 create",
    "kv": "kv namespace create",
}


@dataclass(frozen=True)
class ProvisionRequest:
    """``ask`` gives the value of a secret that nobody has given yet, or ``None``. Values are made
    up only where there is a terminal to ``show`` them on: nobody could use one that nobody saw.
    """

    root: Path
    environment: str
    ask: Callable[[Secret], str | None]
    show: bool


@dataclass(frozen=True)
class ProvisionResult:
    """What was done. ``generated`` are secrets that were made up: to be shown once, never kept."""

    plan: Plan
    generated: Mapping[str, str] = field(repr=False)


def run(
    ctx: Context,
    request: ProvisionRequest,
    confirm: Callable[[Plan], bool],
    on_action: Callable[[Action], None],
) -> ProvisionResult | None:
    """Make the account match the project.

    Args:
        ctx: Adapters.
        request: What to provision.
        confirm: Shown the plan before anything is changed; nothing is if it says no.
        on_action: Called for each step that is done.

    Returns:
        What was done, or ``None`` if it was not confirmed.

    Raises:
        PlanConflictError: Something in the account is in the way. Nothing was changed.
        UsageError: A secret has no value, or another run is under way. Nothing was changed.
        WranglerError: A step failed. What was done before stays; run it again to go on.
    """
    with _alone(request.root):
        project = load_project(request.root)
        credentials = login(ctx, project, request.environment)
        account = Account(credentials["CLOUDFLARE_API_TOKEN"], credentials["CLOUDFLARE_ACCOUNT_ID"])
        desired = desired_state(project, request.environment)
        ctx.progress("Reading the account")
        plan = diff(desired, account.observe(desired))
        if plan.conflicts:
            raise PlanConflictError(
                "; ".join(f"{item.key}: {item.reason}" for item in plan.conflicts),
                hint="Rename it in wrangler.toml and cfpy.toml, or delete the other by hand. "
                "Nothing was changed.",
            )
        if not plan.changes:
            return ProvisionResult(plan, {})
        if not confirm(plan):
            return None
        values, generated = _secret_values(plan, desired, request)
        wrangler = Wrangler(
            ctx.runner,
            ctx.toolchain,
            project.root,
            environment=request.environment,
            credentials=credentials,
        )
        _Run(ctx, project, desired, account, wrangler, on_action).execute(plan, values)
        return ProvisionResult(plan, generated)


class _Run:
    """One execution of a plan."""

    def __init__(
        self,
        ctx: Context,
        project: Project,
        desired: DesiredState,
        account: Account,
        wrangler: Wrangler,
        on_action: Callable[[Action], None],
    ) -> None:
        self._ctx = ctx
        self._project = project
        self._desired = desired
        self._account = account
        self._wrangler = wrangler
        self._on_action = on_action

    def execute(self, plan: Plan, values: Mapping[str, str]) -> None:
        """Everything but the secrets, two chains at a time; then the secrets, in one command."""
        chains = _chains(plan)
        # The toolchain installs itself on first use: once, and not in two threads.
        self._wrangler.argv()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            running = [pool.submit(self._chain, chain) for chain in chains]
        errors = [error for task in running if (error := task.exception()) is not None]
        if errors:
            raise errors[0]
        if values:
            self._ctx.progress(f"Storing {', '.join(sorted(values))}")
            self._wrangler.put_secrets(values)
            for action in plan.changes:
                if action.kind == "secret":
                    self._on_action(action)

    def _chain(self, chain: list[Action]) -> None:
        for action in chain:
            self._ctx.progress(f"{action.do.capitalize()} {action.kind} {action.name}")
            self._step(action)
            self._on_action(action)

    def _step(self, action: Action) -> None:
        if action.kind == "d1_migrations":
            self._wrangler.apply_remote_migrations(self._binding("d1", action.name))
            return
        if action.do is Do.CREATE:
            self._create(action)
        if action.kind in ("d1", "kv"):
            self._write_id(action)

    def _create(self, action: Action) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._command(action)
            except WranglerError as error:
                # Its answer may be lost, or somebody else was quicker: what counts is the account.
                if self._exists(action):
                    return
                if attempt == _ATTEMPTS - 1 or not _passes(error):
                    raise
                wait = error.retry_after if error.retry_after is not None else 2.0**attempt
                time.sleep(min(wait, _LONGEST_WAIT_SECONDS))
            else:
                return

    def _command(self, action: Action) -> None:
        if action.kind == "vectorize":
            self._wrangler.create_index(self._project.vectorize_index(action.name))
        elif action.kind == "vectorize_metadata_index":
            index_name, _, name = action.name.partition("/")
            index = self._project.vectorize_index(index_name)
            [item] = [item for item in index.metadata_indexes if item.property == name]
            self._wrangler.create_metadata_index(index_name, item)
        else:
            self._wrangler.create(_SUBCOMMANDS[action.kind], action.name)

    def _exists(self, action: Action) -> bool:
        observed = diff(self._desired, self._account.observe(self._desired))
        now = {item.key: item.do for item in observed.actions}
        return now.get(action.key) in (Do.KEEP, Do.ADOPT)

    def _write_id(self, action: Action) -> None:
        binding = self._binding(action.kind, action.name)
        observed = self._account.observe(self._desired)
        found, table, key = (
            (observed.databases, "d1_databases", "database_id")
            if action.kind == "d1"
            else (observed.namespaces, "kv_namespaces", "id")
        )
        with self._ctx.lock:
            set_id(
                self._project.config_path,
                self._desired.environment,
                table,
                binding,
                key,
                found[action.name],
            )

    def _binding(self, kind: str, name: str) -> str:
        if kind == "d1":
            return next(item.binding for item in self._desired.databases if item.name == name)
        return next(item.binding for item in self._desired.namespaces if item.title == name)


def _chains(plan: Plan) -> list[list[Action]]:
    """What has to be done, cut into lists that do not depend on each other."""
    chains: dict[str, list[Action]] = {}
    first: dict[str, str] = {}
    for action in plan.actions:
        root = first[action.depends_on[0]] if action.depends_on else action.key
        first[action.key] = root
        if action.do is not Do.KEEP and action.kind != "secret":
            chains.setdefault(root, []).append(action)
    return list(chains.values())


def _secret_values(
    plan: Plan, desired: DesiredState, request: ProvisionRequest
) -> tuple[dict[str, str], dict[str, str]]:
    """A value for each secret that is missing, and those of them that were made up."""
    missing = {action.name for action in plan.changes if action.kind == "secret"}
    values: dict[str, str] = {}
    generated: dict[str, str] = {}
    for secret in desired.secrets:
        if secret.name not in missing:
            continue
        given = os.environ.get(secret.name) or request.ask(secret)
        if not given and secret.generate and request.show:
            given = generated[secret.name] = secrets.token_urlsafe(32)
        if not given:
            raise UsageError(
                f"the secret {secret.name} has no value"
                + (f": {secret.description}" if secret.description else ""),
                hint=f"Set the environment variable {secret.name}, or run this on a terminal. "
                "Nothing was changed.",
            )
        values[secret.name] = given
    return values, generated


def _passes(error: CfpyError) -> bool:
    """Whether an error may be gone in a moment."""
    text = error.message.lower()
    code = getattr(error, "api_code", 0)
    return code in (10001, 971, 10429) or any(
        mark in text for mark in ("fetch failed", "connection error", "internal", "rate limit")
    )


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the project's lock.

    Raises:
        UsageError: Another run has it.
    """
    import filelock

    path = root / ".wrangler" / "cfpy" / "provision.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(path, timeout=0):
            yield
    except filelock.Timeout:
        raise UsageError(
            "another cfpy provision is running in this project",
            hint="Wait until it has ended.",
        ) from None

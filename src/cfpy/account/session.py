"""The common start of every command that uses an account."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfpy.account.breaking_migrations import breaking_migrations, unreadable_migrations
from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState
from cfpy.account.diff import diff
from cfpy.account.login import account_id_of, token_of
from cfpy.account.neighbours import neighbours
from cfpy.account.observed import ObservedState
from cfpy.account.owned.d1 import D1Database
from cfpy.account.owned.outside import Changing
from cfpy.account.plan import Action, Do, Plan
from cfpy.account.record_store import RecordStore
from cfpy.account.removed import destroys, is_removed, removal_notices, removed_environments
from cfpy.account.resources import desired_state
from cfpy.account.usable import refuse_unusable
from cfpy.account.wrangler import OTHER_NAME, Wrangler
from cfpy.bindings.environments import effective
from cfpy.bindings.migration_files import lost_migrations
from cfpy.bindings.registry import OWNED
from cfpy.bindings.stances import REFUSED, refused
from cfpy.bindings.unknown_keys import warnings
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import ProjectError, UsageError
from cfpy.project.config_difference import only_filled_in
from cfpy.project.project import Project
from cfpy.tools.context import Context
from cfpy.tools.credentials import ACCOUNT_ID, TOKEN
from cfpy.tools.files import refuse_read_only

if TYPE_CHECKING:
    from cfpy.account.cloudflare import Account


@dataclass(frozen=True)
class Session:
    """One environment of a project, and its account. ``load`` reads the project's files again,
    if it is not all in its configuration."""

    project: Project
    desired: DesiredState
    account: Account
    wrangler: Wrangler
    records: RecordStore
    load: Callable[[], Project] | None = None

    @property
    def environment(self) -> str:
        return self.desired.environment

    def plan(self) -> Plan:
        """The plan: compares the project, the account and the record as they are now."""
        return self.plan_for(self.comparison())

    def comparison(self, *, thorough: bool = False) -> Comparison:
        """The project, the account and the record as they are now; ``thorough`` as in
        :meth:`cfpy.account.cloudflare.Account.observe`."""
        record = self.records.read()
        others = tuple(
            neighbours(self.project, self.environment, self.account.id, record, strict=False)
        )
        theirs = frozenset(key for item in others for key in record.created(item.environment))
        created = record.created(self.environment)
        desired = self.desired
        observed = self.account.observe(desired, thorough=True) if thorough else self.observe()
        return Comparison(desired, observed, created, others, theirs)

    def plan_for(self, now: Comparison) -> Plan:
        """The plan for a comparison."""
        plan = diff(now.desired, now.observed, now.created, now.others, now.theirs)
        unknown = warnings(self.project, self.environment)
        breaking = (
            f"{found}. The version that is live while it is applied may fail"
            for found in self.breaking(plan)
        )
        removed = removal_notices(removed_environments(self.project, self.records.read()))
        lost = (item.sentences for item in lost_migrations(self.project, self.environment))
        return replace(plan, notices=(*plan.notices, *removed, *unknown, *lost, *breaking))

    def breaking(self, plan: Plan) -> tuple[str, ...]:
        """What in a plan's migrations breaks older code."""
        return breaking_migrations(self.project.root, self.desired, plan, self.account.data)

    def unreadable(self, plan: Plan) -> tuple[ProjectError, ...]:
        """The errors of pending migrations that can't be applied as they are."""
        return tuple(unreadable_migrations(self.project.root, self.desired, plan))

    @property
    def changing(self) -> Changing:
        """What the steps of a plan need."""
        return Changing(self.wrangler, self.project.root, self.desired, self.observe)

    def observe(self) -> ObservedState:
        """What the account has now."""
        return self.account.observe(self.desired)

    def reloaded(self) -> Project:
        """The project as its files are now.

        Raises:
            ProjectError: They are missing or not valid.
        """
        if self.load:
            return self.load()
        return load_project(self.project.root, self.project.config_path)

    def refuse_edited(self) -> None:
        """Refuse to continue if files changed after the plan was created: wrangler reads them
        again.

        Raises:
            UsageError: The configuration or ``cfpy.toml`` was edited in the meantime.
            ProjectError: They are now missing or not valid.
        """
        project, now = self.project, self.reloaded()
        same = replace(now, wrangler=project.wrangler) == project
        if not (
            same
            and only_filled_in(self.project.wrangler, now.wrangler)
            and _migrations(desired_state(now, self.environment)) == _migrations(self.desired)
        ):
            raise UsageError(
                f"{self.project.config_path}, cfpy.toml or a migration was added or edited after "
                "the plan was created",
                hint="Run the same command again. Nothing was changed.",
            )

    def refuse_read_only(self, plan: Plan) -> None:
        """Refuse to change the account if its ids can't be written down.

        Raises:
            FilesystemError: The record is read-only, or the configuration and ids change in it.
        """
        refuse_read_only(self.records.path)
        tables = effective(self.project.wrangler, self.environment)
        if any(_edits_configuration(action, tables) for action in plan.changes):
            refuse_read_only(self.project.config_path)


def _edits_configuration(action: Action, tables: Mapping[str, Any]) -> bool:
    kind = OWNED.get(action.kind)
    if kind is None:
        return False
    entries = [item for item in kind.entries(tables) if item.get("binding") in action.bindings]
    if action.do is Do.DELETE:
        return any(kind.told_by(item) for item in entries)
    return any(not kind.told_by(item) for item in entries)


def _migrations(desired: DesiredState) -> list[tuple[str, ...]]:
    return [item.migrations for item in desired.all(D1Database) if item.migrations]


def open_session(ctx: Context, root: Path, environment: str, config: Path | None = None) -> Session:
    """Read the project, and find the token and the account.

    Args:
        ctx: The tools of the run.
        root: The project's directory.
        environment: One of its environments; empty for the top level.
        config: The configuration, if known; otherwise it is searched for like in wrangler.

    Raises:
        UsageError: There is no such environment, or a variable would make wrangler deploy another
            Worker.
        ProjectError: The project's files are missing or not valid.
        NotAuthenticatedError: Nobody is logged in, it is not clear which account to use, or it is
            not the account of the environment.
        CloudflareError: The API can't be reached, or fails.
    """
    project = load_project(root, config)
    refuse_removed(project, environment)
    _refuse_other_name(desired_state(project, environment).worker)
    return session_of(ctx, project, environment, RecordStore(project.root, project.config_name))


def session_of(
    ctx: Context,
    project: Project,
    environment: str,
    records: RecordStore,
    load: Callable[[], Project] | None = None,
) -> Session:
    """As :func:`open_session`, for a project that was read; ``load`` as in :class:`Session`."""
    # Imported here: httpx is slow to import, and nothing else needs it.
    from cfpy.account.cloudflare import Account

    desired = desired_state(project, environment)
    _refuse_other_region(project, environment)
    record = records.read()
    token = token_of(ctx, project.root, project.config_path)
    ctx.progress("Reading the account")
    account = Account(token, account_id_of(project, environment, record))
    return Session(
        project=project,
        desired=desired,
        account=account,
        wrangler=Wrangler(
            ctx.runner,
            ctx.toolchain,
            project.root,
            config=project.config_path,
            account_config=_account_config(project, account.id),
            environment=environment,
            credentials={
                TOKEN: token,
                ACCOUNT_ID: account.id,
                "CLOUDFLARE_API_BASE_URL": account.address,
                # wrangler also reads a project's .env, which may name another account.
                OTHER_NAME: desired.worker,
            },
        ),
        records=records,
        load=load,
    )


def _refuse_other_region(project: Project, environment: str) -> None:
    """Refuse settings with which wrangler would use another API than cfpy.

    Raises:
        ProjectError: ``compliance_region`` is set, or another key that cfpy does not support.
        UsageError: The environment variable for it is.
    """
    for key, reason in refused(effective(project.wrangler, environment)):
        raise ProjectError(f"cfpy does not support {key}: {reason}", path=project.config_path)
    variable = "CLOUDFLARE_COMPLIANCE_REGION"
    if os.environ.get(variable, "public") not in ("", "public"):
        raise UsageError(
            f"cfpy does not support {variable}: {REFUSED['compliance_region']}",
            hint=f"Unset {variable}.",
        )


def refuse_broken(session: Session) -> None:
    """Refuse a configuration that can't work, before anything is deployed.

    Raises:
        ProjectError: Something in the configuration can't work, or there is a build from another
            tool.
    """
    refuse_unusable(session.project, session.environment)


def refuse_removed(project: Project, environment: str) -> None:
    """Refuse an environment that only the record has: it can only be destroyed.

    Raises:
        UsageError: It is one.
        ProjectError: The record is not valid.
    """
    if is_removed(project, RecordStore(project.root, project.config_name).read(), environment):
        raise UsageError(
            f"{project.config_path} no longer has the environment {environment!r}",
            hint=f"Restore its tables. Or delete what cfpy created for it: {destroys(environment)}",
        )


def _refuse_other_name(worker: str) -> None:
    """Refuse to work on one Worker if a variable would make wrangler deploy another one."""
    other = os.environ.get(OTHER_NAME)
    if other is not None and other != worker:
        raise UsageError(
            f"{OTHER_NAME} makes wrangler deploy {other!r}, but the configuration names {worker}",
            hint=f"Unset {OTHER_NAME}, or change `name` in the configuration. Nothing was changed.",
        )


def _account_config(project: Project, account_id: str) -> Callable[[], Path] | None:
    """Writes a configuration with only the account, if the top level names another one.

    Some of wrangler's commands have no option for an environment, and an account in a configuration
    overrides CLOUDFLARE_ACCOUNT_ID.
    """
    if project.wrangler.get("account_id", account_id) == account_id:
        return None

    def write() -> Path:
        path = project.root / ".wrangler" / "cfpy" / "account.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"account_id": account_id}) + "\n", "utf-8")
        return path

    return write

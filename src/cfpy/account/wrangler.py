"""Runs the real wrangler: one method for each subcommand."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cfpy.account.permissions import PERMISSIONS, refusal
from cfpy.account.wrangler_answers import (
    InTime,
    api_said,
    codes_in,
    complaint,
    token_is_dead,
    token_of,
)
from cfpy.account.wrangler_events import Deployment, deployment_of, failure, read_events
from cfpy.errors import (
    NotAuthenticatedError,
    WranglerError,
)
from cfpy.tools.child_environment import without_identity
from cfpy.tools.invocation import command
from cfpy.tools.process import Completed, Runner
from cfpy.tools.toolchain import Toolchain, arguments_of_wrangler

#: Workers Builds sets it; `wrangler deploy` uses it instead of the configuration's name.
OTHER_NAME = "WRANGLER_CI_OVERRIDE_NAME"

_TIMEOUT_SECONDS = 180.0
_COPYING_SECONDS = 3600.0
# These take a name, and would append the environment to it: 4.164 does so in `kv namespace create`
# and `tail` (getLegacyScriptName), earlier versions also in the others.
_TAKE_A_NAME = (("kv", "namespace", "create"), ("delete",), ("rollback",), ("tail",))


def _named(tag: str, message: str) -> Iterator[str]:
    if tag:
        yield from ("--tag", tag)
    if message:
        yield from ("--message", message)


class Wrangler:
    """wrangler, run in ``project`` (with the project's own version if it is installed).

    Args:
        runner: Runs it.
        toolchain: Installs it.
        project: Its working directory.
        config: The configuration, which each command names: otherwise wrangler would search for one
            in parent folders and follow a build tool's redirect. ``None`` without a project.
        account_config: Writes a configuration for commands without ``--env``, if the environment is
            in another account than the top level.
        environment: An environment of the configuration; empty for its top level.
        credentials: Environment variables with the token, the account and the Worker.
    """

    def __init__(
        self,
        runner: Runner,
        toolchain: Toolchain,
        project: Path,
        *,
        config: Path | None,
        account_config: Callable[[], Path] | None = None,
        environment: str = "",
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        self._runner: Runner = InTime(runner)
        self._toolchain = toolchain
        self._project = project
        self._config = config
        self._account_config = account_config
        self._environment = environment
        self._credentials = dict(credentials or {})
        self._timeout = _TIMEOUT_SECONDS

    def patient(self) -> Wrangler:
        """The same, for commands that copy data: they may take an hour."""
        other = copy.copy(self)
        other._timeout = _COPYING_SECONDS
        return other

    def beside(self, config: Path, worker: str) -> Wrangler:
        """The same login for another Worker, which has a configuration of its own."""
        other = copy.copy(self)
        other._config, other._account_config, other._environment = config, None, ""
        other._credentials = self._credentials | {OTHER_NAME: worker}
        return other

    def argv(self, *arguments: str) -> list[str]:
        """The command line for ``arguments``, with options for the configuration and the
        environment unless they already have them."""
        return self.bare_argv(*arguments, *self._selection(arguments))

    def bare_argv(self, *arguments: str) -> list[str]:
        """The command line for ``arguments`` as they are: with node itself, so that signals reach
        it."""
        stays = arguments[:1] == ("dev",)
        return [*self._toolchain.wrangler(self._project, stays=stays), *arguments]

    def _selection(self, arguments: tuple[str, ...]) -> Iterator[str]:
        if self._config is None:
            return
        takes_a_name = any(arguments[: len(words)] == words for words in _TAKE_A_NAME)
        if "--config" not in arguments:
            other = self._account_config if takes_a_name else None
            yield from ("--config", str(other() if other else self._config))
        if "--env" not in arguments:
            # Even for the top level: otherwise wrangler would take it from CLOUDFLARE_ENV or a .env
            # file.
            yield from ("--env", "" if takes_a_name else self._environment)

    def apply_local_migrations(self, database: str, *, persist_to: Path) -> None:
        """``wrangler d1 migrations apply --local``: pending migrations into local D1.

        Args:
            database: The binding or the name of the database.
            persist_to: State directory; wrangler keeps its files in ``v3/`` below it.

        Raises:
            WranglerError: A migration failed. Earlier ones stay applied.
        """
        self._run(
            f"can't apply the migrations of {database}",
            ("d1", "migrations", "apply", database, "--local"),
            ("--persist-to", str(persist_to)),
            hint="Fix the error, then run the same command again. Applied migrations stay applied.",
        )

    def auth_token(self) -> str:
        """``wrangler auth token``: the token of its login, renewed if it has expired.

        Raises:
            ProjectError: wrangler does not accept the configuration.
            NotAuthenticatedError: Nobody is logged in, or the login uses a global API key.
            WranglerError: wrangler failed.
        """
        argv = self.argv("auth", "token", "--json")
        done = self._runner.run(
            argv, cwd=self._project, env=self._toolchain.environment(), timeout=_TIMEOUT_SECONDS
        )
        return token_of(done, self._config)

    def create(self, kind: str, name: str, *options: str) -> None:
        """Create a resource: ``kind`` is the subcommand, such as ``kv namespace create``.

        Raises:
            WranglerError: It could not be created, or its answer was lost.
        """
        self._mutate(f"can't create {name}", (*kind.split(), name, *options))

    def delete(self, kind: str, id_: str, *options: str) -> None:
        """Delete a resource: ``kind`` is the subcommand, such as ``r2 bucket delete``.

        wrangler does not ask: callers must have asked.

        Raises:
            WranglerError: It could not be deleted, or its answer was lost.
        """
        self._mutate(f"can't delete {id_}", (*kind.split(), id_, *options))

    def change(
        self, what: str, *arguments: str, document: Mapping[str, object] | None = None
    ) -> None:
        """Any other command that changes the account.

        Args:
            what: What could not be done if it fails.
            arguments: The command, and its options.
            document: The content of a file that the command gets as ``--file``.

        Raises:
            WranglerError: It failed, or its answer was lost.
        """
        if document is None:
            self._mutate(what, arguments)
            return
        with tempfile.TemporaryDirectory(prefix="cfpy-") as scratch:
            file = Path(scratch) / "document.json"
            file.write_text(json.dumps(document), "utf-8")
            self._mutate(what, (*arguments, f"--file={file}"))

    def environment(self) -> dict[str, str]:
        """The environment of a wrangler command, with the token and the account."""
        environment = self._toolchain.environment()
        if self._credentials:
            environment = without_identity(environment)
        return environment | self._credentials

    def put_secrets(self, values: Mapping[str, str]) -> None:
        """``wrangler secret bulk``, with the values on standard input; creates the Worker if
        needed.

        Raises:
            WranglerError: They were not stored.
        """
        self._mutate(
            f"can't store {', '.join(sorted(values))}",
            ("secret", "bulk"),
            stdin=json.dumps(dict(values)),
        )

    def deploy(self, tag: str = "", message: str = "") -> Deployment:
        """``wrangler deploy``: a new version, live at once.

        Without wrangler's own provisioning, which would create resources with invented names.

        Args:
            tag: What identifies the code.
            message: Where it is from.

        Raises:
            WranglerError: The Worker was not deployed, or its triggers were not.
        """
        arguments: tuple[str, ...] = ("deploy", "--no-x-provision")
        try:
            events = self._mutate("can't deploy", (*arguments, *_named(tag, message)))
        except WranglerError as error:
            # A project's own wrangler from before February 2026: it checks its options first.
            if "Unknown argument" not in error.output:
                raise
            events = self._mutate("can't deploy", arguments)
        if deployment := deployment_of(events):
            return deployment
        raise WranglerError(
            "wrangler deployed, but did not report the version",
            argv=("wrangler", *arguments),
            returncode=0,
            output="",
            hint=f"To see what is live: {command('wrangler', 'deployments', 'list')}",
        )

    def upload_version(self, tag: str, message: str) -> Deployment:
        """``wrangler versions upload``: a version that is not live, and so has no addresses.

        Raises:
            WranglerError: It was not uploaded, or the answer was lost.
        """
        arguments = ("versions", "upload", "--no-x-provision", *_named(tag, message))
        if uploaded := deployment_of(self._mutate("can't upload the version", arguments)):
            return uploaded
        raise WranglerError(
            "wrangler uploaded the version, but did not report its id",
            argv=("wrangler", *arguments),
            returncode=0,
            output="",
            hint="Run the same command again to continue.",
        )

    def share_traffic(self, shares: Mapping[str, float], message: str) -> None:
        """``wrangler versions deploy``: share the traffic between versions, by percentages.

        Raises:
            WranglerError: It failed, or the answer was lost.
        """
        specs = [f"{id_}@{percent:g}%" for id_, percent in shares.items()]
        arguments = ("versions", "deploy", *specs, "-y", "--message", message)
        self._mutate("can't share the traffic", arguments)

    def rollback(self, worker: str, version_id: str, message: str) -> None:
        """``wrangler rollback``: an earlier version, live at once. Without a terminal, wrangler
        does not ask: callers must have asked.

        Raises:
            WranglerError: The rollback failed.
        """
        options = ("--name", worker, "-y", "--message", message)
        self._mutate("can't roll back", ("rollback", version_id, *options))

    def deploy_dry_run(self, *, out_dir: Path | None = None) -> Completed:
        """``wrangler deploy --dry-run``: bundle and check, without an account.

        Raises:
            WranglerError: wrangler does not accept the project.
        """
        options = () if out_dir is None else ("--outdir", str(out_dir))
        return self._run("wrangler does not accept the project", ("deploy", "--dry-run"), options)

    def _mutate(
        self, what: str, arguments: Sequence[str], *, stdin: str | None = None
    ) -> list[dict[str, Any]]:
        """Run a command that changes the account; return the events that it wrote.

        An error has the API's code.
        """
        with tempfile.TemporaryDirectory(prefix="cfpy-") as scratch:
            events = Path(scratch) / "events.ndjson"
            said = {"WRANGLER_OUTPUT_FILE_PATH": str(events)}
            argv = self.argv(*arguments)
            done = self._runner.run(
                argv,
                cwd=self._project,
                env=self.environment() | said,
                stdin=stdin,
                timeout=self._timeout,
            )
            written = read_events(events)
            if done.returncode == 0:
                return written
            code, retry_after = failure(written)
            # After an error, wrangler asks who is logged in, and a failure of that hides the first
            # one.
            codes = {code, *codes_in(done.stderr)}
            kind = next((part for part in arguments if part in PERMISSIONS), "")
            status = 401 if token_is_dead(done) else 0
            if error := refusal(status, codes, api_said(done), kind, "change"):
                raise NotAuthenticatedError(
                    f"{what}: {error.message}", hint=f"{error.hint}. Completed steps stay."
                )
            raise WranglerError(
                f"{what}:\n{complaint(done)}",
                argv=("wrangler", *arguments_of_wrangler(argv)),
                returncode=done.returncode,
                output=complaint(done),
                hint="Completed steps stay. Run the same command again to continue.",
                api_code=code,
                retry_after=retry_after,
                printed=done.stdout,
            )

    def _run(self, what: str, *parts: Sequence[str], hint: str = "") -> Completed:
        argv = self.argv(*(argument for part in parts for argument in part))
        done = self._runner.run(
            argv, cwd=self._project, env=self._toolchain.environment(), timeout=_TIMEOUT_SECONDS
        )
        if done.returncode != 0:
            raise WranglerError(
                f"{what}:\n{complaint(done)}",
                argv=("wrangler", *arguments_of_wrangler(argv)),
                returncode=done.returncode,
                output=complaint(done),
                hint=hint,
                printed=done.stdout,
            )
        return done

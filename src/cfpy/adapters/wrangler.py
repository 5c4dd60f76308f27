"""Drives the real wrangler: one method a subcommand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cfpy.adapters.process import Completed, Runner
from cfpy.adapters.toolchain import Toolchain
from cfpy.errors import NotAuthenticatedError, WranglerError

_TIMEOUT_SECONDS = 180.0


class Wrangler:
    """wrangler, run in ``project`` (whose own pinned version wins where it is installed)."""

    def __init__(self, runner: Runner, toolchain: Toolchain, project: Path) -> None:
        self._runner = runner
        self._toolchain = toolchain
        self._project = project

    def argv(self, *arguments: str) -> list[str]:
        """The command line for ``arguments``: node itself, so that signals reach it."""
        launcher = self._toolchain.wrangler(self._project)
        return [str(self._toolchain.node.binary), str(launcher), *arguments]

    def apply_local_migrations(self, database: str, *, config: Path, persist_to: Path) -> None:
        """``wrangler d1 migrations apply --local``: pending migrations into local D1.

        Args:
            database: Binding or name of the database.
            config: The wrangler configuration that names it.
            persist_to: State directory; wrangler keeps its files in ``v3/`` below it.

        Raises:
            WranglerError: A migration failed. Earlier ones stay applied.
        """
        self._run(
            f"can't apply the migrations of {database}",
            ("d1", "migrations", "apply", database, "--local"),
            ("--config", str(config), "--persist-to", str(persist_to)),
            hint="Mend the SQL file named above and start again: what was applied stays applied.",
        )

    def auth_token(self) -> str:
        """``wrangler auth token``: the token of its login, made fresh if it has expired.

        Raises:
            NotAuthenticatedError: Nobody is logged in.
        """
        argv = self.argv("auth", "token", "--json")
        done = self._runner.run(
            argv, cwd=self._project, env=self._toolchain.environment(), timeout=_TIMEOUT_SECONDS
        )
        try:
            token = json.loads(done.stdout)["token"]
        except (ValueError, KeyError, TypeError):
            token = None
        if done.returncode != 0 or not isinstance(token, str):
            raise NotAuthenticatedError(
                "nobody is logged in to Cloudflare",
                hint="npx wrangler login, or set CLOUDFLARE_API_TOKEN.",
            )
        return token

    def deploy_dry_run(self, *, out_dir: Path | None = None) -> Completed:
        """``wrangler deploy --dry-run``: bundle and check, touching no account.

        Raises:
            WranglerError: wrangler does not accept the project.
        """
        options = () if out_dir is None else ("--outdir", str(out_dir))
        return self._run("wrangler does not accept the project", ("deploy", "--dry-run"), options)

    def _run(self, what: str, *parts: Sequence[str], hint: str = "") -> Completed:
        argv = self.argv(*(argument for part in parts for argument in part))
        done = self._runner.run(
            argv, cwd=self._project, env=self._toolchain.environment(), timeout=_TIMEOUT_SECONDS
        )
        if done.returncode != 0:
            raise WranglerError(
                f"{what}:\n{done.tail()}",
                argv=("wrangler", *argv[2:]),
                returncode=done.returncode,
                output=done.tail(),
                hint=hint,
            )
        return done

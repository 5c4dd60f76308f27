"""Who is logged in, and which account is used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cfpy.account.record import Record
from cfpy.account.record_store import RECORD_FILE
from cfpy.account.wrangler import Wrangler
from cfpy.account.wrangler_answers import not_logged_in
from cfpy.errors import NotAuthenticatedError
from cfpy.project.project import Project
from cfpy.tools.context import Context
from cfpy.tools.credentials import (
    ACCOUNT_ID,
    TOKEN,
    checked_account_id,
    checked_token,
    variable,
)
from cfpy.tools.invocation import command


def account_of(ctx: Context, root: Path) -> str:
    """The account of the login, without a project.

    Raises:
        NotAuthenticatedError: Nobody is logged in, or the login has access to several accounts.
        CloudflareError: The API can't be reached, or fails.
    """
    from cfpy.account.cloudflare import Account

    return Account(token_of(ctx, root), _given_account_id()[1]).id


def can_tell_login(ctx: Context, root: Path) -> bool:
    """Whether the login can be read without installing anything."""
    known = variable(os.environ, TOKEN)[1] or not has_login_file(os.environ, _home())
    return bool(known) or ctx.toolchain.has_wrangler(root)


def _home() -> Path:
    # Path.home() fails for a user that the system does not know.
    return Path(os.path.expanduser("~"))  # noqa: PTH111


def has_login_file(environ: Mapping[str, str], home: Path) -> bool:
    """Whether a wrangler may have kept a login for this user, in one of the folders that it uses on
    any system (``getGlobalConfigPath`` in wrangler 4.164)."""
    folders = [home, home / ".config", home / "Library" / "Preferences"]
    for name, inside in (("XDG_CONFIG_HOME", "."), ("APPDATA", "xdg.config")):
        folders += [Path(environ[name], inside)] if environ.get(name) else []
    # Other names are those of profiles; an encrypted login ends with .enc.
    return any(
        path.suffix in (".toml", ".enc")
        for folder in folders
        for path in (folder / ".wrangler" / "config").glob("*")
    )


def token_of(ctx: Context, root: Path, config: Path | None = None) -> str:
    """The token that wrangler would use. wrangler is only run if no variable has a token.

    Raises:
        NotAuthenticatedError: There is none, or it is not valid.
    """
    source, token = variable(os.environ, TOKEN)
    if not token:
        source = "the token from wrangler's login"
        if not (
            ctx.toolchain.has_wrangler(root)
            or has_login_file(os.environ, _home())
            or os.environ.get("CLOUDFLARE_API_KEY")
        ):
            # Not worth an installation.
            raise not_logged_in()
        token = Wrangler(ctx.runner, ctx.toolchain, root, config=config).auth_token()
    ctx.secrets.add(token)
    return checked_token(token, source)


def _given_account_id() -> tuple[str, str]:
    """The variable that names an account, and the id; empty if there is none.

    Raises:
        NotAuthenticatedError: It is not the id of an account.
    """
    name, value = variable(os.environ, ACCOUNT_ID)
    return name, checked_account_id(value, name) if value else ""


def account_id_of(project: Project, environment: str, record: Record) -> str:
    """The account to use: from the configuration, the environment variable, or the record.
    Empty if none of them has one."""
    scope = (project.wrangler.get("env") or {}).get(environment) or {}
    pinned = scope.get("account_id") or project.wrangler.get("account_id")
    name, given = ("", "") if pinned else _given_account_id()
    wanted = checked_account_id(str(pinned), "account_id in the configuration") if pinned else given
    lives = record.account_id(environment)
    if wanted and lives and wanted != lives:
        said = "the configuration" if pinned else name
        raise NotAuthenticatedError(
            f"this project is in the account {lives}, but {said} is {wanted}",
            hint=f"Use the first account, or delete the project there: {command('destroy')}. "
            f"If it no longer exists, delete {RECORD_FILE}.",
        )
    return wanted or lives

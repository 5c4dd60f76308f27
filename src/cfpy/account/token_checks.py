"""The part of ``cfpy doctor`` about the token's permissions."""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.account.session import Session
from cfpy.account.token_check import compare, probes
from cfpy.account.token_permissions import needed_permissions
from cfpy.bindings.finding import Finding
from cfpy.tools.invocation import command

_PAGE = "dash.cloudflare.com/profile/api-tokens"


def token_findings(session: Session) -> Iterator[Finding]:
    """What the token may not do and a command needs, and what it may do and none needs. One that is
    not ``broken`` and has no ``fix`` is only a fact.

    Raises:
        CloudflareError: The API can't be reached, or fails.
    """
    needed = needed_permissions(session.project, session.desired)
    account = session.account
    view = account.token()
    if view.policies is None:
        lacking = [name for name, path in probes(needed).items() if not account.may_read(path)]
        if lacking:
            yield _missing("; ".join(f"{name}: Read" for name in lacking))
        why = (
            "this token may not read its own policies (API Tokens: Read)"
            if view.is_token
            else "this is wrangler's login, not an API token"
        )
        yield _fact(
            f"not compared: {why}. cfpy only tried to read{' the rest' if lacking else ''}; "
            f"what is needed: {command('permissions')}"
        )
        return
    found = compare(view.policies, needed, account.id)
    if found.missing:
        yield _missing("; ".join(found.missing))
    if found.extra:
        message = f"more than this project needs: {'; '.join(found.extra)}"
        fix = f"Remove it, unless something else uses this token: {_PAGE}"
        yield Finding(broken=False, message=message, fix=fix)
    if not found.missing and not found.extra:
        yield _fact("the token has what each command needs, and no more")


def _missing(what: str) -> Finding:
    fix = f"Add it if you run these commands with this token: {_PAGE}"
    return Finding(broken=False, message=f"missing: {what}", fix=fix)


def _fact(message: str) -> Finding:
    return Finding(broken=False, message=message, fix="")

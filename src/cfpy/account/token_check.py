"""Compares a token with the permissions that a project needs. Pure.

Policies as in the API (developers.cloudflare.com/api/resources/user/subresources/tokens), whose
names of permissions end with Read or Write; the dashboard writes Edit for Write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfpy.account.owned.registry import RESOURCES
from cfpy.account.token_permissions import COMMANDS, EDIT, READ, Needed

_ACCOUNT, _ZONE = "com.cloudflare.api.account.", "com.cloudflare.api.account.zone."
#: With one of them a token can show its own policies, so it is never too much.
_OF_ITSELF = ("API Tokens", "Account API Tokens")
_SCRIPTS, _ACCOUNTS = "Workers Scripts", "Account Settings"


@dataclass(frozen=True)
class TokenView:
    """What the API shows about a token. ``is_token`` is whether it is an API token at all, not
    wrangler's login; ``policies`` are ``None`` if it may not read itself."""

    is_token: bool
    policies: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True)
class TokenComparison:
    """``missing`` are permissions with the commands that need them, ``extra`` those that no command
    needs, in words."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]


def compare(
    policies: Iterable[Mapping[str, Any]], needed: Sequence[Needed], account_id: str
) -> TokenComparison:
    """Compare the policies of a token with what is needed. A permission for any zone counts for
    all: a policy names zones by their ids only."""
    held = _held(policies, account_id)
    return TokenComparison(tuple(_missing(held, needed)), tuple(_extra(held, needed)))


def probes(needed: Iterable[Needed]) -> dict[str, str]:
    """The path of a list that shows whether a permission to read is there, by its name."""
    known = {
        kind.binding.permission.partition(":")[0]: kind.listed_at for kind in RESOURCES.values()
    }
    known[_SCRIPTS] = "workers/scripts"
    return {item.name: known[item.name] for item in needed if item.name in known}


def _missing(held: Mapping[tuple[str, str], str], needed: Sequence[Needed]) -> Iterator[str]:
    for item in needed:
        if item.name == _ACCOUNTS:
            continue  # The account is known by now, with it or without.
        has = held.get((item.scope, item.name), "")
        lacking = {c: level for c, level in item.levels.items() if has not in (EDIT, level)}
        if lacking:
            level = EDIT if EDIT in lacking.values() else READ
            commands = ", ".join(name for name in COMMANDS if name in lacking)
            yield f"{item.name}: {level} ({commands})"


def _extra(held: Mapping[tuple[str, str], str], needed: Sequence[Needed]) -> Iterator[str]:
    wanted = {(item.scope, item.name): set(item.levels.values()) for item in needed}
    for (scope, name), level in sorted(held.items()):
        levels = wanted.get((scope, name))
        if levels is None and name not in _OF_ITSELF:
            yield f"{name}: {level}"
        elif levels is not None and level == EDIT and EDIT not in levels:
            yield f"{name}: {EDIT} instead of {READ}"


def _held(policies: Iterable[Mapping[str, Any]], account_id: str) -> dict[tuple[str, str], str]:
    """The level of each permission, by scope and name, for this account and its zones."""
    allowed: dict[tuple[str, str], str] = {}
    denied: set[tuple[str, str, str]] = set()
    for policy in policies:
        scopes = tuple(_scopes(policy.get("resources") or {}, account_id))
        for group in policy.get("permission_groups") or ():
            name, level = _parsed(str(group.get("name") or ""))
            for scope in scopes:
                if policy.get("effect") == "deny":
                    denied.add((scope, name, level))
                elif allowed.get((scope, name)) != EDIT:
                    allowed[scope, name] = level
    for scope, name, level in denied:
        if level == READ:
            allowed.pop((scope, name), None)
        elif allowed.get((scope, name)) == EDIT:
            allowed[scope, name] = READ
    return allowed


def _parsed(name: str) -> tuple[str, str]:
    base, _, level = name.rpartition(" ")
    if level in ("Read", "Write", "Edit"):
        return base, READ if level == "Read" else EDIT
    return name, EDIT


def _scopes(resources: Mapping[str, Any], account_id: str) -> Iterator[str]:
    """``Account``, ``Zone`` or ``User``: what a policy is about, if it is about this account. Zones
    may be inside of their account."""
    for key, value in resources.items():
        of_account = key in (f"{_ACCOUNT}{account_id}", f"{_ACCOUNT}*")
        if key.startswith(_ZONE) or (of_account and isinstance(value, Mapping)):
            yield "Zone"
        elif of_account:
            yield "Account"
        elif key.startswith("com.cloudflare.api.user."):
            yield "User"

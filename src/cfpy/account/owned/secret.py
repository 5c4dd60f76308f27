"""The Worker's secrets. ``cfpy provision`` sets the missing ones together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import Drift
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.plan import Action, Do, Plan
from cfpy.project.secret import Secret
from cfpy.tools.invocation import command


class WorkerSecrets(OwnedKind):
    """They are read with their Worker, and deleted with it."""

    name = "secret"
    listed = "secrets"

    def wanted(self, scope: Scope) -> Iterator[Secret]:
        """The secrets that the configuration requires, as described in cfpy.toml."""
        described = {secret.name: secret for secret in scope.project.secrets}
        required = (scope.tables.get("secrets") or {}).get("required") or []
        here = (name for name, it in described.items() if it.is_for(scope.environment))
        for name in (*required, *(name for name in here if name not in required)):
            yield described.get(name, Secret(name))

    def names(self, desired: DesiredState) -> list[str]:
        return [item.name for item in desired.all(Secret)]

    def plan(self, now: Comparison) -> Iterator[Action]:
        worker = now.observed.get(ObservedWorker, now.desired.worker)
        for secret in now.desired.all(Secret):
            if worker and secret.name in worker.secrets:
                yield Action(Do.KEEP, self.name, secret.name, "")
            else:
                yield Action(Do.CREATE, self.name, secret.name, _source(secret))

    def drift(self, now: Comparison) -> Iterator[Drift]:
        """The values can't be read, so a changed one is not seen."""
        worker = now.observed.get(ObservedWorker, now.desired.worker)
        found = worker.secrets if worker else frozenset()
        for name in sorted(found - set(self.names(now.desired))):
            yield Drift(
                self.name,
                name,
                f"the Worker has the secret {name}, and the configuration does not require it",
                f'Add "{name}" to `secrets.required` in the configuration.',
                command("wrangler", "secret", "delete", name, "--name", now.desired.worker),
            )

    def unseen(self, now: Comparison) -> Iterator[str]:
        if self.names(now.desired):
            yield "values of secrets: nobody can read them back"


def _source(secret: Secret) -> str:
    """Where its value comes from, in the order in which provisioning looks."""
    if os.environ.get(secret.name):
        return f"from ${secret.name}"
    return "generated" if secret.generate else "no value yet"


def with_given(plan: Plan, given: Mapping[str, str]) -> Plan:
    """``plan`` with the names of secrets whose values came with the command."""
    actions = (
        replace(item, reason="from --secrets-file")
        if item.kind == WorkerSecrets.name and item.do is Do.CREATE and given.get(item.name)
        else item
        for item in plan.actions
    )
    return replace(plan, actions=tuple(actions))

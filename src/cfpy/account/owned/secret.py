"""The Worker's secrets. ``cfpy provision`` sets the missing ones together."""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.account.comparison import Comparison
from cfpy.account.desired import DesiredState, Scope
from cfpy.account.drift import Drift
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.plan import Action, Do
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
                reason = "a random value" if secret.generate else "cfpy asks for its value"
                yield Action(Do.CREATE, self.name, secret.name, reason)

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

"""KV namespaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cfpy.account.desired import DesiredState, Scope
from cfpy.account.identity import Identified, Reference
from cfpy.account.owned.by_id import OwnedById
from cfpy.account.owned.outside import Answers, Changing, Reading, jurisdiction
from cfpy.account.plan import Action
from cfpy.bindings.kinds.kv import KV
from cfpy.errors import ProjectError


@dataclass(frozen=True)
class KVNamespace(Reference):
    """One binding of a namespace. The file has no title: ``name`` is ``<worker>-<binding>``, the
    name that `wrangler deploy` would use."""

    named: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class FoundNamespace(Identified):
    """A namespace in the account."""

    kind = "kv"


class Namespaces(OwnedById):
    name = "kv"
    listed = "kv"
    retried_by_wrangler = True
    binding = KV
    listed_at = "storage/kv/namespaces"
    reference = KVNamespace
    found = FoundNamespace
    holds = "it holds values"

    def called(self, name: str) -> KVNamespace:
        return KVNamespace(name, name, "")

    def wanted(self, scope: Scope) -> Sequence[KVNamespace]:
        found = list(_wanted(scope))
        for item in found:
            others = [i.binding for i in found if i.name == item.name and i.binding != item.binding]
            if others and not item.id:
                raise ProjectError(
                    f"the namespaces of {item.binding} and {others[0]} would both be {item.name}",
                    path=scope.project.config_path,
                    hint="Rename one of the bindings, or set an id for both.",
                )
        return found

    def listing(self, reading: Reading) -> dict[str, Identified]:
        return {
            item["id"]: FoundNamespace(item["id"], item["title"], jurisdiction(item))
            for item in reading.api.pages(reading.path("storage/kv/namespaces"))
        }

    def read(self, reading: Reading, desired: DesiredState) -> Answers:
        namespaces = self.start(reading, desired)
        return lambda: namespaces.result().values()

    def delete(self, changing: Changing, action: Action) -> None:
        words = ("kv", "namespace", "delete", f"--namespace-id={action.id}", "--skip-confirmation")
        changing.commands.change(f"can't delete the namespace {action.id}", *words)


def _wanted(scope: Scope) -> Iterator[KVNamespace]:
    for table in scope.entries(KV.table):
        binding = scope.text(table, "binding", KV.table)
        placed = scope.project.data_location("kv", binding)
        name, id_ = scope.default_name(binding), KV.told_by(table)
        yield KVNamespace(name, binding, id_, jurisdiction=placed.jurisdiction)

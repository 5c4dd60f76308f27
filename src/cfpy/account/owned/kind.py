"""What an account can do with a kind of resource, and what reading it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from cfpy.account.cloudflare_client import CloudflareClient
from cfpy.account.observed import ObservedState
from cfpy.account.plan import Action
from cfpy.account.resources import DesiredState
from cfpy.account.wrangler import Wrangler, in_jurisdiction
from cfpy.bindings.kind import BindingKind
from cfpy.project.project import Project

_T = TypeVar("_T")

#: Waits for the answers, and returns the state with what they show.
Answers = Callable[[ObservedState], ObservedState]


@dataclass(frozen=True)
class Reading:
    """One look at an account: ``pool`` sends the requests, all at once."""

    api: CloudflareClient
    account_id: str
    pool: Executor

    def path(self, rest: str) -> str:
        """The path of something in the account."""
        return f"accounts/{self.account_id}/{rest}"

    def listed(
        self, wanted: object, read: Callable[[Reading], Mapping[str, _T]]
    ) -> Future[Mapping[str, _T]]:
        """Everything of a kind; nothing, without a request, if the project wants none of it."""
        return self.pool.submit(lambda: read(self) if wanted else {})


class Creatable(Protocol):
    """A kind of step that creates something."""

    def create(self, wrangler: Wrangler, project: Project, action: Action, /) -> None:
        """Create what ``action`` names, with one command.

        Raises:
            WranglerError: It could not be created, or the answer was lost.
        """


class Deletable(Protocol):
    """A kind of step that deletes something."""

    def exists(self, observed: ObservedState, worker: str, action: Action, /) -> bool:
        """Whether the account still has what ``action`` deletes. ``worker`` is the project's."""

    def delete(self, wrangler: Wrangler, worker: str, action: Action, /) -> None:
        """Delete it, with one command, by the id in the plan.

        Raises:
            WranglerError: It could not be deleted, or the answer was lost.
        """


class OwnedKind(Creatable, Deletable, Protocol):
    """A kind of resource that a binding refers to and the account has."""

    def read(self, reading: Reading, desired: DesiredState, /) -> Answers:
        """Start the requests for what the account has of this kind, if ``desired`` uses it."""


def create(kind: BindingKind, wrangler: Wrangler, action: Action) -> None:
    """Create a resource whose only settings are its name and its location. A jurisdiction overrides
    a location hint.

    Raises:
        WranglerError: It could not be created, or the answer was lost.
    """
    options = in_jurisdiction(action.jurisdiction)
    if not options and action.location:
        options = (f"--location={action.location}",)
    wrangler.create(f"{kind.subcommand} create", action.name, *options)


def delete(kind: BindingKind, wrangler: Wrangler, action: Action) -> None:
    """Delete a resource that wrangler takes as an argument.

    Raises:
        WranglerError: It could not be deleted, or the answer was lost.
    """
    options = in_jurisdiction(action.jurisdiction)
    wrangler.delete(f"{kind.subcommand} delete", action.id, *options)


def jurisdiction(item: Mapping[str, Any]) -> str | None:
    """The jurisdiction of a database, a namespace or a queue; ``None`` if the API does not return
    it."""
    return str(item["jurisdiction"] or "") if "jurisdiction" in item else None


def there(tasks: Mapping[str, Future[_T | None]]) -> dict[str, _T]:
    """The results that are not ``None``, by name."""
    done = {name: task.result() for name, task in tasks.items()}
    return {name: found for name, found in done.items() if found is not None}

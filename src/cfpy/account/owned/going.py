"""What leads to a Worker, and goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cfpy.account.comparison import Removal
from cfpy.account.owned.kind import OwnedKind
from cfpy.account.owned.outside import Changing
from cfpy.account.owned.worker import Workers
from cfpy.account.plan import Action, Do
from cfpy.errors import CloudflareError


class Following(OwnedKind):
    """A kind that a deployment creates, and that Cloudflare deletes with the Worker. wrangler has
    no command that deletes one, so a teardown checks that it is gone.

    A teardown comes to it last: what is left over stops nothing else.
    """

    def goes(self, now: Removal) -> Sequence[str]:
        """The names of those that lead to the Worker now."""
        raise NotImplementedError

    def where(self) -> str:
        """Where the user deletes one by hand."""
        raise NotImplementedError

    def teardown(self, now: Removal) -> Iterator[Action]:
        deleted = any(item.do is Do.DELETE for item in Workers().teardown(now))
        for name in self.goes(now):
            do, reason = (Do.DELETE, "goes with its Worker") if deleted else (Do.KEEP, "")
            yield Action(do, self.name, name, reason or "its Worker stays", id=name)

    def delete(self, changing: Changing, action: Action) -> None:
        raise CloudflareError(
            f"{changing.desired.worker} is deleted, but the account still has "
            f"{action.kind.replace('_', ' ')} {action.name}",
            hint=f"Delete it {self.where()}, then run the same command again. "
            "The rest of the plan was carried out.",
        )

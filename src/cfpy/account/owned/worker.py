"""The Worker itself. A deployment or its first secret creates it."""

from __future__ import annotations

from cfpy.account.observed import ObservedState
from cfpy.account.plan import Action
from cfpy.account.wrangler import Wrangler


def exists(observed: ObservedState, _: str, __: Action) -> bool:
    return observed.secrets is not None


def delete(wrangler: Wrangler, _: str, action: Action) -> None:
    wrangler.delete_worker(action.id)

"""What a kind of resource asks of the outside: Cloudflare's API, and wrangler. Pure.

The kinds decide and these act, so that the kinds can be tested without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cfpy.account.desired import DesiredState
from cfpy.account.observed import Found, ObservedState
from cfpy.errors import CloudflareError, NotAuthenticatedError

_T = TypeVar("_T")

#: The API's error codes if an account has no such Worker.
NO_SUCH_WORKER = (10007, 10090)
#: Waits for the answers, and returns what they show.
Answers = Callable[[], Iterable[Found]]


class Api(Protocol):
    """Cloudflare's API, as far as it is read; paths and shapes: developers.cloudflare.com/api.

    All methods raise ``NotAuthenticatedError`` and ``CloudflareError``, as
    :meth:`cfpy.account.cloudflare_client.CloudflareClient.get`.
    """

    def get(self, path: str, **parameters: str | int) -> Any:
        """The parsed answer."""

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """The items of a paginated list."""

    def request(self, method: str, path: str, **options: Any) -> Any:
        """The parsed answer to a request with a body or headers."""


@dataclass(frozen=True)
class Reading:
    """One look at an account: ``pool`` sends the requests, all at once. ``thorough`` is whether it
    also reads what the configuration does not name, to find what somebody changed by hand."""

    api: Api
    account_id: str
    pool: Executor
    thorough: bool = False

    def path(self, rest: str) -> str:
        """The path of something in the account."""
        return f"accounts/{self.account_id}/{rest}"

    def start(self, read: Callable[..., _T], *given: object) -> Future[_T]:
        """Call ``read`` with this and what it is ``given``, without waiting for it."""
        return self.pool.submit(read, self, *given)


class Commands(Protocol):
    """wrangler's commands that change an account. All raise ``WranglerError``: it failed, or its
    answer was lost."""

    def create(self, kind: str, name: str, *options: str) -> None:
        """``kind`` is the subcommand, such as ``kv namespace create``."""

    def delete(self, kind: str, id_: str, *options: str) -> None:
        """``kind`` is the subcommand, such as ``r2 bucket delete``."""

    def change(
        self, what: str, *arguments: str, document: Mapping[str, object] | None = None
    ) -> None:
        """Any other command. ``what`` begins the message of its error; ``document`` is written to a
        file, which it gets as ``--file``."""


@dataclass(frozen=True)
class Changing:
    """What a step needs: wrangler, the project's directory and needs, and a look at the account."""

    commands: Commands
    root: Path
    desired: DesiredState
    observe: Callable[[], ObservedState]


def in_jurisdiction(name: str) -> tuple[str, ...]:
    """The option for a jurisdiction; none for the default one."""
    return (f"--jurisdiction={name}",) if name else ()


def jurisdiction_header(name: str) -> dict[str, str]:
    """The header that wrangler sends (4.164.0, ``getR2Bucket``); none for the default
    jurisdiction."""
    return {"cf-r2-jurisdiction": name} if name else {}


def jurisdiction(item: Mapping[str, Any]) -> str | None:
    """The jurisdiction of a database, a namespace or a queue; ``None`` if the API does not return
    it."""
    return str(item["jurisdiction"] or "") if "jurisdiction" in item else None


def there(tasks: Iterable[Future[_T | None]]) -> Iterator[_T]:
    """The results that are not ``None``."""
    for task in tasks:
        if (found := task.result()) is not None:
            yield found


def if_allowed(read: Callable[[], _T], otherwise: _T) -> _T:
    """What ``read`` returns; ``otherwise`` if the token may not read it, or it does not exist.

    Raises:
        CloudflareError: The API can't be reached, or fails.
    """
    try:
        return read()
    except NotAuthenticatedError:
        return otherwise
    except CloudflareError as error:
        if error.status in (400, 404, 405, 409) or error.api_code in NO_SUCH_WORKER:
            return otherwise
        raise


def nothing() -> Iterable[Found]:
    """The answers if nothing was asked for."""
    return ()

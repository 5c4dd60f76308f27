"""Environments that the record has and the configuration no longer has: what cfpy created for them
stays, and costs money, until they are destroyed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cfpy.account.desired import DesiredState
from cfpy.account.neighbours import neighbours
from cfpy.account.observed import ObservedState
from cfpy.account.owned.registry import BY_NAME, RESOURCES
from cfpy.account.record import Placement, Record
from cfpy.project.project import Project
from cfpy.tools.invocation import command


def removed_environments(project: Project, record: Record) -> dict[str, tuple[str, ...]]:
    """The keys of what cfpy created for each environment that the configuration no longer has,
    without what another environment uses now."""
    found = {}
    for name, placement in sorted(record.environments.items()):
        if not is_removed(project, record, name):
            continue
        others = tuple(neighbours(project, name, placement.account_id, record, strict=False))
        keys = (
            key
            for key, id_ in sorted(placement.created.items())
            if not any(_is_needed(other, key, id_) for other in others)
        )
        if left := tuple(keys):
            found[name] = left
    return found


def is_removed(project: Project, record: Record, environment: str) -> bool:
    """Whether the configuration no longer has an environment for which cfpy created something."""
    known = {"", *(project.wrangler.get("env") or {})}
    return environment not in known and bool(record.created(environment))


def removal_notices(removed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Sentences that name the environments of :func:`removed_environments`, with what deletes
    them."""
    for name, keys in removed.items():
        yield (
            f"cfpy created {', '.join(keys)} for the environment {name}, which the configuration "
            f"no longer has: {'it stays' if len(keys) == 1 else 'they stay'}. To delete "
            f"{'it' if len(keys) == 1 else 'them'}: {destroys(name)}"
        )


def destroys(environment: str) -> str:
    """The command that deletes an environment, with its data."""
    return command("destroy", "--env", environment, "--delete-data")


def with_environment(project: Project, environment: str, placement: Placement) -> Project:
    """The project as if its configuration still had an environment, which names no resources."""
    usual = f"{project.wrangler.get('name')}-{environment}"
    workers = [
        key.removeprefix("worker:") for key in placement.created if key.startswith("worker:")
    ]
    worker = next(iter(workers), usual) if usual not in workers else usual
    tables = {"name": worker, "account_id": placement.account_id}
    environments = {**(project.wrangler.get("env") or {}), environment: tables}
    return replace(project, wrangler={**project.wrangler, "env": environments})


def recorded_state(
    worker: str, environment: str, placement: Placement, observed: ObservedState | None = None
) -> DesiredState:
    """Everything that the record has of an environment, by its names and places in ``observed``."""
    known = {**placement.adopted, **placement.created}
    parts = ((*key.partition(":")[::2], id_) for key, id_ in sorted(known.items()))
    wanted = tuple(
        RESOURCES[of].as_found(name, id_, observed) if observed else RESOURCES[of].called(name)
        for of, name, id_ in parts
        if of in RESOURCES
    )
    return DesiredState(worker, environment, wanted)


def _is_needed(other: DesiredState, key: str, id_: str) -> bool:
    of, _, name = key.partition(":")
    return of in BY_NAME and BY_NAME[of].is_needed(other, name, id_)

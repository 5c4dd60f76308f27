"""Notices for the user before a plan is applied or a Worker deployed, besides its steps.

`wrangler deploy` does not ask without a terminal: it replaces any Worker of the same name, takes a
custom domain from the Worker that has it, and deletes Durable Objects whose class a migration
deletes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cfpy.account.identity import Reference, Resource, same_id
from cfpy.account.observed import ObservedState
from cfpy.account.resources import DesiredState


def notices(
    desired: DesiredState,
    observed: ObservedState,
    created: Mapping[str, str],
    resources: Sequence[Resource],
    others: Sequence[DesiredState],
) -> tuple[str, ...]:
    """Sentences about what is affected or left over, but is not a step of a plan.

    Args:
        desired: What an environment needs.
        observed: What the account has.
        created: What cfpy created for the environment: ids by key.
        resources: The databases and namespaces of the environment.
        others: What other environments of the same configuration need.
    """
    return (
        *_foreign_worker(desired, observed, created),
        *_domains(desired, observed),
        *_deleted_classes(desired, observed),
        *_shared(resources, others),
        *leftovers(desired, observed, created, resources),
    )


def _foreign_worker(
    desired: DesiredState, observed: ObservedState, created: Mapping[str, str]
) -> Iterator[str]:
    if observed.secrets is not None and f"worker:{desired.worker}" not in created:
        yield (
            f"the account has a Worker {desired.worker} that cfpy did not create: secrets are set "
            "on it, and a deployment replaces its live version"
        )


def _shared(resources: Sequence[Resource], others: Sequence[DesiredState]) -> Iterator[str]:
    for item in resources:
        if users := sharing(others, item.kind, item.name, item.id):
            yield (
                f"{item.key} is also used by {users} of the configuration: they share its "
                "migrations and data"
            )


def _domains(desired: DesiredState, observed: ObservedState) -> Iterator[str]:
    for host in desired.custom_domains:
        worker = observed.domains.get(host)
        if worker is None:
            yield (
                f"{host} becomes a custom domain of {desired.worker}: a deployment replaces the "
                "DNS record that it has, if any"
            )
        elif worker != desired.worker:
            yield f"{host} is a custom domain of the Worker {worker}: a deployment takes it over"


def _deleted_classes(desired: DesiredState, observed: ObservedState) -> Iterator[str]:
    """As in wrangler (4.164.0, ``getMigrationsToUpload``): the migrations after the tag of the live
    Worker, or all of them if it has no tag that the file knows."""
    if observed.secrets is None:
        return
    tags = [tag for tag, _ in desired.deleted_classes]
    done = tags.index(observed.migration_tag) + 1 if observed.migration_tag in tags else 0
    for tag, classes in desired.deleted_classes[done:]:
        for name in classes:
            yield (
                f"the migration {tag} deletes the Durable Objects of {name}: a deployment deletes "
                "all their data"
            )


def leftovers(
    desired: DesiredState,
    observed: ObservedState,
    created: Mapping[str, str],
    resources: Sequence[Resource],
) -> Iterator[str]:
    """Resources that cfpy created and the configuration no longer names: they stay, and cost money
    or serve requests."""
    named = {
        f"worker:{desired.worker}",
        *(f"queue:{item.name}" for item in desired.queues),
        *(f"vectorize:{item.index_name}" for item in desired.indexes),
        *(f"r2:{item.name}" for item in desired.buckets),
        *(item.key for item in resources),
        *(f"{item.kind}:{one.name}" for item in resources for one in item.references),
    }
    ids = {item.id for item in resources if item.id}
    # For the kinds that were read, it is known whether they exist.
    read: Mapping[str, Mapping[str, object]] = {
        "d1": observed.databases if desired.databases else {},
        "kv": observed.namespaces if desired.namespaces else {},
    }
    for key, id_ in sorted(created.items()):
        there = read.get(key.partition(":")[0])
        gone = bool(id_ and there) and id_ not in (there or {})
        if key not in named and id_ not in ids and not gone:
            yield (
                f"cfpy created {key}{f' ({id_})' if id_ else ''}, which the configuration no "
                "longer names: it stays. Delete it yourself, then remove it from cfpy.state.json"
            )


def sharing(others: Sequence[DesiredState], kind: str, name: str, id_: str) -> str:
    """The environments that need a resource, as a list in words; empty if none does."""
    found = (i.environment or "the top level" for i in others if _needs(i, kind, name, id_))
    return ", ".join(found)


def _needs(other: DesiredState, kind: str, name: str, id_: str) -> bool:
    by_id: Mapping[str, Sequence[Reference]] = {"d1": other.databases, "kv": other.namespaces}
    if kind in by_id:
        return any(same_id(item.id, id_) if item.id else item.name == name for item in by_id[kind])
    names: Mapping[str, Sequence[str]] = {
        "worker": (other.worker,),
        "queue": tuple(item.name for item in other.queues),
        "vectorize": tuple(item.index_name for item in other.indexes),
        "r2": tuple(item.name for item in other.buckets),
    }
    return name in names[kind]

"""Notices for the user before a plan is applied or a Worker deployed, besides its steps."""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.account.comparison import Comparison
from cfpy.account.owned.registry import BY_NAME, KINDS
from cfpy.tools.invocation import command


def notices(now: Comparison) -> Iterator[str]:
    """Sentences about what is affected or left over, but is not a step of a plan."""
    for kind in KINDS:
        yield from kind.notices(now)
    yield from leftovers(now)


def leftovers(now: Comparison) -> Iterator[str]:
    """Resources that cfpy created and the configuration no longer names: they stay, and cost money
    or serve requests."""
    for key, id_ in sorted(now.created.items()):
        of, _, name = key.partition(":")
        kind = BY_NAME.get(of)
        if kind is None or kind.is_left(now, name, id_):
            previews = (
                f"its previews ({command('preview', 'list')}), then " if of == "worker" else ""
            )
            yield (
                f"cfpy created {key}{f' ({id_})' if id_ else ''}, which the configuration no "
                f"longer names: it stays. Delete {previews}it yourself, then remove it from "
                "cfpy.state.json"
            )

"""The session in which an environment is destroyed that the configuration no longer has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cfpy.account.preview_keeper import beside
from cfpy.account.record_store import RecordStore
from cfpy.account.removed import is_removed, recorded_state, with_environment
from cfpy.account.session import Session, open_session, session_of
from cfpy.bindings.wrangler_config import load_project
from cfpy.project.project import Project
from cfpy.tools.context import Context


@contextlib.contextmanager
def session_to_destroy(
    ctx: Context, root: Path, environment: str, config: Path | None
) -> Iterator[Session]:
    """As :func:`cfpy.account.session.open_session`; of an environment that only the record has,
    what the record has.

    Raises:
        CfpyError: As :func:`cfpy.account.session.open_session`.
    """
    project = load_project(root, config)
    records = RecordStore(project.root, project.config_name)
    record = records.read()
    if not is_removed(project, record, environment):
        yield open_session(ctx, root, environment, config)
        return
    placement = record.environments[environment]

    def load() -> Project:
        return with_environment(load_project(root, config), environment, placement)

    session = session_of(ctx, load(), environment, records, load)
    worker = session.desired.worker
    observed = session.account.observe(recorded_state(worker, environment, placement))
    desired = recorded_state(worker, environment, placement, observed)
    with beside(session, worker) as wrangler:
        yield replace(session, desired=desired, wrangler=wrangler)

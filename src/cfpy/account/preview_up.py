"""``cfpy preview up``: an environment for a branch, with data of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cfpy.account.branches import current_branch
from cfpy.account.deploy import DeployRequest, DeployResult, deploy
from cfpy.account.owned.registry import RESOURCES
from cfpy.account.owned.secret import with_given
from cfpy.account.owned.worker import ObservedWorker
from cfpy.account.plan import Action, Do, Plan
from cfpy.account.preview_keeper import InMemory, add_to_note, read_note
from cfpy.account.preview_note import Note, foreign
from cfpy.account.preview_project import FILE, preview_project
from cfpy.account.record import Placement, Record
from cfpy.account.record_store import RecordStore
from cfpy.account.session import Session, session_of
from cfpy.bindings.previews import PreviewConfig, derive_preview
from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import (
    CfpyError,
    DeploymentChangedError,
    DeploymentError,
    PlanConflictError,
    ProjectError,
    UsageError,
)
from cfpy.project.lock import alone
from cfpy.project.project import Project
from cfpy.tools.context import Context
from cfpy.tools.invocation import command


@dataclass(frozen=True)
class UpRequest:
    """``name`` is empty for the branch's, ``source`` for the top level of the configuration.
    ``seed`` is a file of SQL, ``ttl`` how long the preview is kept from now on, ``None`` for as
    long as nobody deletes it. ``deploy`` is how it is provisioned and deployed."""

    name: str
    source: str
    seed: str
    ttl: timedelta | None
    deploy: DeployRequest


@dataclass(frozen=True)
class UpResult:
    """``deployed`` is ``None`` after a dry run. ``shared`` are the bindings that the preview shares
    with its source, by table."""

    note: Note
    plan: Plan
    shared: Mapping[str, tuple[str, ...]]
    deployed: DeployResult | None


def run(
    ctx: Context,
    request: UpRequest,
    confirm: Callable[[Plan], bool],
    now: datetime | None = None,
) -> UpResult | None:
    """Create a preview, or bring it up to date.

    Args:
        ctx: The tools of the run.
        request: What is wanted.
        confirm: Called before anything is changed; if it returns false, nothing is.
        now: The time; the clock's by default.

    Returns:
        The preview, or ``None`` if it was not confirmed.

    Raises:
        PlanConflictError: Somebody else has something with a name of it. Nothing was changed.
        CfpyError: As :func:`cfpy.account.deploy.run`.
    """
    asked = request.deploy
    with alone(asked.root, asked.config, dry_run=asked.dry_run):
        base = load_project(asked.root, asked.config)
        if not base.wrangler.get("name"):
            raise ProjectError("`name` is missing", path=base.config_path)
        wanted = _note(ctx, request, base, now or datetime.now(UTC))
        config = derive_preview(base.wrangler, request.source, wanted.name)
        wanted = replace(wanted, worker=config.worker)
        if not asked.dry_run:
            ctx.git.exclude(base.root, FILE)  # It stays if the run is killed.
        with preview_project(base, config, request.seed, dry_run=asked.dry_run) as load:
            records = RecordStore(base.root, base.config_name).read()
            home = InMemory(base.root, records.account_id(request.source))
            session = session_of(ctx, load(), "", home, load)
            note = _known(session, wanted)
            plan = with_given(session.plan(), asked.given)
            _refuse_foreign(plan, note)
            if asked.dry_run:
                shown = _shown(plan, config)
                if request.seed:
                    seeded = f"the seed {request.seed} runs after the migrations, once"
                    shown = replace(shown, notices=(*shown.notices, seeded))
                return UpResult(note, shown, config.shared, None)

            keeping = _Keeping(ctx, session, note)
            with keeping.to_the_end():
                deployed = deploy(
                    ctx,
                    session,
                    keeping.after_each_step(asked),
                    lambda plan: confirm(_shown(plan, config)),
                    keeping.begin,
                )
        shown = _shown(plan, config)
        return UpResult(note.owning(plan), shown, config.shared, deployed) if deployed else None


class _Keeping:
    """Writes the note of a run, and looks for it after all that the run creates: another run may
    have read it before, or delete it meanwhile."""

    def __init__(self, ctx: Context, session: Session, note: Note) -> None:
        self._ctx = ctx
        self._session = session
        self._note = note
        self._began = False
        self._was_deleted = False
        self._lock = threading.Lock()

    def begin(self, plan: Plan) -> None:
        """Write the note before anything is created."""
        self._ctx.progress(f"Writing the note of {self._note.worker}")
        self._note = self._note.owning(plan)
        add_to_note(self._session, self._note)
        self._began = True

    def after_each_step(self, asked: DeployRequest) -> DeployRequest:
        """The request, with a look at the note after each step."""
        making = asked.provision
        if making is None:
            return asked
        shown = making.on_action

        def on_action(action: Action) -> None:
            shown(action)
            self._look()

        return replace(asked, provision=replace(making, on_action=on_action))

    @contextlib.contextmanager
    def to_the_end(self) -> Iterator[None]:
        """Look for the note at the end, whatever that is. The hints of its errors are true."""
        try:
            try:
                yield
            finally:
                self._look()
        except CfpyError as error:
            if self._was_deleted or isinstance(error, DeploymentChangedError):
                error.hint = (
                    "Another run has changed or deleted the preview. Run the same command again to "
                    f"bring it up, or delete it: {command('preview', 'down', self._note.name)}"
                )
            elif isinstance(error, DeploymentError):
                # Its hints are about the project's own Worker.
                tail = command("wrangler", "tail", self._note.worker)
                error.hint = f"Fix it, and run the same command again. To see why: {tail}"
            raise

    def _look(self) -> None:
        with self._lock:
            if not self._began:
                return
            found = read_note(self._session, self._note.worker)
            self._was_deleted |= found is None
            if found is None or not set(self._note.owned) <= set(found.owned):
                add_to_note(self._session, self._note)


def _shown(plan: Plan, config: PreviewConfig) -> Plan:
    """The plan for people: with what is shared, and without the ids that are written into a file
    that nobody sees."""
    source = config.source or "the top level"
    shared = (
        f"shared with {source}: {k} ({', '.join(names)})" for k, names in config.shared.items()
    )
    actions = (replace(i, reason="exists") if i.do is Do.ADOPT else i for i in plan.actions)
    return replace(plan, actions=tuple(actions), notices=(*plan.notices, *shared))


def _note(ctx: Context, request: UpRequest, base: Project, now: datetime) -> Note:
    """The note of a preview that is created now.

    Raises:
        UsageError: It has no name.
    """
    branch = current_branch(ctx.git, base.root)
    name = request.name or branch.name
    if not name:
        raise UsageError(
            "git is on no branch, so the preview has no name",
            hint=f"Name it: {command('preview', 'up', 'pr-12')}. Nothing was changed.",
        )
    moment = now.replace(microsecond=0)
    return Note(
        name,
        str(base.wrangler["name"]),
        "",
        request.source,
        branch.name,
        branch.commit,
        branch.pushed,
        branch.remote,
        moment.isoformat(),
        (moment + request.ttl).isoformat() if request.ttl else "",
    )


def _known(session: Session, wanted: Note) -> Note:
    """``wanted``, with what the account has of this preview so far.

    Raises:
        PlanConflictError: Its Worker is another preview's, or somebody else's.
    """
    found, worker = read_note(session, wanted.worker), wanted.worker
    if found is None and session.observe().get(ObservedWorker, worker):
        raise PlanConflictError(
            f"the account has a Worker {worker} that is not a preview of cfpy",
            hint="Choose another name. Nothing was changed.",
        )
    if found is None:
        return wanted
    if (found.name, found.base) != (wanted.name, wanted.base):
        raise PlanConflictError(
            f"{worker} is the preview {found.name} of {found.base}",
            hint="Choose another name. Nothing was changed.",
        )
    session.records.change(lambda _: _record(session, found))
    return replace(wanted, created=found.created, owned=found.owned)


def _refuse_foreign(plan: Plan, note: Note) -> None:
    if keys := foreign(plan, note):
        raise PlanConflictError(
            f"the account has {', '.join(keys)}, which this preview did not create",
            hint="A preview has data of its own only: choose another name, or delete this in the "
            "dashboard if nobody needs it. Nothing was changed.",
        )


def _record(session: Session, note: Note) -> Record:
    """What cfpy created of what the configuration has now."""
    wanted = {
        f"{key}:{name}" for key, kind in RESOURCES.items() for name in kind.names(session.desired)
    }
    wanted.add(f"worker:{note.worker}")
    created = {key: "" for key in note.created_keys if key in wanted}
    return Record({session.environment: Placement(session.account.id, created)})

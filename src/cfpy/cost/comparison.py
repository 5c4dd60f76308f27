"""``cfpy cost``: the cost of a month, from measured usage and the price book."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from cfpy.bindings.environments import effective
from cfpy.bindings.kinds.cron import schedules
from cfpy.bindings.registry import KINDS
from cfpy.bindings.wrangler_config import load_project
from cfpy.cost import logs, price_files
from cfpy.cost.coverage import Omission, omissions
from cfpy.cost.pricing import Bill, Line, PriceBook, price
from cfpy.cost.traditional import DIVISORS, Assumption, Rented, rented
from cfpy.cost.workload import (
    ActionUsage,
    Scenario,
    Worker,
    runs_a_month,
    tokens_of,
    usage_of,
    with_each_call,
)
from cfpy.errors import PatternError, ProjectError, UsageError
from cfpy.patterns.answers_file import ANSWERS_FILE, read_answers
from cfpy.patterns.known_patterns import known_patterns
from cfpy.patterns.pattern import Pattern
from cfpy.patterns.rendering import render_with
from cfpy.project.config_file import configuration_in
from cfpy.project.names import did_you_mean
from cfpy.project.project import Project
from cfpy.tools.context import Context

#: The traffic is also priced multiplied by these factors.
FACTORS = (1, 10, 100, 1000)
REFERENCE = "reference"
# The meter that --storage sets: the largest store.
_STORES = ("r2.storage", "d1.storage", "kv.storage")
_CPU = "workers.cpu_ms"


@dataclass(frozen=True)
class CostRequest:
    """What to price. If ``pattern`` is empty, it is the project in ``root``. ``requests`` and
    ``storage`` (GB) change the scenario, ``each`` the usage of an action by meter, ``assume`` the
    comparison."""

    root: Path
    pattern: str
    environment: str
    scenario: str
    requests: Decimal | None
    storage: Decimal | None
    each: Mapping[str, Decimal]
    assume: Mapping[str, Decimal]
    config: Path | None = None


@dataclass(frozen=True)
class Size:
    """The workload ``factor`` times as large: on Cloudflare, and on rented servers."""

    factor: int
    bill: Bill
    servers: tuple[Rented, ...]

    @property
    def servers_total(self) -> Decimal:
        return sum((item.cost for item in self.servers), Decimal(0))


@dataclass(frozen=True)
class ReferenceLine:
    """A stated cost, next to the cost by the price book, and why they differ."""

    line: Line
    said: Decimal
    why: str


@dataclass(frozen=True)
class CostResult:
    """``measured`` is whether the usage of actions was measured, not assumed. ``omitted`` are
    bindings that the numbers leave out; ``stale`` are prices that were read long ago.
    ``too_slow_for_free`` are actions of the scenario that take more processor time (ms) than
    ``free_ms``, the Free plan's limit per request."""

    worker: Worker
    scenario: Scenario
    steps: tuple[Size, ...]
    assumptions: tuple[Assumption, ...]
    measured: bool
    omitted: tuple[Omission, ...]
    stale: tuple[str, ...]
    too_slow_for_free: Mapping[str, Decimal]
    free_ms: Decimal
    today: date

    def fits_free(self, step: Size) -> bool:
        """Whether the Workers Free plan is enough for a size, if the usage is the same every
        day."""
        return not step.bill.too_much_for_free and not self.too_slow_for_free


@dataclass(frozen=True)
class ReferenceResult:
    """The reference scenario. ``plan`` is the price of the plan, which is the first line."""

    lines: tuple[ReferenceLine, ...]
    said: Decimal
    bill: Bill
    stale: tuple[str, ...]


def run(ctx: Context, request: CostRequest) -> CostResult:
    """Price a month.

    Raises:
        ProjectError: There is no project, or no such scenario.
        PatternError: There is no such pattern.
        UsageError: A meter or an assumption is unknown.
    """
    book = price_files.read_book()
    with tempfile.TemporaryDirectory(prefix="cfpy-cost-") as scratch:
        project, names, answers = _project(ctx, request, Path(scratch))
    scope = effective(project.wrangler, request.environment)
    name = next((name for name in names if price_files.read_actions(name, answers)), "")
    actions = price_files.read_actions(name, answers) if name else price_files.read_assumed(scope)
    actions = with_each_call(actions, logs.METER, logs.events_of_a_call(scope))
    worker = Worker(
        name=str(project.wrangler.get("name", "")),
        actions=_changed(actions, request.each, book),
        models=_models(scope, actions, book),
        dimensions=project.vectorize[0].dimensions if project.vectorize else 0,
    )
    scenario = _scenario(request, name or "other", answers, scope, worker, book)
    assumptions = _assumptions(request.assume)
    steps = tuple(
        _step(worker, scenario.scaled(factor), factor, book, assumptions) for factor in FACTORS
    )
    today = datetime.now(UTC).date()
    free_ms = book.meters[_CPU].free_request or Decimal(0)
    return CostResult(
        worker=worker,
        scenario=scenario,
        steps=steps,
        assumptions=tuple(assumptions.values()),
        measured=bool(name),
        omitted=(
            *omissions(
                scope,
                {line.meter.id for line in steps[0].bill.lines},
                runs_cron="cron" in worker.actions,
            ),
            *(Omission(what, "ai", why) for what, why in price_files.left_out(name).items()),
        ),
        stale=book.stale(today),
        too_slow_for_free=_too_slow(worker, scenario, free_ms),
        free_ms=free_ms,
        today=today,
    )


def reference() -> ReferenceResult:
    """Price the reference scenario, line by line."""
    book = price_files.read_book()
    said = price_files.read_reference()
    bill = price(book, {item["meter"]: Decimal(item["quantity"]) for item in said})
    by_meter = {line.meter.id: line for line in bill.lines}
    lines = tuple(
        ReferenceLine(by_meter[item["meter"]], Decimal(item["said"]), item["why"]) for item in said
    )
    total = sum((line.said for line in lines), Decimal(0))
    return ReferenceResult(lines, total, bill, book.stale(datetime.now(UTC).date()))


def _project(
    ctx: Context, request: CostRequest, scratch: Path
) -> tuple[Project, list[str], Mapping[str, Any]]:
    """The project to price, the patterns that it was created from, the nearest first, and the
    answers that differ from theirs."""
    if not request.pattern:
        project = load_project(request.root, request.config)
        return project, *_made_of(ctx, request.root)
    pattern = known_patterns(ctx).get(request.pattern)
    ctx.progress(f"Reading {pattern.name}")
    asked = any(question.name == "project_name" for question in pattern.questions)
    answers = {"project_name": pattern.name} if asked else {}
    options = {"interactive": False, "trusted": False, "run_tasks": False}
    render_with(pattern, scratch, answers, **options)
    return load_project(scratch, configuration_in(scratch)), _layers(pattern), {}


def _made_of(ctx: Context, root: Path) -> tuple[list[str], Mapping[str, Any]]:
    if not (root / ANSWERS_FILE).is_file():
        return [], {}
    record = read_answers(root)
    if record.origin is None:
        return [record.name], record.answers
    try:
        return _layers(known_patterns(ctx).get(record.source)), record.answers
    except PatternError:
        return [], record.answers


def _layers(pattern: Pattern) -> list[str]:
    return [layer.name for layer in reversed(pattern.layers)]


def _changed(
    actions: Mapping[str, ActionUsage], each: Mapping[str, Decimal], book: PriceBook
) -> dict[str, ActionUsage]:
    for meter in each:
        if meter not in book.meters:
            known = ", ".join(book.meters)
            hint = did_you_mean(meter, book.meters) or f"Meters: {known}."
            raise UsageError(f"unknown meter {meter!r}", hint=hint)
    return {
        name: replace(action, meters={**action.meters, **each}) for name, action in actions.items()
    }


def _models(
    scope: Mapping[str, object], actions: Mapping[str, ActionUsage], book: PriceBook
) -> dict[str, str]:
    """The models that the actions call, by the variable that names them.

    Raises:
        ProjectError: A variable is missing, or there is no price for its model.
    """
    values = scope.get("vars")
    variables = values if isinstance(values, Mapping) else {}
    called = (call.setting for action in actions.values() for call in action.models)
    models = {}
    for setting in dict.fromkeys(called):
        model = models[setting] = str(variables.get(setting, ""))
        if not model:
            raise ProjectError(
                f"the configuration has no variable {setting}, which names a model that this "
                "Worker calls",
                hint=f"Add it to `vars`. cfpy has prices for: {', '.join(book.models)}.",
            )
        if model not in book.models:
            raise ProjectError(
                f"{setting} is {model}, for which cfpy has no price",
                hint=f"It has prices for: {', '.join(book.models)}.",
            )
    return models


def _scenario(
    request: CostRequest,
    pattern: str,
    answers: Mapping[str, Any],
    scope: Mapping[str, object],
    worker: Worker,
    book: PriceBook,
) -> Scenario:
    scenario = price_files.read_scenario(pattern, request.scenario, answers)
    for action in scenario.mix:
        if action not in worker.actions:
            raise ProjectError(
                f"the scenario {scenario.name!r} has an action {action!r}, which was not measured",
                hint=f"Actions: {', '.join(worker.actions)}.",
            )
    for meter in scenario.stored:
        if meter not in book.meters:
            raise ProjectError(
                f"the scenario {scenario.name!r} stores {meter!r}, which is not a meter",
                hint=did_you_mean(meter, book.meters) or f"Meters: {', '.join(_STORES)}.",
            )
    runs = sum((runs_a_month(cron) for cron in schedules(scope)), Decimal(0))
    if pattern == "other":
        scenario = replace(scenario, stored=_stored(scenario, scope))
    if request.storage is not None:
        stored = dict(scenario.stored)
        store = next((meter for meter in _STORES if meter in stored), None)
        if store is None:
            raise UsageError(
                "--storage does not apply: this Worker stores nothing that has a price"
            )
        scenario = replace(scenario, stored=stored | {store: request.storage})
    scenario = replace(scenario, scheduled=runs if "cron" in worker.actions else Decimal(0))
    return scenario if request.requests is None else replace(scenario, requests=request.requests)


def _stored(scenario: Scenario, scope: Mapping[str, object]) -> dict[str, Decimal]:
    used = {kind.service for kind in KINDS if kind.entries(scope)}
    return {meter: gb for meter, gb in scenario.stored.items() if meter.partition(".")[0] in used}


def _assumptions(changes: Mapping[str, Decimal]) -> dict[str, Assumption]:
    given = price_files.read_assumptions()
    for name, value in changes.items():
        if name not in given:
            hint = did_you_mean(name, given) or f"Assumptions: {', '.join(given)}."
            raise UsageError(f"unknown assumption {name!r}", hint=hint)
        if name in DIVISORS and not value:
            raise UsageError(f"the assumption {name} can't be 0", hint=given[name].what)
        given[name] = replace(given[name], value=value)
    return given


def _step(
    worker: Worker,
    scenario: Scenario,
    factor: int,
    book: PriceBook,
    assumptions: Mapping[str, Assumption],
) -> Size:
    usage = usage_of(worker, scenario, book)
    servers = rented(
        assumptions,
        requests=scenario.requests,
        usage=usage,
        vectors=scenario.vectors if worker.dimensions else Decimal(0),
        tokens=tokens_of(worker, scenario),
    )
    return Size(factor, price(book, usage), servers)


def _too_slow(worker: Worker, scenario: Scenario, free_ms: Decimal) -> dict[str, Decimal]:
    took = {name: worker.actions[name].meters.get(_CPU, Decimal(0)) for name in scenario.mix}
    return {name: ms for name, ms in took.items() if ms > free_ms}

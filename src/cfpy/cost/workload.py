"""The usage of a month of traffic: the usage of each action, times its number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cfpy.cost.amounts import checked
from cfpy.cost.pricing import PriceBook, Usage, neurons

#: Meters of an action, not of Cloudflare's bill: both become dimensions.
_QUERIES, _VECTORS = "vectorize.queries", "vectorize.vectors"
_CALLS = "workers.requests"
_ANSWERING = "CHAT_MODEL", "SUMMARY_MODEL"


@dataclass(frozen=True)
class ModelCall:
    """Calls of the model that the variable ``setting`` names, and the tokens that they read, in one
    action."""

    setting: str
    calls: Decimal
    input_tokens: Decimal


@dataclass(frozen=True)
class ActionUsage:
    """The usage of one kind of request, including the work that it triggers."""

    name: str
    meters: Mapping[str, Decimal]
    models: tuple[ModelCall, ...]


@dataclass(frozen=True)
class Scenario:
    """A month of traffic.

    ``requests`` is the number of requests from clients, ``mix`` the share of each action (the
    shares add up to 1). ``stored`` are gigabytes by meter, ``vectors`` the number in the index,
    ``answer_tokens`` the length of a model's answer, ``scheduled`` the runs of cron triggers.
    """

    name: str
    title: str
    requests: Decimal
    mix: Mapping[str, Decimal]
    stored: Mapping[str, Decimal]
    vectors: Decimal
    answer_tokens: Decimal
    scheduled: Decimal = Decimal(0)

    def scaled(self, factor: int) -> Scenario:
        """The same traffic and data, ``factor`` times as much; cron triggers run as often as
        before."""
        return replace(
            self,
            requests=self.requests * factor,
            stored={meter: amount * factor for meter, amount in self.stored.items()},
            vectors=self.vectors * factor,
        )


@dataclass(frozen=True)
class Worker:
    """The Worker to price: its ``actions``, its models by setting, and the size of its vectors."""

    name: str
    actions: Mapping[str, ActionUsage]
    models: Mapping[str, str]
    dimensions: int


def usage_of(worker: Worker, scenario: Scenario, book: PriceBook) -> Usage:
    """A month's usage by meter, in the price book's units; meters without use are left out.

    Raises:
        KeyError: The scenario names an action that the Worker does not have, or the price book has
            no price for a model.
    """
    used: defaultdict[str, Decimal] = defaultdict(Decimal)
    times = {name: scenario.requests * share for name, share in scenario.mix.items()}
    if scenario.scheduled:
        times["cron"] = times.get("cron", Decimal(0)) + scenario.scheduled
    for name, count in times.items():
        action = worker.actions[name]
        for meter, each in action.meters.items():
            used[meter] += each * count
        for call in action.models:
            model = worker.models[call.setting]
            each = neurons(book, model, call.input_tokens, _written(call, scenario))
            used["ai.neurons"] += each * count
    for meter, amount in scenario.stored.items():
        used[meter] += amount
    queries = used.pop(_QUERIES, Decimal(0))
    used.pop(_VECTORS, None)
    if worker.dimensions:
        # developers.cloudflare.com/vectorize/platform/pricing: stored vectors count as queried,
        # once a month, if there are queries at all.
        asked = queries + scenario.vectors if queries else Decimal(0)
        used["vectorize.queried"] = asked * worker.dimensions
        used["vectorize.stored"] = scenario.vectors * worker.dimensions
    return {meter: amount for meter, amount in used.items() if amount}


def with_each_call(
    actions: Mapping[str, ActionUsage], meter: str, each: Decimal
) -> dict[str, ActionUsage]:
    """The actions, with ``each`` units of ``meter`` for each call of the Worker."""
    if not each:
        return dict(actions)
    return {
        name: replace(
            action, meters={**action.meters, meter: each * action.meters.get(_CALLS, Decimal(0))}
        )
        for name, action in actions.items()
    }


def tokens_of(worker: Worker, scenario: Scenario) -> Decimal:
    """The tokens that all models together read and write in a month."""
    return sum(
        (
            scenario.requests * share * (call.input_tokens + _written(call, scenario))
            for name, share in scenario.mix.items()
            for call in worker.actions[name].models
        ),
        Decimal(0),
    )


def parse_actions(data: Mapping[str, Any]) -> dict[str, ActionUsage]:
    """Read the tables of a pattern in ``usage.toml``."""
    return {
        name: ActionUsage(
            name=name,
            meters={key: _decimal(value) for key, value in item.items() if key != "ai"},
            models=tuple(
                ModelCall(call["setting"], _decimal(call["calls"]), _decimal(call["input_tokens"]))
                for call in item.get("ai", ())
            ),
        )
        for name, item in data.items()
    }


def parse_scenario(name: str, data: Mapping[str, Any]) -> Scenario:
    """Read a scenario's table.

    Raises:
        ValueError: A key is missing, a value is not an amount, or the mix does not add up to 1.
        ArithmeticError: A value is not a number.
    """
    try:
        scenario = Scenario(
            name=name,
            title=str(data.get("title", name)),
            requests=_decimal(data["requests"]),
            mix={key: _decimal(value) for key, value in data["mix"].items()},
            stored={key: _decimal(value) for key, value in data.get("stored", {}).items()},
            vectors=_decimal(data.get("vectors", 0)),
            answer_tokens=_decimal(data.get("answer_tokens", 250)),
        )
    except KeyError as error:
        raise ValueError(f"the scenario {name!r} has no {error}") from error
    if sum(scenario.mix.values()) != 1:
        raise ValueError(f"the mix of the scenario {name!r} does not add up to 1")
    return scenario


def runs_a_month(cron: str) -> Decimal:
    """How often a schedule runs in 30 days; approximate if it is not the same each hour or day.

    Only minute and hour are considered; day fields would reduce the number.
    """
    minute, hour, *_ = cron.split()
    return Decimal(_count(minute, 60) * _count(hour, 24) * 30)


def _written(call: ModelCall, scenario: Scenario) -> Decimal:
    """The tokens that an action's calls of a model write."""
    return call.calls * scenario.answer_tokens if call.setting in _ANSWERING else Decimal(0)


def _count(field: str, size: int) -> int:
    if field == "*":
        return size
    if field.startswith("*/") and field[2:].isdigit() and int(field[2:]):
        return -(-size // int(field[2:]))
    return len(field.split(","))


def _decimal(value: Any) -> Decimal:
    # By its text, because a float's exact value differs.
    return checked(Decimal(str(value)))

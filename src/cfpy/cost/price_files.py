"""Reads cfpy's files of prices, scenarios and usage, and scenario files of users."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

from cfpy.cost.pricing import PriceBook, parse_book
from cfpy.cost.traditional import Assumption
from cfpy.cost.workload import ActionUsage, Scenario, parse_actions, parse_scenario
from cfpy.errors import ProjectError, UsageError
from cfpy.project.toml_position import parse_toml


def read_book() -> PriceBook:
    """Read the price book."""
    return parse_book(_shipped("prices.toml"))


def neurons_of_models() -> dict[str, dict[str, float]]:
    """By model: the neurons for a million tokens, ``input`` and ``output``."""
    models = _shipped("prices.toml")["models"]
    return {item["name"]: {key: item[key] for key in ("input", "output")} for item in models}


def read_actions(pattern: str, answers: Mapping[str, Any]) -> dict[str, ActionUsage]:
    """The usage of a pattern's actions, with what the ``answers`` of a project add; empty for a
    pattern that was not measured."""
    actions = parse_actions(_shipped("usage.toml").get(pattern, {}))
    for added in _of_answers(pattern, answers):
        for more in parse_actions(
            {name: added[name] for name in actions if name in added}
        ).values():
            meters = dict(actions[more.name].meters)
            for meter, amount in more.meters.items():
                meters[meter] = meters.get(meter, Decimal(0)) + amount
            actions[more.name] = replace(actions[more.name], meters=meters)
    return actions


def left_out(pattern: str) -> dict[str, str]:
    """What a pattern can do that its measured usage does not include, with the reasons."""
    found: dict[str, str] = _shipped("answers.toml").get(pattern, {}).get("left_out", {})
    return found


def _of_answers(pattern: str, answers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is added by those ``answers`` that are yes."""
    added = _shipped("answers.toml").get(pattern, {})
    return [more for name, more in added.items() if answers.get(name) is True]


def read_assumed(tables: Mapping[str, Any]) -> dict[str, ActionUsage]:
    """The assumed usage of a request, by the tables of a configuration."""
    assumed = _shipped("scenarios.toml")["assumed"]
    meters: dict[str, Any] = dict(assumed["always"])
    for table, values in assumed.items():
        if tables.get(table):
            meters |= values
    return parse_actions({"request": meters, "cron": assumed["always"]})


def read_scenario(pattern: str, name: str, answers: Mapping[str, Any]) -> Scenario:
    """A named scenario of a pattern, with what a project's ``answers`` add, or one from a file.

    Raises:
        UsageError: There is no scenario of this name.
        ProjectError: The file is not valid.
    """
    named = _shipped("scenarios.toml").get(pattern, {})
    if name in named:
        stored = dict(named[name].get("stored", {}))
        for added in _of_answers(pattern, answers):
            stored |= added.get("stored", {}).get(name, {})
        return parse_scenario(name, named[name] | {"stored": stored})
    path = Path(name)
    if not _is_file(path):
        raise UsageError(
            f"there is no scenario {name!r}",
            hint=f"Scenarios: {', '.join(named)}, reference, or a TOML file with these keys: "
            "requests, mix, stored, vectors, answer_tokens.",
        )
    _, data = parse_toml(path, ProjectError)
    try:
        return parse_scenario(path.stem, data)
    except (ValueError, ArithmeticError, AttributeError, TypeError) as error:
        raise ProjectError(f"is not a valid scenario: {error}", path=path) from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # A name that is longer than a path can be.
        return False


def read_reference() -> list[dict[str, Any]]:
    """The lines of the reference scenario: meter, quantity, the amount stated, and why it
    differs."""
    lines: list[dict[str, Any]] = _shipped("scenarios.toml")["reference"]
    return lines


def read_assumptions() -> dict[str, Assumption]:
    """The assumptions of the comparison with rented servers."""
    given = _shipped("traditional.toml")["assumptions"]
    return {
        name: Assumption(name, Decimal(str(item["value"])), item["what"])
        for name, item in given.items()
    }


def _shipped(name: str) -> dict[str, Any]:
    return tomllib.loads(files("cfpy").joinpath("cost", "data", name).read_text("utf-8"))

"""Shows what a month costs: as tables, JSON or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from cfpy.cli import drawing
from cfpy.cli.console import Output
from cfpy.cost.comparison import CostResult, ReferenceResult, Size
from cfpy.cost.pricing import Bill, Line, Meter

_CENT = Decimal("0.01")
# Units that must be shown with a number.
_UNITS = ("ms", "GB")


def show_cost(output: Output, result: CostResult, words: Sequence[str]) -> None:
    """Report ``cfpy cost``; ``words`` are the arguments that select what was priced."""
    if output.json:
        output.data("cost", cost_data(result))
        return
    first = result.steps[0]
    scenario = result.scenario
    output.show(Text(f"{result.worker.name}: {scenario.title}", style="bold"))
    mix = ", ".join(f"{_short(part * 100)} % {name}" for name, part in scenario.mix.items())
    output.show(Text(f"{amount(scenario.requests)} requests a month: {mix}\n", style="dim"))
    output.show(_lines(first.bill))
    for sentence in sentences(result):
        output.show(Text(sentence))
    output.show("", _steps(result.steps), "", _servers(first))
    output.show(Text("\nAssumptions about rented servers", style="bold"))
    for item in result.assumptions:
        output.show(Text(f"  {item.name}={item.value.normalize():f}  {item.what}", style="dim"))
    for warning in warnings(result):
        output.show(Text(f"warning: {warning}", style="yellow"))
    html = output.invocation.command("cost", *words, "--html", "cost.html")
    output.show(Text(f"\nNext: {html}, or --assume NAME=NUMBER", style="dim"))


def show_reference(output: Output, result: ReferenceResult) -> None:
    """Report ``cfpy cost --scenario reference``."""
    if output.json:
        lines = [
            {**_line_data(item.line), "said": str(item.said), "why": item.why}
            for item in result.lines
        ]
        data = {"lines": lines, "plan": str(result.bill.plan), "said": str(result.said)}
        output.data("cost", data | {"total": money(result.bill.total), "stale": list(result.stale)})
        return
    table = drawing.table("", "a month of", "stated", "actual", "why")
    for item in result.lines:
        line = item.line
        # The stated cost of the first line is that of the plan.
        cost = line.cost + (result.bill.plan if line.meter.id == "workers.requests" else 0)
        quantity = f"{amount(line.quantity)} {line.meter.unit}"
        row = (line.meter.service, quantity, f"${item.said}", f"${money(cost)}", item.why)
        table.add_row(*(Text(cell) for cell in row))
    table.add_row("", "", f"${result.said}", f"${money(result.bill.total)}", "", style="bold")
    output.show(table)
    for name in result.stale:
        output.show(
            Text(f"warning: the price of {name} was read more than 90 days ago", style="yellow")
        )


def to_csv(result: CostResult) -> str:
    """One row for each meter and size."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["factor", "meter", "service", "what", "unit", "quantity", "included", "billable", "cost"]
    )
    for step in result.steps:
        writer.writerow([step.factor, "plan", "Workers Paid", "", "", "", "", "", step.bill.plan])
        for line in step.bill.lines:
            meter = line.meter
            row = [step.factor, meter.id, meter.service, meter.what, meter.unit]
            exact = [_plain(line.quantity), meter.included, _plain(line.billable)]
            writer.writerow([*row, *exact, _plain(line.cost)])
    return text.getvalue()


def show_csv(output: Output, result: CostResult) -> None:
    """Print the lines as CSV, and the warnings next to them."""
    typer.echo(to_csv(result), nl=False)
    for warning in warnings(result):
        output.note(f"warning: {warning}", "yellow")


def sentences(result: CostResult) -> list[str]:
    """The result in sentences."""
    bill = result.steps[0].bill
    said = [f"Workers Paid: ${money(bill.total)} a month, ${money(bill.plan)} of it for the plan."]
    if bill.dominant:
        line = bill.dominant
        part = (line.cost / bill.total * 100).quantize(Decimal(1))
        said.append(f"{line.meter.service}, {line.meter.what}, is {part} % of the total.")
    if result.fits_free(result.steps[0]):
        said.append("The Workers Free plan would be enough, for $0.")
    else:
        said += ["The Workers Free plan is not enough:", *_too_much(result)]
    return said


def _too_much(result: CostResult) -> list[str]:
    """One short sentence for each reason."""
    reasons = [
        f"{line.meter.service}, {line.meter.what}: {in_units(line.quantity, line.meter)} a month, "
        f"and {in_units(line.meter.free or 0, line.meter)} are free."
        for line in result.steps[0].bill.too_much_for_free
    ]
    if result.too_slow_for_free:
        slow = ", ".join(f"{n} {_short(ms)} ms" for n, ms in result.too_slow_for_free.items())
        free = f"{_short(result.free_ms)} ms"
        reasons.append(f"Workers, processor time of a request: {slow}, and {free} are free.")
    return reasons


def warnings(result: CostResult) -> list[str]:
    """Reasons why the numbers may be incomplete."""
    said = []
    if not result.measured:
        said.append(
            "the usage of each binding by a request is assumed, because this Worker is not from a "
            "measured pattern. Set it with --each METER=NUMBER"
        )
    said += [f"not included: {o.name} ({o.table}): {o.reason}" for o in result.omitted]
    if result.stale:
        said.append(f"prices that were read more than 90 days ago: {', '.join(result.stale)}")
    return said


def cost_data(result: CostResult) -> dict[str, Any]:
    """The ``data`` of ``cfpy cost --json``. Amounts are decimal strings, money is in US dollars."""
    return {
        "worker": result.worker.name,
        "scenario": {
            "name": result.scenario.name,
            "title": result.scenario.title,
            "requests": _plain(result.scenario.requests),
            "mix": {name: _plain(part) for name, part in result.scenario.mix.items()},
        },
        "measured": result.measured,
        "currency": "USD",
        "sizes": [_step_data(result, step) for step in result.steps],
        "assumptions": {item.name: _plain(item.value) for item in result.assumptions},
        "unpriced": sorted({item.table.partition(".")[0] for item in result.omitted}),
        "omitted": [asdict(item) for item in result.omitted],
        "stale": list(result.stale),
    }


def _step_data(result: CostResult, step: Size) -> dict[str, Any]:
    return {
        "factor": step.factor,
        "plan": str(step.bill.plan),
        "total": money(step.bill.total),
        "fits_free_plan": result.fits_free(step),
        "lines": [_line_data(line) for line in step.bill.lines],
        "rented_servers": {
            "total": money(step.servers_total),
            "items": [
                {"what": item.what, "count": _plain(item.count), "each": money(item.each)}
                for item in step.servers
            ],
        },
    }


def _line_data(line: Line) -> dict[str, Any]:
    meter = line.meter
    return {
        "meter": meter.id,
        "service": meter.service,
        "what": meter.what,
        "unit": meter.unit,
        "quantity": _plain(line.quantity),
        "included": str(meter.included),
        "billable": _plain(line.billable),
        "price": str(meter.price),
        "per": str(meter.per),
        "cost": _plain(line.cost),
        "source": meter.read.source,
        "checked": str(meter.read.checked),
    }


def arithmetic(line: Line) -> str:
    """The arithmetic of a line's cost."""
    meter = line.meter
    if not line.billable:
        return "included"
    beyond = f"({amount(line.quantity)} - {amount(meter.included)})"
    per = "" if meter.per == 1 else f" / {amount(meter.per)}"
    whole = ", rounded up," if meter.whole else ""
    charged = "" if meter.billed else ": not billed yet"
    return f"{beyond}{per}{whole} x ${meter.price}{charged}"


def money(value: Decimal) -> str:
    """Dollars and cents."""
    return f"{value.quantize(_CENT, ROUND_HALF_UP):,}"


def amount(value: Decimal | int) -> str:
    """``1.5M``, ``20k``, ``300``."""
    value = Decimal(value)
    for scale, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if value >= scale:
            return f"{_short(value / scale)}{letter}"
    return _short(value)


def in_units(value: Decimal | int, meter: Meter) -> str:
    """An amount, with its unit if the meter's name does not include it: ``54M ms``, ``5 GB``."""
    return f"{amount(value)} {meter.unit}" if meter.unit in _UNITS else amount(value)


def _short(value: Decimal) -> str:
    rounded = value.quantize(_CENT, ROUND_HALF_UP).normalize()
    return f"{rounded:,f}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _lines(bill: Bill) -> Table:
    table = drawing.table("service", "", "a month", "included", "arithmetic", "$")
    table.columns[-1].justify = "right"
    table.add_row("Workers Paid", "the plan", "", "", "", money(bill.plan))
    for line in bill.lines:
        meter = line.meter
        table.add_row(
            meter.service,
            meter.what,
            in_units(line.quantity, meter),
            in_units(meter.included, meter),
            Text(arithmetic(line), style="dim"),
            money(line.cost),
        )
    table.add_row("", "", "", "", "", Text(money(bill.total), style="bold"))
    return table


def _steps(steps: tuple[Size, ...]) -> Table:
    table = drawing.table("traffic", "Cloudflare, $ a month", "mostly", "rented servers, $ a month")
    for step in steps:
        line = step.bill.dominant
        mostly = f"{line.meter.service}: {line.meter.what}" if line else "the plan"
        total, servers = money(step.bill.total), money(step.servers_total)
        table.add_row(f"{step.factor}x", total, Text(mostly, style="dim"), servers)
    return table


def _servers(step: Size) -> Table:
    table = drawing.table("rented servers", "how many", "$ each", "$")
    for item in step.servers:
        count = f"{item.count.normalize():f}"
        table.add_row(item.what, count, money(item.each), money(item.cost))
    return table

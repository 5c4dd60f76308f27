"""Shows what a month costs: as tables, JSON or CSV."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import typer
from rich.table import Table
from rich.text import Text

from cfpy.cli import drawing
from cfpy.cli.console import Output
from cfpy.cli.cost_data import cost_data, line_data, to_csv
from cfpy.cli.cost_figures import amount, arithmetic, in_units, money, short
from cfpy.cost.amounts import rounded
from cfpy.cost.comparison import CostResult, ReferenceResult, Size
from cfpy.cost.pricing import Bill

_LEFT_OUT = "not included:"


def show_cost(
    output: Output, result: CostResult, words: Sequence[str], *, details: bool = False
) -> None:
    """Report ``cfpy cost``; ``words`` are the arguments that select what was priced. With
    ``details`` also each line's arithmetic, the larger sizes and the rented servers."""
    if output.json:
        output.data("cost", cost_data(result))
        return
    scenario = result.scenario
    output.prose(f"{result.worker.name}, scenario {scenario.name}: {scenario.title}", style="bold")
    mix = ", ".join(f"{short(part * 100)}% {name}" for name, part in scenario.mix.items())
    output.prose(f"{amount(scenario.requests)} requests a month: {mix}", style="dim")
    output.show("", _lines(result.steps[0].bill) if details else _services(result))
    if details:
        _show_details(output, result)
    else:
        output.show("")
        output.prose(_free_plan(result))
        output.prose(_assumed(result), style="dim")
        for warning in _short_warnings(result):
            output.prose(f"warning: {warning}", style="yellow")
        more = output.invocation.command("cost", *words, "--details")
        output.show(Text(f"\nMore: {more}", style="dim"))


def _show_details(output: Output, result: CostResult) -> None:
    output.show("")
    for sentence in sentences(result):
        output.prose(sentence)
    output.show("", _steps(result.steps), "", _servers(result.steps[0]))
    output.show(Text("\nAssumptions about rented servers (--assume NAME=NUMBER)", style="bold"))
    for item in result.assumptions:
        text = f"{item.name}={item.value.normalize():f}  {item.what}"
        output.prose(text, style="dim", indent="  ")
    for warning in warnings(result):
        output.prose(f"warning: {warning}", style="yellow")


def show_reference(output: Output, result: ReferenceResult) -> None:
    """Report ``cfpy cost --scenario reference``."""
    if output.json:
        lines = [
            {**line_data(item.line), "stated": str(item.said), "why": item.why}
            for item in result.lines
        ]
        data = {"lines": lines, "plan": str(result.bill.plan), "stated": str(result.said)}
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
        output.prose(f"warning: the price of {name} was read more than 90 days ago", style="yellow")


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
        part = rounded(line.cost / bill.total * 100, Decimal(1))
        said.append(f"{line.meter.service}, {line.meter.what}, is {part}% of the total.")
    if result.fits_free(result.steps[0]):
        said.append("The Workers Free plan would be enough, for $0.")
    else:
        said += ["The Workers Free plan is not enough:", *_too_much(result)]
    return said


def _too_much(result: CostResult) -> list[str]:
    """One short sentence for each reason."""
    reasons = []
    for line in result.steps[0].bill.too_much_for_free:
        used, free = (in_units(n, line.meter) for n in (line.quantity, line.meter.free or 0))
        if used == free:
            # Rounded, the reason would refute itself.
            used = f"{line.quantity:,.0f}"
        reasons.append(
            f"{line.meter.service}, {line.meter.what}: {used} a month, and {free} are free."
        )
    if result.too_slow_for_free:
        slow = ", ".join(f"{n} {short(ms)} ms" for n, ms in result.too_slow_for_free.items())
        free = f"{short(result.free_ms)} ms"
        reasons.append(f"Workers, processor time of a request: {slow}, and {free} are free.")
    return reasons


def warnings(result: CostResult) -> list[str]:
    """Reasons why the numbers may be incomplete."""
    said = []
    if not result.measured:
        said.append(
            "the usage of each binding by a request is assumed, because this Worker is not from a "
            f"measured pattern. Set it with --each METER=NUMBER, such as --each {_meter(result)}=2"
        )
    said += [f"{_LEFT_OUT} {o.name} ({o.table}): {o.reason}" for o in result.omitted]
    if result.stale:
        said.append(f"prices that were read more than 90 days ago: {', '.join(result.stale)}")
    return said


def _meter(result: CostResult) -> str:
    """A meter to show as an example: the one of the result that costs most."""
    lines = result.steps[0].bill.lines
    return max(lines, key=lambda line: line.cost).meter.id if lines else "workers.cpu_ms"


def _free_plan(result: CostResult) -> str:
    if result.fits_free(result.steps[0]):
        return "The Workers Free plan would be enough, for $0."
    return "The Workers Free plan is not enough."


def _assumed(result: CostResult) -> str:
    """What the numbers rest on, in a sentence."""
    read = min((line.meter.read.checked for line in result.steps[0].bill.lines), default=None)
    since = f"; prices of {read} or later" if read else ""
    usage = "measured" if result.measured else "assumed"
    return f"From the scenario's traffic and {usage} usage{since}."


def _short_warnings(result: CostResult) -> list[str]:
    """As :func:`warnings`, with all that is left out in one line, and no reasons."""
    said = [text for text in warnings(result) if not text.startswith(_LEFT_OUT)]
    if result.omitted:
        names = ", ".join(f"{item.name} ({item.table})" for item in result.omitted)
        said.append(f"{_LEFT_OUT} {names}. --details shows why")
    return said


def _services(result: CostResult) -> Table:
    """What each service costs, and which of its meters costs most."""
    bill = result.steps[0].bill
    table = drawing.table("service", "mostly", "$ a month")
    table.columns[-1].justify = "right"
    table.add_row("Workers Paid", Text("the plan", style="dim"), money(bill.plan))
    for name in dict.fromkeys(line.meter.service for line in bill.lines):
        lines = [line for line in bill.lines if line.meter.service == name]
        cost = sum((line.cost for line in lines), Decimal(0))
        most = max(lines, key=lambda line: line.cost)
        what = most.meter.what if most.cost else "included in the plan"
        table.add_row(name, Text(what, style="dim"), money(cost))
    left_out = ", ".join(item.name for item in result.omitted)
    without = f"without {left_out}" if left_out else ""
    total = Text(money(bill.total), style="bold")
    table.add_row(Text("total", style="bold"), Text(without, style="dim"), total)
    return table


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
    total = Text(money(bill.total), style="bold")
    table.add_row(Text("total", style="bold"), "", "", "", "", total)
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

"""An estimate as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from cfpy.cli.cost_figures import money, plain
from cfpy.cost.comparison import CostResult, Size
from cfpy.cost.pricing import Line


def cost_data(result: CostResult) -> dict[str, Any]:
    """The ``data`` of ``cfpy cost --json``. Amounts are decimal strings, money is in US dollars."""
    return {
        "worker": result.worker.name,
        "scenario": {
            "name": result.scenario.name,
            "title": result.scenario.title,
            "requests": plain(result.scenario.requests),
            "mix": {name: plain(part) for name, part in result.scenario.mix.items()},
        },
        "measured": result.measured,
        "currency": "USD",
        "sizes": [_step_data(result, step) for step in result.steps],
        "assumptions": {item.name: plain(item.value) for item in result.assumptions},
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
        "lines": [line_data(line) for line in step.bill.lines],
        "rented_servers": {
            "total": money(step.servers_total),
            "items": [
                {"what": item.what, "count": plain(item.count), "each": money(item.each)}
                for item in step.servers
            ],
        },
    }


def line_data(line: Line) -> dict[str, Any]:
    """A line in JSON."""
    meter = line.meter
    return {
        "meter": meter.id,
        "service": meter.service,
        "what": meter.what,
        "unit": meter.unit,
        "quantity": plain(line.quantity),
        "included": str(meter.included),
        "billable": plain(line.billable),
        "price": str(meter.price),
        "per": str(meter.per),
        "cost": plain(line.cost),
        "source": meter.read.source,
        "checked": str(meter.read.checked),
    }


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
            exact = [plain(line.quantity), meter.included, plain(line.billable)]
            writer.writerow([*row, *exact, plain(line.cost)])
    return text.getvalue()

"""The page of ``cfpy cost --html``: one self-contained file."""

from __future__ import annotations

import math
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from rich.text import Text

from cfpy.cli.console import Output
from cfpy.cli.cost_data import cost_data
from cfpy.cli.cost_figures import amount, arithmetic, in_units, money
from cfpy.cli.cost_view import sentences, warnings
from cfpy.cost.comparison import CostResult
from cfpy.tools.files import write_atomically

_WIDTH = 460


def write_html(output: Output, result: CostResult, path: Path) -> None:
    """Write the page.

    Raises:
        FilesystemError: Writing failed.
    """
    write_atomically(path, page(result))
    if output.json:
        output.data("cost", cost_data(result) | {"html": str(path.resolve())})
    else:
        output.show(Text(f"Wrote {path}"))


def page(result: CostResult) -> str:
    """The page's HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters |= {
        "money": money,
        "amount": amount,
        "arithmetic": arithmetic,
        "in_units": in_units,
    }
    template = files("cfpy").joinpath("cli", "cost.html.jinja").read_text("utf-8")
    return environment.from_string(template).render(
        result=result,
        first=result.steps[0],
        sentences=sentences(result),
        warnings=warnings(result),
        bars=_bars(result),
    )


def _bars(result: CostResult) -> list[dict[str, object]]:
    """Two bars for each size, on a logarithmic scale, because costs differ by factors of
    thousands."""
    most = max(max(step.bill.total, step.servers_total) for step in result.steps)
    return [
        {
            "factor": step.factor,
            "cloudflare": _length(step.bill.total, most),
            "servers": _length(step.servers_total, most),
            "step": step,
        }
        for step in result.steps
    ]


def _length(value: Decimal, most: Decimal) -> int:
    return round(_WIDTH * math.log10(1 + float(value)) / math.log10(1 + float(most)))

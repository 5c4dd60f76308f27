"""``cfpy cost``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli.console import Output
from cfpy.cli.options import (
    ConfigFile,
    Environment,
    Json,
    ProjectDirectory,
    complete_from,
    complete_patterns,
    context_of,
    project_at,
)

if TYPE_CHECKING:
    from decimal import Decimal

app = typer.Typer(rich_markup_mode=None)

_SCENARIO = "startup"
_Pattern = Annotated[
    str,
    typer.Argument(
        help="A pattern, as for cfpy new; without one, the project in this directory.",
        autocompletion=complete_patterns,
    ),
]
_Scenario = Annotated[
    str,
    typer.Option(
        "--scenario",
        "-s",
        metavar="NAME",
        help="hobby, startup, scale, or a file; reference compares a published bill with the "
        "prices.",
        autocompletion=complete_from("hobby|startup|scale|reference"),
    ),
]
_Requests = Annotated[
    str, typer.Option(metavar="N", help="Requests a month: 10M, 250k.", show_default=False)
]
_Storage = Annotated[
    str, typer.Option(metavar="GB", help="Gigabytes in the largest store.", show_default=False)
]
_Each = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METER=N",
        help="What an action uses, such as workers.cpu_ms=10, instead of what was measured; "
        "repeatable.",
    ),
]
_Assume = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=N",
        help="Change an assumption about rented servers, which --details lists; repeatable.",
    ),
]
_Details = Annotated[
    bool,
    typer.Option("--details", help="Show the arithmetic, larger sizes and rented servers."),
]
_Csv = Annotated[bool, typer.Option("--csv", help="Print the lines as CSV.")]
_Html = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write a self-contained HTML page.")
]


@app.command()
def cost(
    ctx: typer.Context,
    pattern: _Pattern = "",
    scenario: _Scenario = _SCENARIO,
    requests: _Requests = "",
    storage: _Storage = "",
    each: _Each = None,
    assume: _Assume = None,
    details: _Details = False,
    csv: _Csv = False,
    html: _Html = None,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Show what a month costs on Cloudflare.

    The usage of an action was measured in the local runtime; every price has a source and a date.
    With --details, each line shows its arithmetic, next to the cost of the same workload on rented
    servers, by assumptions that you can change.

    Example: cfpy cost rag --scenario startup --requests 3M
    """
    from cfpy.cli import cost_view
    from cfpy.cost.comparison import REFERENCE, CostRequest, reference, run

    output = ctx.ensure_object(Output)
    numbers = {"--requests": requests, "--storage": storage}
    lists = {"--each": each, "--assume": assume}
    # The page is a file; the other formats go to standard output.
    formats = {"--csv": csv, "--html": html, "--details": details}
    _refuse_together("--csv", csv, {"--json": json_output, "--html": html})
    _refuse_together("--details", details, {"--csv": csv, "--json": json_output, "--html": html})
    if scenario == REFERENCE:
        changes = {"PATTERN": pattern, **numbers, **lists, "--env": env}
        _refuse_together(f"--scenario {REFERENCE}", True, {**changes, **formats})
        cost_view.show_reference(output, reference())
        return
    root, file = (cwd, None) if pattern else project_at(output, cwd, config)
    amounts = (_amount(requests), _amount(storage))
    usage = _pairs(each, "--each workers.cpu_ms=10")
    assumed = _pairs(assume, "--assume app_server=12")
    request = CostRequest(root, pattern, env, scenario, *amounts, usage, assumed, file)
    result = run(context_of(output), request)
    if html:
        from cfpy.cli.cost_page import write_html

        write_html(output, result, html)
    elif csv:
        cost_view.show_csv(output, result)
    else:
        words = _words(pattern, {"--scenario": scenario, **numbers}, lists)
        cost_view.show_cost(output, result, words, details=details)


def _words(
    pattern: str, single: Mapping[str, str], several: Mapping[str, list[str] | None]
) -> list[str]:
    """The arguments that select what is priced, without defaults."""
    options = [(name, value) for name, value in single.items() if value not in ("", _SCENARIO)]
    options += [(name, value) for name, values in several.items() for value in values or ()]
    return [pattern] * bool(pattern) + [word for option in options for word in option]


def _refuse_together(name: str, given: object, others: Mapping[str, object]) -> None:
    """Refuse an option that is given together with one of the others.

    Raises:
        UsageError: It is.
    """
    from cfpy.errors import UsageError

    wrong = [other for other, value in others.items() if value]
    if given and wrong:
        raise UsageError(
            f"{name} can't be used together with {' and '.join(wrong)}", hint="Leave one out."
        )


def _amount(text: str) -> Decimal | None:
    from cfpy.cost.amounts import parse_amount

    return parse_amount(text) if text else None


def _pairs(options: list[str] | None, example: str) -> dict[str, Decimal]:
    from cfpy.cost.amounts import parse_amount
    from cfpy.errors import UsageError

    pairs = {}
    for option in options or ():
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise UsageError(f"{option!r} is not NAME=NUMBER", hint=example)
        pairs[name] = parse_amount(value)
    return pairs

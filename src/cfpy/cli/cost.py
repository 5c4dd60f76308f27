"""``cfpy cost``."""

from __future__ import annotations

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

cost_app = typer.Typer(rich_markup_mode=None)

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
        help="hobby, startup, scale, reference, or a file.",
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
        metavar="METER=N", help="The usage of an action, instead of the measured one; repeatable."
    ),
]
_Assume = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=N", help="Change an assumption about rented servers; repeatable."),
]
_Csv = Annotated[bool, typer.Option("--csv", help="Print the lines as CSV.")]
_Html = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write a self-contained HTML page.")
]


@cost_app.command()
def cost(
    ctx: typer.Context,
    pattern: _Pattern = "",
    scenario: _Scenario = _SCENARIO,
    requests: _Requests = "",
    storage: _Storage = "",
    each: _Each = None,
    assume: _Assume = None,
    csv: _Csv = False,
    html: _Html = None,
    env: Environment = "",
    cwd: ProjectDirectory = Path(),
    config: ConfigFile = None,
    json_output: Json = False,
) -> None:
    """Show what a month costs on Cloudflare.

    Every line shows its arithmetic. The usage of an action was measured in the local runtime; every
    price has a source and a date. Also shows the cost of the same workload on rented servers, by
    assumptions that you can change.

    Example: cfpy cost rag --scenario startup --requests 3M
    """
    from cfpy.cli import cost_view
    from cfpy.cost.comparison import REFERENCE, CostRequest, reference, run

    output = ctx.ensure_object(Output)
    if scenario == REFERENCE:
        if html or csv:
            message = "the reference scenario can't be an HTML page"
            raise typer.BadParameter(message, param_hint="--html")
        cost_view.show_reference(output, reference())
        return
    root, file = (cwd, None) if pattern else project_at(output, cwd, config)
    request = CostRequest(
        root=root,
        pattern=pattern,
        environment=env,
        scenario=scenario,
        requests=_amount(requests),
        storage=_amount(storage),
        each=_pairs(each, "--each workers.cpu_ms=10"),
        assume=_pairs(assume, "--assume app_server=12"),
        config=file,
    )
    result = run(context_of(output), request)
    if html:
        from cfpy.cli.cost_page import write_html

        write_html(output, result, html)
    elif csv:
        cost_view.show_csv(output, result)
    else:
        changed = "" if scenario == _SCENARIO else scenario
        options = {"--scenario": changed, "--requests": requests, "--storage": storage}
        given = [word for pair in options.items() if pair[1] for word in pair]
        cost_view.show_cost(output, result, [pattern, *given] if pattern else given)


def _amount(text: str) -> Decimal | None:
    from cfpy.cost.comparison import parse_amount

    return parse_amount(text) if text else None


def _pairs(options: list[str] | None, example: str) -> dict[str, Decimal]:
    from cfpy.cost.comparison import parse_amount
    from cfpy.errors import UsageError

    pairs = {}
    for option in options or ():
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise UsageError(f"{option!r} is not NAME=NUMBER", hint=example)
        pairs[name] = parse_amount(value)
    return pairs

"""Options and views of gradual rollouts, which ``deploy`` and ``promote`` share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cfpy.cli import draw
from cfpy.cli.console import Output
from cfpy.cli.options import time_in
from cfpy.errors import UsageError

if TYPE_CHECKING:
    from cfpy.account.gradual import Rollout, TrafficResult

#: The next step of a rollout by hand, from each percentage.
_STEPS = (1, 10, 25, 50, 100)

Percent = Annotated[
    str | None,
    typer.Option(
        metavar="0-100",
        help="Give the new version this part of the traffic; the live one keeps the rest.",
        show_default="all, at once",
    ),
]
WatchFor = Annotated[
    str,
    typer.Option(
        "--watch",
        metavar="TIME",
        help="Watch the new version for this long (30s, 10m, 1h): then give it all traffic, or go "
        "back.",
    ),
]
AllowBreaking = Annotated[
    bool,
    typer.Option(
        "--allow-breaking",
        help="Allow migrations that break the live version, which runs next to the new one.",
    ),
]


def rollout_of(given_percent: str | None, watch: str, allow_breaking: bool) -> Rollout | None:
    """What the options ask for; ``None`` if the new version gets all traffic at once.

    Raises:
        UsageError: They don't go together, or one is not valid.
    """
    from cfpy.account.gradual import Rollout

    if given_percent is None:
        given = "--watch" if watch else "--allow-breaking" if allow_breaking else ""
        if given:
            raise UsageError(
                f"{given} does nothing without --percent",
                hint="For example: --percent 10 --watch 10m",
            )
        return None
    percent = percent_in(given_percent)
    seconds = time_in("--watch", watch, "smh", "30s, 10m, 1h").total_seconds() if watch else 0.0
    if seconds and percent == 100:
        raise UsageError(
            "--watch needs a --percent below 100: with all traffic on the new version there is "
            "nothing to continue with",
            hint="For example: --percent 10 --watch 10m",
        )
    return Rollout(percent, seconds, allow_breaking)


def percent_in(text: str) -> float:
    """The number that ``--percent`` names.

    Raises:
        UsageError: It is not a number from 0 to 100.
    """
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or float(text) > 100:
        raise UsageError(
            f"--percent {text} is not a part of the traffic",
            hint="A number from 0 to 100, without a unit: 10, 0.5, 100.",
        )
    return float(text)


def rollout_data(output: Output, shared: TrafficResult | None) -> dict[str, Any] | None:
    """The part of a ``--json`` document about a rollout."""
    if shared is None:
        return None
    return {
        "version_id": shared.version,
        "percent": shared.percent,
        "base_version_id": shared.base,
        "watched": shared.watched,
        "left": [output.invocation.resolve(item) for item in shared.left],
    }


def draw_shared(output: Output, shared: TrafficResult) -> None:
    """Report how the traffic is shared, and the commands to continue and to go back."""
    table = draw.table("", "", header=False)
    if shared.percent == 100:
        table.add_row("Live", draw.Text(shared.url or shared.version, style="bold cyan"))
        table.add_row("Version", f"{shared.version}, with all traffic")
    else:
        table.add_row("New", f"{shared.version}, with {shared.percent:g} % of the traffic")
        table.add_row("Old", f"{shared.base}, with {100 - shared.percent:g} %")
    for name, said in (("Answers", shared.checked), ("Watched", shared.watched)):
        if said:
            table.add_row(name, said)
    output.show(table)
    if shared.version == shared.base:
        output.note("There is nothing to roll out: the live version has this code.", "yellow")
    for item in shared.left:
        output.note(f"note: {output.invocation.resolve(item)}", "yellow")
    command = output.invocation.command
    if shared.percent == 100:
        output.show(draw.Text(f"\nNext\n  {command('logs')}"))
        return
    more = next(step for step in _STEPS if step > shared.percent)
    lines = [command("deploy", "--percent", str(step)) for step in dict.fromkeys((more, 100))]
    back = command("rollback")
    width = max(map(len, (*lines, back)))
    shown = "\n".join(f"  {line:{width}}  continues" for line in lines)
    output.show(draw.Text(f"\nNext\n{shown}\n  {back:{width}}  goes back"))

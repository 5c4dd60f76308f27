"""Commands that code marks are printed as command lines, wherever they are in the output."""

from __future__ import annotations

import pytest

from cfpy.account.doctor import Check
from cfpy.account.gradual import TrafficResult
from cfpy.cli import draw
from cfpy.cli.commands.doctor import show_checks
from cfpy.cli.console import Output
from cfpy.cli.rollout_options import draw_shared, percent_in
from cfpy.errors import UsageError
from cfpy.tools.invocation import Invocation, command

SAID = f"what is needed: {command('permissions')}"


@pytest.mark.parametrize("json", [False, True])
def test_no_output_has_a_mark(json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=json, invocation=Invocation(environment="next"))
    show_checks(output, [Check("token", "ok", SAID, SAID)])
    table = draw.table("", header=False)
    table.add_row(draw.Text(SAID))
    table.add_row(SAID)
    output.show(table, draw.Text(SAID))
    output.note(SAID)
    output.progress(SAID)
    output.prose(SAID)
    output.data("status", {"notices": [SAID], "all": ({"why": SAID},)})
    shown = "".join(capsys.readouterr())
    assert "\u27e6" not in shown
    assert shown.count("cfpy permissions --env next") == 10


@pytest.mark.parametrize("text", ["101", "abc", "-1", "10%", "nan", "1e1", ""])
def test_a_part_of_the_traffic_is_a_number_up_to_100(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        percent_in(text)
    assert caught.value.message == f"--percent {text} is not a part of the traffic"
    assert "from 0 to 100" in caught.value.hint
    assert [percent_in(item) for item in ("0", "0.5", "100", "100.0")] == [0, 0.5, 100, 100]


def test_a_rollout_of_what_is_live_has_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    for new in ("v1", "v2"):
        draw_shared(Output(), TrafficResult(new, "v1", 100, 0, "", "", "", ()))
        assert ("nothing to roll out" in capsys.readouterr().err) == (new == "v1")

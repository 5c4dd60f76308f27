"""Cron schedules: what Cloudflare accepts, and what it refuses."""

from __future__ import annotations

import pytest

from cfpy.bindings.cron_schedule import schedule_fault
from cfpy.bindings.kinds.cron import SCHEDULES

ACCEPTED = [
    *SCHEDULES.values(),
    "* * * * *",
    "*/30 * * * *",
    "0 17 * * sun",
    "10 7 * * MON-fri",
    "10 7 * * 2-6",
    "0 18 * * 6L",
    "0 18 * * friL",
    "0 18 * * L",
    "0 18 * * 2#1",
    "59 23 LW * *",
    "59 23 L * *",
    "59 23 L-3 * *",
    "59 23 L-30W * *",
    "59 23 15W * *",
    "0 0 * JAN-JUN FRI",
    "0 0 LW JUL-DEC *",
    "0 0 * 1,mar,12 *",
    "0-30/5,45 */2 1-15/2,20 */3 */2",
    "5/10 23/1 31/30 12/11 7/6",
    # A range may wrap around, as in Quartz.
    "50-10 22-2 25-5 NOV-FEB FRI-MON",
    "007 00 01 1 1",
    "5,* * * * *",
    "*\t*  * * *",
]
REFUSED = [
    ("61 * * * *", "minute"),
    ("60 * * * *", "minute"),
    ("-1 * * * *", "minute"),
    ("5- * * * *", "minute"),
    ("5-- * * * *", "minute"),
    ("5-7-9 * * * *", "minute"),
    (", * * * *", "minute"),
    ("1,,2 * * * *", "minute"),
    ("*,5 * * * *", "minute"),
    ("** * * * *", "minute"),
    ("*-5 * * * *", "minute"),
    ("5-* * * * *", "minute"),
    ("L * * * *", "minute"),
    ("1.5 * * * *", "minute"),
    ("٣ * * * *", "minute"),
    (f"{'9' * 5000} * * * *", "minute"),
    ("*/0 * * * *", "step '0' of the minute"),
    ("*/60 * * * *", "step '60' of the minute"),
    ("*/ * * * *", "step '' of the minute"),
    ("*/5/5 * * * *", "step '5/5' of the minute"),
    ("*/-5 * * * *", "step '-5' of the minute"),
    ("1,*/x * * * *", "step 'x' of the minute"),
    ("* 24 * * *", "hour"),
    ("* */24 * * *", "step '24' of the hour"),
    ("* MON * * *", "hour"),
    ("* * 0 * *", "day of the month"),
    ("* * 32 * *", "day of the month"),
    ("* * ? * *", "day of the month"),
    ("* * 32W * *", "day of the month"),
    ("* * L-31 * *", "day of the month"),
    ("* * L-0 * *", "day of the month"),
    ("* * W * *", "day of the month"),
    ("* * WL * *", "day of the month"),
    ("* * l * *", "day of the month"),
    ("* * L,15 * *", "day of the month"),
    ("* * 1W,15 * *", "day of the month"),
    ("* * */31 * *", "step '31' of the day"),
    ("* * * 0 *", "month"),
    ("* * * 13 *", "month"),
    ("* * * JANUARY *", "month"),
    ("* * * MON *", "month"),
    ("* * * */12 *", "step '12' of the month"),
    ("* * * * 0", "weekday"),
    ("* * * * 8", "weekday"),
    ("* * * * 0-5", "weekday"),
    ("* * * * ?", "weekday"),
    ("* * * * 2#6", "weekday"),
    ("* * * * 2#0", "weekday"),
    ("* * * * 2#", "weekday"),
    ("* * * * #2", "weekday"),
    ("* * * * 8L", "weekday"),
    ("* * * * fril", "weekday"),
    ("* * * * MON#1,FRI", "weekday"),
    ("* * * * JAN", "weekday"),
    ("* * * * */7", "step '7' of the weekday"),
    ("", "has 0"),
    ("@daily", "has 1"),
    ("* * * *", "has 4"),
    ("0 * * * * *", "has 6"),
]


@pytest.mark.parametrize("schedule", ACCEPTED)
def test_what_cloudflare_accepts(schedule: str) -> None:
    assert schedule_fault(schedule) == ""


@pytest.mark.parametrize(("schedule", "named"), REFUSED, ids=[text[:20] for text, _ in REFUSED])
def test_what_cloudflare_refuses(schedule: str, named: str) -> None:
    assert named in schedule_fault(schedule)

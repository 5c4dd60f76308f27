from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from forked import run_cfpy
from projects import new_project


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of rag: its price is that of the pattern, which is rendered for each run."""
    return new_project("rag", tmp_path_factory.mktemp("rag"))


def cost(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run_cfpy("cost", *arguments, cwd=cwd)


def data(*arguments: str, cwd: Path | None = None) -> dict[str, Any]:
    done = cost(*arguments, "--json", cwd=cwd)
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["ok"], document
    found: dict[str, Any] = document["data"]
    return found


def test_the_reference_scenario_shows_what_was_said_beside_what_is() -> None:
    found = data("--scenario", "reference")
    assert (found["stated"], found["total"]) == ("12.00", "7.15")
    lines = {item["meter"]: (item["stated"], item["cost"]) for item in found["lines"]}
    assert lines["r2.storage"] == ("1.50", "1.35")
    assert lines["queues.operations"] == ("0.00", "0.8")
    text = cost("--scenario", "reference").stdout
    assert "$12.00" in text
    assert "$7.15" in text


@pytest.mark.parametrize("pattern", ["rag", "pipeline", "fullstack"])
def test_a_pattern_has_a_price_at_four_sizes(pattern: str) -> None:
    found = data(pattern)
    totals = [float(size["total"].replace(",", "")) for size in found["sizes"]]
    assert [size["factor"] for size in found["sizes"]] == [1, 10, 100, 1000]
    assert totals == sorted(totals)
    assert found["measured"]
    for line in found["sizes"][0]["lines"]:
        assert line["source"].startswith("https://developers.cloudflare.com/")


def test_whether_the_free_plan_carries_it_counts_processor_time_too() -> None:
    assert not data("fullstack", "-s", "hobby")["sizes"][0]["fits_free_plan"]
    assert "and 10 ms are free." in cost("fullstack", "-s", "hobby", "--details").stdout
    pipeline = cost("pipeline", "-s", "startup", "--details").stdout
    assert "3,004,320 a month, and 3M are free." in pipeline
    fast = ("fullstack", "-s", "hobby", "--each", "workers.cpu_ms=8")
    assert data(*fast)["sizes"][0]["fits_free_plan"]
    assert "Workers Free plan would be enough" in cost(*fast).stdout


def test_a_project_costs_what_its_pattern_does(rag: Path) -> None:
    pattern, project = data("rag"), data(cwd=rag)
    assert (pattern.pop("worker"), project.pop("worker")) == ("rag", "shop")
    assert project.pop("config") == str(rag / "wrangler.toml")
    assert project == pattern


def test_a_project_is_priced_by_its_own_models_and_schedules(rag: Path, tmp_path: Path) -> None:
    shop = Path(shutil.copytree(rag, tmp_path / "shop"))

    def neurons() -> float:
        lines = data(cwd=shop)["sizes"][0]["lines"]
        return next(float(line["quantity"]) for line in lines if line["meter"] == "ai.neurons")

    before = neurons()
    config = shop / "wrangler.toml"
    text = config.read_text()
    config.write_text(
        text.replace("@cf/google/gemma-4-26b-a4b-it", "@cf/meta/llama-3.2-3b-instruct")
    )
    assert neurons() < before
    config.write_text(text.replace("@cf/google/gemma-4-26b-a4b-it", "@cf/openai/unheard-of"))
    done = cost("--json", cwd=shop)
    assert done.returncode == 8
    assert "for which cfpy has no price" in json.loads(done.stdout)["error"]["message"]


def test_a_project_with_a_queue_and_originals_pays_for_them(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "cfpy", "new", "rag", "shop", "--defaults", "--no-git"]
    answers = ["--answer", "queue=true", "--answer", "originals=true"]
    subprocess.run([*argv, *answers], cwd=tmp_path, check=True, capture_output=True)
    found = data("--scenario", "startup", cwd=tmp_path / "shop")
    quantities = {line["meter"]: line["quantity"] for line in found["sizes"][0]["lines"]}
    # 10,000 documents a month: 3 operations each, two files; and 8,640 runs of the cron.
    assert Decimal(quantities["queues.operations"]) == 30_000
    assert Decimal(quantities["r2.class_a"]) == 2 * 10_000 + 8_640
    assert Decimal(quantities["r2.class_b"]) == 10_000
    assert Decimal(quantities["r2.storage"]) == 5
    assert found["unpriced"] == ["ai"]
    assert [item["name"] for item in found["omitted"]] == ["follow-ups", "images"]


def test_another_worker_is_priced_by_what_is_assumed_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "wrangler.toml").write_text(
        'name = "mine"\nmain = "src/index.js"\ncompatibility_date = "2026-11-17"\n'
        '[[kv_namespaces]]\nbinding = "KV"\n[[workflows]]\nname = "w"\nbinding = "W"\n'
        'class_name = "W"\n'
    )
    found = data("--requests", "10M", cwd=tmp_path)
    assert (found["measured"], found["unpriced"]) == (False, ["workflows"])
    assert [(item["name"], item["table"]) for item in found["omitted"]] == [("W", "workflows")]
    assert "not included: W (workflows)" in cost(cwd=tmp_path).stdout
    quantities = {line["meter"]: line["quantity"] for line in found["sizes"][0]["lines"]}
    assert quantities["kv.reads"] == "10000000"
    assert "d1.storage" not in quantities
    found = data("--requests", "10M", "--each", "kv.reads=3", cwd=tmp_path)
    quantities = {line["meter"]: line["quantity"] for line in found["sizes"][0]["lines"]}
    assert quantities["kv.reads"] == "30000000"
    assert "is assumed" in cost(cwd=tmp_path).stdout


def test_a_scenario_of_ones_own_and_changed_assumptions(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('requests = 1_000_000\nmix = { read = 1 }\nstored = { "r2.storage" = 50 }\n')
    found = data(
        "fullstack", "--scenario", str(mine), "--storage", "100", "--assume", "app_server=1"
    )
    first = found["sizes"][0]
    assert found["assumptions"]["app_server"] == "1"
    assert first["rented_servers"]["items"][0]["each"] == "1.00"
    stored = next(line for line in first["lines"] if line["meter"] == "r2.storage")
    assert (stored["quantity"], stored["cost"]) == ("100", "1.35")


def test_csv_and_the_page_say_the_same(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(cost("pipeline", "--csv").stdout)))
    assert {row["factor"] for row in rows} == {"1", "10", "100", "1000"}
    found = data("pipeline")
    cents = sum(float(row["cost"]) for row in rows if row["factor"] == "1")
    assert f"{cents:.2f}" == found["sizes"][0]["total"]
    done = cost("pipeline", "--html", "cost.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "cost.html").read_text()
    assert f"${found['sizes'][0]['total']}" in page
    assert "<svg" in page
    # It loads nothing: links to sources are all that names another host.
    assert not any(word in page for word in ("<script", "src=", "@import", "url("))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("rag", "--scenario", "huge"), 2, "there is no scenario 'huge'"),
        (("rag", "--requests", "many"), 2, "'many' is not an amount"),
        (("rag", "--requests", "-5"), 2, "'-5' is not an amount"),
        (("rag", "--each", "workers.cpu=1"), 2, "unknown meter 'workers.cpu'"),
        (("rag", "--assume", "x=1"), 2, "unknown assumption 'x'"),
        (("rag", "--assume", "x"), 2, "'x' is not NAME=NUMBER"),
        (("nothing",), 3, "there is no pattern 'nothing'"),
        ((), 8, "has no wrangler.toml"),
    ],
)
def test_what_can_not_be(arguments: tuple[str, ...], code: int, said: str, tmp_path: Path) -> None:
    done = cost(*arguments, "--json", cwd=tmp_path)
    assert (done.returncode, said in json.loads(done.stdout)["error"]["message"]) == (code, True)


NUMBERS = ("nan", "-1", "1e400", "1e30", "inf", "1e999999999999999999")


@pytest.mark.parametrize(
    "option", ["--requests=", "--storage=", "--each=workers.cpu_ms=", "--assume=app_server="]
)
def test_a_number_that_is_none_is_a_usage_error(option: str) -> None:
    for number in NUMBERS:
        done = cost("rag", f"{option}{number}", "--json")
        error = json.loads(done.stdout)["error"]
        assert (done.returncode, error["code"]) == (2, "usage")
        assert "is not an amount" in error["message"]


def refused_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_the_largest_numbers_have_a_price_in_every_format(rag: Path, tmp_path: Path) -> None:
    meters = ("workers.requests", "workers.cpu_ms", "d1.rows_read", "vectorize.queried")
    each = [word for meter in meters for word in ("--each", f"{meter}=1e18")]
    huge = [
        "--cwd",
        str(rag),
        "--requests",
        "1e18",
        "--storage",
        "1e18",
        *each,
        "--assume",
        "app_server=1e18",
    ]
    for more in ((), ("--details",), ("--csv",), ("--html", "cost.html")):
        done = cost(*huge, *more, cwd=tmp_path)
        assert (done.returncode, "NaN" in done.stdout) == (0, False), done.stderr
    text = cost(*huge, "--json").stdout
    json.loads(text, parse_constant=refused_constant)
    assert "E+" not in text
    for nothing in ("0", "-0", "0e400", "1e-400"):
        found = data(f"--requests={nothing}", f"--storage={nothing}", cwd=rag)
        assert found["scenario"]["requests"] == "0"


def test_nothing_is_divided_by_zero(rag: Path) -> None:
    for name in data(cwd=rag)["assumptions"]:
        done = cost("--assume", f"{name}=0", "--json", cwd=rag)
        document = json.loads(done.stdout)
        assert document["ok"] or document["error"]["code"] == "usage", document


def test_an_environment_that_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "wrangler.toml"
    text = 'name = "mine"\nmain = "a.js"\ncompatibility_date = "2026-11-17"\n'
    for more, known, code in (
        ("", "none", 2),
        ("[env]\n", "none", 2),
        ("[env.staging]\n[env.live]\n", "staging, live", 2),
        ('env = "x"\n', "", 8),
        ("[env]\nX = 5\n", "", 8),
    ):
        config.write_text(text + more)
        done = cost("--env", "X", "--json", cwd=tmp_path)
        error = json.loads(done.stdout)["error"]
        assert (done.returncode, known in error["hint"]) == (code, True), error
    done = cost("rag", "--env", "X")
    assert (done.returncode, "no environment 'X'" in done.stderr) == (2, True)


def test_a_worker_that_wrangler_would_refuse_is_an_error_of_the_project(tmp_path: Path) -> None:
    text = 'name = "mine"\nmain = "a.js"\ncompatibility_date = "2026-11-17"\n'
    for more in (
        '[triggers]\ncrons = ["daily"]\n',
        '[triggers]\ncrons = "0 * * * *"\n',
        'triggers = "x"\n',
        'observability = "on"\n',
        "[observability]\nenabled = true\nhead_sampling_rate = 2\n",
    ):
        (tmp_path / "wrangler.toml").write_text(text + more)
        done = cost("--json", cwd=tmp_path)
        assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (8, "project"), more


def test_a_scenario_file_that_is_not_valid_is_an_error_of_the_project(
    rag: Path, tmp_path: Path
) -> None:
    good = "requests = 1_000_000\nmix = { question = 1 }\n"
    for wrong in (
        good.replace("1_000_000", "nan"),
        good.replace("1_000_000", "1e400"),
        good.replace("1 }", "inf }"),
        f'{good}stored = {{ "r2.nothing" = 1 }}\n',
        f"{good}stored = 5\n",
        f"{good}vectors = -1\n",
        "",
    ):
        (tmp_path / "mine.toml").write_text(wrong)
        done = cost("--cwd", str(rag), "--scenario", "mine.toml", "--json", cwd=tmp_path)
        assert done.returncode == 8, (wrong, done.stdout)
    assert cost("--scenario", "x" * 5000, cwd=rag).returncode == 2


def test_workers_logs_are_counted(tmp_path: Path) -> None:
    config = tmp_path / "wrangler.toml"
    text = 'name = "mine"\nmain = "a.js"\ncompatibility_date = "2026-11-17"\n'
    for more, events in (
        ("", None),
        ("[observability]\nenabled = true\n", "200000000"),
        ("[observability]\nenabled = true\nhead_sampling_rate = 0.01\n", "2000000"),
        ("[observability.logs]\nenabled = true\ninvocation_logs = false\n", "100000000"),
    ):
        config.write_text(text + more)
        lines = {
            line["meter"]: line
            for line in data("--requests", "100M", cwd=tmp_path)["sizes"][0]["lines"]
        }
        assert (lines["logs.events"]["quantity"] if events else None) == events
        assert ("logs.events" in lines) == bool(events)
    found = data("--requests", "1M", "--each", "logs.events=7", cwd=tmp_path)["sizes"][0]["lines"]
    assert next(line["quantity"] for line in found if line["meter"] == "logs.events") == "7000000"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("rag", "--csv", "--json"), ("--csv", "--json")),
        (("rag", "--csv", "--html", "x.html"), ("--csv", "--html")),
        (("rag", "--details", "--json"), ("--details", "--json")),
        (("rag", "--details", "--csv"), ("--details", "--csv")),
        (("--scenario", "reference", "--csv"), ("--scenario reference", "--csv")),
        (("--scenario", "reference", "--html", "x.html"), ("--scenario reference", "--html")),
        (("--scenario", "reference", "--requests", "5"), ("--scenario reference", "--requests")),
        (("--scenario", "reference", "--env", "x"), ("--scenario reference", "--env")),
        (("rag", "--scenario", "reference"), ("--scenario reference", "PATTERN")),
    ],
)
def test_options_that_exclude_each_other(
    arguments: tuple[str, ...], names: tuple[str, str], tmp_path: Path
) -> None:
    done = cost(*arguments, cwd=tmp_path)
    text = done.stderr + done.stdout
    assert done.returncode == 2
    assert f"{names[0]} can't be used together with {names[1]}" in text
    for other in {"--csv", "--html", "--json", "--details"} - set(arguments):
        assert other not in text
    assert not list(tmp_path.iterdir())


def test_the_short_answer_is_short_and_its_lines_break_between_words(tmp_path: Path) -> None:
    short, long = cost("rag").stdout, cost("rag", "--details").stdout
    assert len(short.splitlines()) <= 17 < len(long.splitlines())
    assert data("rag")["sizes"][0]["total"] in short
    assert short.rstrip().endswith("More: cfpy cost rag --details")
    again = cost("rag", "--requests", "3M", "--each", "kv.reads=1").stdout
    assert "--requests 3M --each kv.reads=1 --details" in again
    (tmp_path / "wrangler.toml").write_text(
        'name = "mine"\nmain = "a.js"\ncompatibility_date = "2026-11-17"\nlogpush = true\n'
    )
    for arguments in ((), ("--details",)):
        text = cost(*arguments, cwd=tmp_path).stdout
        assert "not included: logpush (logpush)" in text
        warnings = text[text.index("warning:") :]
        assert max(map(len, warnings.splitlines())) <= 100
        assert "because this Worker is not from a measured pattern" in " ".join(text.split())

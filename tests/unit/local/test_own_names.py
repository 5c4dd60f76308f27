"""The Workers that cfpy adds to a run have names that no Worker of the run has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cfpy.local import configuration
from cfpy.local.front import front_config
from cfpy.local.own_names import FRONT, LOCAL_SERVICES, own_names
from cfpy.local.wrangler_output import WranglerOutput
from cfpy.project.project import Project

BASE: dict[str, Any] = {"name": "app", "main": "a.js", "compatibility_date": "2026-11-17"}


def test_the_usual_names() -> None:
    names = own_names([BASE])
    assert (names.services, names.front) == ("cfpy-local", "app-cfpy-page")


@pytest.mark.parametrize(
    "others",
    [
        [{"name": LOCAL_SERVICES}],
        [{"name": FRONT}],
        [{"name": f"app-{FRONT}"}, {"name": f"app-{FRONT}-2"}],
        [{"services": [{"binding": "A", "service": LOCAL_SERVICES}]}],
        [{"tail_consumers": [{"service": f"app-{FRONT}"}]}],
        [{"durable_objects": {"bindings": [{"script_name": LOCAL_SERVICES}]}}],
        [{"name": LOCAL_SERVICES}, {"name": f"{LOCAL_SERVICES}-2"}],
    ],
)
def test_a_name_that_a_worker_has_is_not_taken(others: list[dict[str, Any]]) -> None:
    names = own_names([BASE, *others])
    used = json.dumps(others)
    assert f'"{names.services}"' not in used
    assert f'"{names.front}"' not in used


@pytest.mark.parametrize("name", [LOCAL_SERVICES, FRONT, f"{FRONT}-{FRONT}", "a" * 63])
def test_all_configurations_use_them(name: str) -> None:
    project = Project(Path("/app"), {**BASE, "name": name, "ai": {"binding": "AI"}}, ())
    names = own_names([project.wrangler])
    worker = configuration.worker_config(
        project, Path("a.js"), python=True, stand_in=names.services
    )
    services = configuration.local_services_config(
        Path("m.js"), "2026-11-17", configuration.LocalAI(), 0, name=names.services
    )
    front = front_config(
        project,
        worker,
        Path("front.mjs"),
        names=names,
        secrets=(),
        neurons={},
        host="127.0.0.1",
    )
    assert len({worker["name"], services["name"], front["name"]}) == 3
    assert worker["services"][0]["service"] == services["name"]
    targets = {each["binding"]: each["service"] for each in front["services"]}
    assert targets == {
        "CFPY_WORKER": name,
        "AI": services["name"],
        "CFPY_LOCAL": services["name"],
    }
    line = f"- {names.front} [connected]"
    assert WranglerOutput().read(line, on_stderr=False) is None

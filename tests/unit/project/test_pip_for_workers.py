"""pip's resolver stops to search for what can't be found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pip._internal.resolution.resolvelib.reporter import PipReporter
from pip._vendor.resolvelib import ResolutionImpossible

from cfpy.project import pip_for_workers


def cause(name: str) -> Any:
    return SimpleNamespace(
        requirement=SimpleNamespace(name=name, format_for_error=str), parent=None
    )


def candidate(version: str) -> Any:
    return SimpleNamespace(name="langchain-core", version=version)


@pytest.fixture
def reporter(monkeypatch: pytest.MonkeyPatch) -> PipReporter:
    # Restores pip's own.
    monkeypatch.setattr(PipReporter, "rejecting_candidate", lambda *_: None)
    pip_for_workers.stop_hopeless_search()
    return PipReporter()


def test_the_same_version_is_rejected_a_limited_number_of_times(reporter: PipReporter) -> None:
    yaml = SimpleNamespace(information=[cause("pyyaml")])
    for _ in range(20):
        for version in ("1.7", "1.6"):
            reporter.rejecting_candidate(yaml, candidate(version))
    with pytest.raises(ResolutionImpossible) as caught:
        reporter.rejecting_candidate(yaml, candidate("1.7"))
    assert caught.value.causes == yaml.information


def test_versions_in_conflict_are_left_to_pip(reporter: PipReporter) -> None:
    both = SimpleNamespace(information=[cause("pydantic"), cause("pydantic")])
    for _ in range(100):
        reporter.rejecting_candidate(both, candidate("1.7"))


def test_many_versions_may_be_tried_once(reporter: PipReporter) -> None:
    yaml = SimpleNamespace(information=[cause("pyyaml")])
    for number in range(1000):
        reporter.rejecting_candidate(yaml, candidate(f"1.{number}"))

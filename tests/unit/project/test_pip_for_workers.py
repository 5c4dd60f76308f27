"""pip's resolver stops to search for what can't be found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pip._internal.resolution.resolvelib.reporter import PipReporter
from pip._vendor.resolvelib import ResolutionImpossible

from cfpy.project import pip_for_workers


class Requirement:
    def __init__(self, name: str, versions: str) -> None:
        self.name = name
        self._versions = versions

    def __str__(self) -> str:
        return f"{self.name}{self._versions}"


def cause(name: str, versions: str = "") -> Any:
    return SimpleNamespace(requirement=Requirement(name, versions), parent=None)


def candidate(version: str) -> Any:
    return SimpleNamespace(name="langchain-core", version=version)


@pytest.fixture(params=[True, False], ids=["asked", "silent"])
def reporter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> PipReporter:
    return limited(monkeypatch, asked=request.param)


def limited(monkeypatch: pytest.MonkeyPatch, *, asked: bool) -> PipReporter:
    # Restores pip's own.
    monkeypatch.setattr(PipReporter, "rejecting_candidate", lambda *_: None)
    pip_for_workers.stop_hopeless_search(asked=asked)
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


def test_many_versions_may_be_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reporter = limited(monkeypatch, asked=True)
    yaml = SimpleNamespace(information=[cause("pyyaml")])
    for number in range(1000):
        reporter.rejecting_candidate(yaml, candidate(f"1.{number}"))


def test_fewer_while_the_index_that_may_have_it_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    reporter = limited(monkeypatch, asked=False)
    yaml = SimpleNamespace(information=[cause("pyyaml", ">=5.3")])
    for number in range(40):
        reporter.rejecting_candidate(yaml, candidate(f"1.{number}"))
    with pytest.raises(ResolutionImpossible):
        reporter.rejecting_candidate(yaml, candidate("1.40"))


def test_each_exact_version_may_be_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pydantic names one of pydantic-core."""
    reporter = limited(monkeypatch, asked=False)
    for number in range(1000):
        core = SimpleNamespace(information=[cause("pydantic-core", f"==2.{number}")])
        reporter.rejecting_candidate(core, candidate(f"1.{number}"))

"""A secret's value is checked against its form before it is stored."""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from cfpy.account.desired import DesiredState
from cfpy.account.plan import Action, Do, Plan
from cfpy.account.provision import ProvisionRequest, _secret_values
from cfpy.errors import ProjectError, UsageError
from cfpy.project.project import parse_secrets
from cfpy.project.secret import Secret

GOLDEN = Path(__file__).parents[2] / "golden"
CFPY_TOML = Path("cfpy.toml")
KEY = Secret("KEY", "A key", "k_{token}", "k_[A-Za-z0-9_-]+", "k_123")


def of_pattern(name: str) -> Secret:
    """The secret with the tokens of a rendered pattern."""
    path = GOLDEN / name / "defaults" / "cfpy.toml"
    secrets = parse_secrets(tomllib.loads(path.read_text("utf-8")), path)
    return next(secret for secret in secrets if secret.name.startswith("API_TOKEN"))


def table(**keys: Any) -> Secret:
    [secret] = parse_secrets({"secrets": [{"name": "KEY", **keys}]}, CFPY_TOML)
    return secret


def test_a_table_is_read() -> None:
    keys = {"description": "A key", "pattern": KEY.pattern, "example": "k_123"}
    assert table(**keys, generate="k_{token}") == KEY
    assert (table(generate=True).generate, table(generate=False).generate) == ("{token}", "")
    assert table().fits("anything\n")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"name": ""}, "no `name`"),
        ({"pattern": "(", "example": "x"}, "not a regular expression"),
        ({"pattern": "a{99999999999}", "example": "x"}, "not a regular expression"),
        ({"pattern": 1}, "`pattern` of the secret 'KEY' is not a string"),
        ({"pattern": "", "example": "x"}, "`pattern` of the secret 'KEY' is empty"),
        ({"pattern": "a+"}, "no `example`"),
        ({"pattern": "a+", "example": "b"}, "`example` of the secret 'KEY' does not match"),
        ({"pattern": "a+", "example": "a", "generate": True}, "`generate` of the secret 'KEY' d"),
        ({"generate": "me:token"}, "`generate` of the secret 'KEY' is not true"),
        ({"generate": 1}, "`generate` of the secret 'KEY' is not true"),
        ({"description": 1}, "`description` of the secret 'KEY' is not a string"),
    ],
    ids=str,
)
def test_a_table_that_makes_no_sense_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ProjectError, match=r"^cfpy\.toml: ") as caught:
        table(**keys)
    assert said in caught.value.message


@pytest.mark.parametrize("value", ["k", "k_", "k_1\n", " k_1", "x k_1", "k_1 x"])
def test_a_misfit_is_told_and_not_shown(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        KEY.refuse_misfit(f"{value}-canary!")
    said = caught.value.message + caught.value.hint
    assert "canary" not in said
    assert "KEY" in caught.value.message
    for part in ("A key", KEY.pattern, "For example: k_123", "Nothing was changed"):
        assert part in caught.value.hint


def request(**values: Any) -> ProvisionRequest:
    given: dict[str, Any] = {"given": {}, "ask": lambda _secret: None, "reveal": print, **values}
    return ProvisionRequest(Path(), "", **given)


def values_for(asked: ProvisionRequest) -> tuple[dict[str, str], dict[str, str]]:
    plan = Plan("a", "shop", "", (Action(Do.CREATE, "secret", "KEY", ""),))
    return _secret_values(plan, DesiredState("shop", "", (KEY,)), asked)


def test_a_value_is_checked_wherever_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="does not have the expected form"):
        values_for(request(given={"KEY": "x"}))
    with pytest.raises(UsageError, match="does not have the expected form"):
        values_for(request(ask=lambda _secret: "x"))
    monkeypatch.setenv("KEY", "x")
    with pytest.raises(UsageError, match="does not have the expected form"):
        values_for(request())
    assert values_for(request(given={"KEY": "k_1"})) == ({"KEY": "k_1"}, {})


def test_a_generated_value_has_the_form() -> None:
    values, generated = values_for(request())
    assert values == generated
    assert KEY.fits(values["KEY"])
    assert len(values["KEY"]) == len("k_") + 43


@functools.cache
def worker() -> tuple[Callable[[str], dict[str, str]], type[Exception]]:
    """What the Worker of a pipeline makes of ``API_TOKENS``, and what it raises: its own code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(GOLDEN / "pipeline" / "defaults" / "src")
        patch.setattr(sys, "modules", dict(sys.modules))
        read: Any = importlib.import_module("pipeline.settings")
        return read._tokens, sys.modules["web.problems"].Problem


@settings(max_examples=3000, deadline=None)
@given(st.text("aB:, \t\n", max_size=14))
@example("x")
@example("me:x")
@example("me:x, you:y")
@example("me:a:b")
@example("me:x,me:y")
@example("me:x, me :y")
@example("me:x,you:y,me:z")
@example("me:x,ame:y")
@example(" me : x ,, ")
@example("me:x y")
@example("me:\nx")
def test_the_form_of_pipelines_tokens_is_what_its_worker_reads(value: str) -> None:
    secret, (read, problem) = of_pattern("pipeline"), worker()
    tokens: dict[str, str] = {}
    with contextlib.suppress(problem):
        tokens = read(value)
    # A header carries no line break and no tab: such a token would never be sent.
    usable = bool(tokens) and not any({"\n", "\t"} & set(token) for token in tokens.values())
    assert secret.fits(value) == usable


@pytest.mark.parametrize("pattern", ["rag", "fullstack"])
def test_the_form_of_a_token_is_what_a_header_carries(pattern: str) -> None:
    secret = of_pattern(pattern)
    for value in ("x", "a b", "canary-7f3a9c21", "a,b:c", secret.generated("A_-9" * 10)):
        assert secret.fits(value), value
    for value in ("", " ", "x ", " x", "x\n", "a\nb", "\x00", "tökén", "x\t"):
        assert not secret.fits(value), value

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfpy.errors import UsageError
from cfpy.project.names import MAX_PROJECT_NAME, check_project_name


@pytest.mark.parametrize("name", ["a", "myapp", "my-app-2", "0day", "x" * MAX_PROJECT_NAME])
def test_valid_names_pass_through(name: str) -> None:
    assert check_project_name(name) == name


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("My App", "my-app"),
        ("my_app", "my-app"),
        ("Jörgs Straße", "jorgs-strasse"),
        ("-app-", "app"),
        ("../evil", "evil"),
        ("a" * 80, "a" * MAX_PROJECT_NAME),
        ("app\n", "app"),
        ("", "myapp"),
        ("日本", "myapp"),
    ],
)
def test_invalid_names_are_refused_with_a_valid_suggestion(name: str, suggestion: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_project_name(name)
    assert caught.value.hint == f"Try: {suggestion}"
    assert check_project_name(suggestion) == suggestion


@given(st.text())
def test_whatever_passes_is_a_dns_label(name: str) -> None:
    with contextlib.suppress(UsageError):
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", check_project_name(name))


@given(st.text())
def test_every_suggestion_is_a_valid_name(name: str) -> None:
    try:
        suggestion = check_project_name(name)
    except UsageError as error:
        suggestion = error.hint.removeprefix("Try: ")
    assert check_project_name(suggestion) == suggestion

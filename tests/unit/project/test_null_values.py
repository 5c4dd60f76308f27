"""What is in the way of an edit is named, with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cfpy.errors import ProjectError
from cfpy.project.config_text import edited
from cfpy.project.edits import Append


@pytest.mark.parametrize(
    ("key", "value", "message", "hint"),
    [
        ("queues", "null", "`queues` is null", "Remove it, "),
        ("kv_namespaces", "null", "`kv_namespaces` is null", "Remove it, "),
        ("queues", "5", "something else has the name `queues`", "Add it to "),
    ],
)
def test_the_value_in_the_way_is_named(key: str, value: str, message: str, hint: str) -> None:
    path: tuple[Any, ...] = ("queues", "producers") if key == "queues" else (key,)
    text = f'{{\n  "name": "w",\n  "{key}": {value}\n}}\n'
    with pytest.raises(ProjectError) as caught:
        edited(Path("wrangler.jsonc"), text, [Append(path, {"binding": "A"})])
    assert caught.value.message == f"wrangler.jsonc:3:3: {message}"
    assert caught.value.hint.startswith(hint)

"""Every case has a test."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
_MARKER = re.compile(r"@pytest\.mark\.case\(([^)]*)\)")


def test_every_case_is_named_by_a_test() -> None:
    named = {
        name
        for file in HERE.glob("test_*.py")
        for arguments in _MARKER.findall(file.read_text("utf-8"))
        for name in re.findall(r'"([^"]+)"', arguments)
    }
    assert named == {folder.name for folder in (HERE / "inputs").iterdir()}

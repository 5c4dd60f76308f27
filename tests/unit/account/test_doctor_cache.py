"""`cfpy doctor` shows what the cache takes: nothing deletes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.account import doctor


@pytest.mark.parametrize(
    "sizes", [{}, {"wheels/a/b.whl": 1_600_000, "toolchain/c": 400_000, "d": 3_000_000}]
)
def test_the_size_is_shown_and_that_it_may_be_deleted(
    sizes: dict[str, int], tmp_path: Path
) -> None:
    for name, size in sizes.items():
        path = tmp_path / "cache" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    found = doctor._cache(tmp_path / "cache")
    assert (found.state, found.fix) == ("ok", "")
    if not sizes:
        assert found.message == f"empty ({tmp_path / 'cache'})"
        return
    first, second = found.message.splitlines()
    assert first == f"5 MB in {tmp_path / 'cache'}: d 3 MB, wheels 2 MB"
    assert second == "You can delete it: cfpy downloads again what it needs"

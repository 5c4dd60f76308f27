"""`cfpy preview`: what is refused before the account is read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cfpy.cli.commands.preview_up import lifetime
from cfpy.errors import UsageError


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "wrangler.toml").write_text('name = "shop"\nmain = "src/entry.py"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("never", None),
    ],
)
def test_a_time(text: str, wanted: timedelta | None) -> None:
    assert lifetime(text) == wanted


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "1.5h", "7 d", "7D", "999999d"])
def test_what_is_not_a_time(text: str, cli, shop: Path) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        lifetime(text)
    document = cli.json("preview", "up", "x", "--ttl", text)
    assert (document["command"], document["error"]["exit_code"]) == ("preview up", 2)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("preview", "down", "x", "--merged"), 2),
        (("preview", "up", "x", "--from", "staging"), 2),
        (("preview", "up", "x", "--secrets-file", "missing"), 2),
        (("preview", "up", " "), 2),
        (("preview", "up", "x", "--cwd", "nowhere"), 8),
    ],
)
def test_what_is_refused(words: tuple[str, ...], code: int, cli, shop: Path) -> None:
    assert cli(*words).exit_code == code
    assert sorted(path.name for path in shop.iterdir() if path.name != ".wrangler") == [
        "wrangler.toml"
    ]

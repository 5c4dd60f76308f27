"""What `cfpy new` shows of a project's files, and of its next steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.cli.tree_view import draw_files

FEW = ["README.md", "src/app.py", "wrangler.toml"]


def lines(output: str) -> list[str]:
    return [line.lstrip("│├└─ ").strip() for line in output.splitlines()]


def test_the_top_level_and_the_code_are_shown(cli, tmp_path: Path) -> None:
    done = cli("new", "rag", "mine", "--into", str(tmp_path), "--defaults", "--dry-run")
    shown = lines(done.stdout)
    assert shown[1:3] == ["mine/", "README.md"]
    for entry in ("wrangler.toml", "cfpy.toml", "pyproject.toml", "src/", "entry.py"):
        assert entry in shown
    assert any(line.startswith("rag/  ") and line.endswith(" files") for line in shown)
    assert "migrations/  4 files" in shown
    assert not any("chunking.py" in line or "ingest.py" in line for line in shown)
    assert len(shown) < 25


def test_tree_lists_every_file(cli, tmp_path: Path) -> None:
    command = ("new", "rag", "mine", "--into", str(tmp_path), "--defaults", "--dry-run")
    files = cli.json(*command)["data"]["files"]
    shown = lines(cli(*command, "--tree").stdout)
    assert {file.rpartition("/")[2] for file in files} <= set(shown)


@pytest.mark.parametrize("extra", [0, 9, 10, 60])
def test_every_file_is_listed_or_counted(extra: int) -> None:
    files = [*FEW, *(f"data/{number}/x.txt" for number in range(extra))]
    drawn = [str(getattr(part, "plain", "")) for part in draw_files("p", files, whole=False)]
    shortened = len(files) > 12
    assert drawn[1:] == ([f"{len(files)} files; --tree lists them all"] if shortened else [])


def test_what_runs_beside_dev_needs_another_terminal(cli, tmp_path: Path) -> None:
    done = cli("new", "rag", "mine", "--into", str(tmp_path), "--defaults", "--no-git")
    cd = f"  cd {tmp_path / 'mine'}"
    assert done.stdout.endswith(
        f"\nNext\n{cd}\n  cfpy dev\n\nIn another terminal\n{cd}\n"
        "  python3 scripts/ingest.py corpus --wait\n  cfpy test\n"
    )


def test_one_terminal_is_enough_for_dev_alone(cli, tiny: Path, tmp_path: Path) -> None:
    done = cli("new", "tiny", "mine", "--into", str(tmp_path), "--no-git")
    assert done.stdout.endswith("  cfpy dev\n")
    assert "another terminal" not in done.stdout

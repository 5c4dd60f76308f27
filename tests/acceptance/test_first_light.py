"""What the README promises of its first command."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_first_command_ends_with_an_answer_and_its_source(tmp_path: Path) -> None:
    script = ROOT / "examples" / "first_light.py"
    done = subprocess.run(
        [sys.executable, str(script), "--into", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "Answer:" in done.stdout
    assert "1.2 metres" in done.stdout
    assert "[1] The main telescope (equipment/main-telescope.md)" in done.stdout
    assert (tmp_path / "myapp" / ".git").is_dir()


def test_the_readme_shows_what_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    command = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()[-1]
    assert command in readme


def test_pictures_and_links_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", readme)
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target

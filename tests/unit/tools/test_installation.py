"""Where cfpy came from decides how hints and rendered projects install it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tomllib
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from packaging.requirements import Requirement
from pip._internal.req.constructors import install_req_from_req_string
from pip._internal.vcs import vcs

from cfpy.patterns import init
from cfpy.patterns.pattern_store import PatternStore
from cfpy.patterns.renderer import render
from cfpy.tools import installed
from cfpy.tools.installation import Installation, Installer, parse_direct_url

COMMIT = "1f2e" * 10
HASH = "0a" * 32
GIT = {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}


def found(data: Any, installer: Installer = Installer.PIP) -> Installation:
    known = parse_direct_url(json.dumps(data))
    return Installation("0.1.0", "/py", installer, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "portable", "words"),
    [
        (
            {"url": "https://example.com/o/cfpy.git", "vcs_info": GIT},
            f"cfpy-cli @ git+https://example.com/o/cfpy.git@{COMMIT}",
            [f"cfpy-cli[authors] @ git+https://example.com/o/cfpy.git@{COMMIT}"],
        ),
        (
            {"url": "ssh://git@example.com/o/cfpy", "vcs_info": GIT},
            f"cfpy-cli @ git+ssh://git@example.com/o/cfpy@{COMMIT}",
            [f"cfpy-cli[authors] @ git+ssh://git@example.com/o/cfpy@{COMMIT}"],
        ),
        (
            {"url": "https://example.com/mono", "vcs_info": GIT, "subdirectory": "a/b"},
            f"cfpy-cli @ git+https://example.com/mono@{COMMIT}#subdirectory=a/b",
            [f"cfpy-cli[authors] @ git+https://example.com/mono@{COMMIT}#subdirectory=a/b"],
        ),
        (
            {"url": "file:///home/me/cfpy", "vcs_info": GIT},
            "cfpy-cli==0.1.0",
            [f"cfpy-cli[authors] @ git+file:///home/me/cfpy@{COMMIT}"],
        ),
        (
            # What is at the address may change: other machines need the hash.
            {"url": "https://example.com/cfpy_cli-0.1.0-py3-none-any.whl", "archive_info": {}},
            "cfpy-cli==0.1.0",
            ["cfpy-cli[authors] @ https://example.com/cfpy_cli-0.1.0-py3-none-any.whl"],
        ),
        (
            {"url": "https://example.com/c.whl", "archive_info": {"hashes": {"sha256": HASH}}},
            f"cfpy-cli @ https://example.com/c.whl#sha256={HASH}",
            [f"cfpy-cli[authors] @ https://example.com/c.whl#sha256={HASH}"],
        ),
        (
            {
                "url": "https://example.com/c.zip",
                "archive_info": {"hash": f"sha256={HASH}"},
                "subdirectory": "a",
            },
            f"cfpy-cli @ https://example.com/c.zip#subdirectory=a&sha256={HASH}",
            [f"cfpy-cli[authors] @ https://example.com/c.zip#subdirectory=a&sha256={HASH}"],
        ),
        (
            {"url": "https://example.com/c.whl", "archive_info": {"hashes": {"md5": "0" * 32}}},
            "cfpy-cli==0.1.0",
            ["cfpy-cli[authors] @ https://example.com/c.whl"],
        ),
        (
            {"url": "https://example.com/c.whl", "archive_info": {"hashes": {"sha256": "$x"}}},
            "cfpy-cli==0.1.0",
            ["cfpy-cli[authors] @ https://example.com/c.whl"],
        ),
        (
            {"url": "file:///a/c.whl", "archive_info": {"hashes": {"sha256": HASH}}},
            "cfpy-cli==0.1.0",
            [f"cfpy-cli[authors] @ file:///a/c.whl#sha256={HASH}"],
        ),
        (
            {"url": "https://example.com/hg", "vcs_info": GIT | {"vcs": "hg"}},
            "cfpy-cli==0.1.0",
            [f"cfpy-cli[authors] @ hg+https://example.com/hg@{COMMIT}"],
        ),
        (
            {"url": "file:///home/a%20b/cfpy", "dir_info": {"editable": True}},
            "cfpy-cli==0.1.0",
            ["--editable", "/home/a b/cfpy[authors]"],
        ),
        (
            {"url": "file:///home/me/cfpy", "dir_info": {}},
            "cfpy-cli==0.1.0",
            ["/home/me/cfpy[authors]"],
        ),
        ({}, "cfpy-cli==0.1.0", ["cfpy-cli[authors]==0.1.0"]),
    ],
)
def test_it_is_installed_again_from_where_it_came(
    data: Any, portable: str, words: list[str]
) -> None:
    mine = found(data)
    assert mine.portable_requirement == portable
    assert Requirement(portable).name == "cfpy-cli"
    assert shlex.split(mine.command("authors")) == ["/py", "-m", "pip", "install", *words]
    for installer, start in (
        (Installer.PIPX, ["pipx", "install", "--force"]),
        (Installer.UV_TOOL, ["uv", "tool", "install", "--force"]),
    ):
        assert shlex.split(found(data, installer).command("authors")) == [*start, *words]


def test_again_replaces_what_is_there() -> None:
    assert "--force-reinstall" in found({}).command(again=True)


def test_no_credentials_are_kept() -> None:
    for url in ("https://me:hush@example.com/cfpy", "ssh://git:hush@example.com/cfpy"):
        mine = found({"url": url, "vcs_info": GIT})
        assert mine.address.endswith(f"example.com/cfpy@{COMMIT}")
        assert "hush" not in mine.portable_requirement + mine.command()


SECRET = "s3cret-Hush"
WHEEL = "https://example.com/cfpy_cli-0.1.0-py3-none-any.whl"


@pytest.mark.parametrize("info", [{"vcs_info": GIT}, {"archive_info": {}}, {"dir_info": {}}])
@pytest.mark.parametrize(
    "url",
    [
        f"https://example.com/o/cfpy?token={SECRET}",
        f"https://example.com/o/cfpy?private_token={SECRET}&ref=main#egg=cfpy",
        f"https://example.com/o/cfpy?{SECRET}",
        f"https://example.com/o/cfpy#token={SECRET}",
        f"https://example.com/o/cfpy#egg=cfpy&token={SECRET}",
        f"https://example.com/o/cfpy#{SECRET}",
        f"https://example.com/o/cfpy;token={SECRET}",
        f"https://me:{SECRET}@example.com/o/cfpy",
        f"https://{SECRET}@example.com/o/cfpy",
        f"https://me:{SECRET}/x@example.com/o/cfpy",
        f"https://me:{SECRET}#x@example.com/o/cfpy",
        f"https://{SECRET}/x@example.com/o/cfpy",
        f"https://{SECRET}?x@example.com/o/cfpy",
        f"https://{SECRET}#x@example.com/o/cfpy",
        f"https://me:{SECRET}\\x@example.com/o/cfpy",
        f"HTTPS://me%3A{SECRET}%40example.com/o/cfpy",
        f"git+https://me:{SECRET}@example.com/o/cfpy",
        f"ssh://{SECRET}@example.com/o/cfpy",
        f"ssh://git:{SECRET}@example.com/o/cfpy",
        f"{SECRET}@example.com:o/cfpy",
        f"git:{SECRET}@example.com:o/cfpy",
        f"file://me:{SECRET}@example.com/cfpy",
    ],
)
def test_no_secret_of_an_address_is_kept(url: str, info: dict[str, Any]) -> None:
    mine = found({"url": url, **info})
    assert SECRET not in mine.portable_requirement + mine.command("authors")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("git@example.com:o/cfpy.git", "ssh://git@example.com/o/cfpy.git"),
        ("git@example.com:/srv/cfpy.git", "ssh://git@example.com/srv/cfpy.git"),
        ("git+ssh://git@example.com/o/cfpy", "ssh://git@example.com/o/cfpy"),
        ("ssh://git@example.com:2222/o/cfpy", "ssh://git@example.com:2222/o/cfpy"),
        ("/home/my code/cfpy", "file:///home/my%20code/cfpy"),
        ("file://localhost/home/cfpy", "file:///home/cfpy"),
        ("https://example.com/o/cfpy#egg=cfpy-cli", "https://example.com/o/cfpy"),
        ("https://example.com/o/c#egg=a&subdirectory=in/it", "https://example.com/o/c"),
        ("https://[2001:db8::1]:8443/o/cfpy", "https://[2001:db8::1]:8443/o/cfpy"),
    ],
)
def test_an_address_has_a_form_that_pip_accepts(url: str, address: str) -> None:
    known = parse_direct_url(json.dumps({"url": url, "vcs_info": GIT}))
    part = "#subdirectory=in/it" if "subdirectory" in url else ""
    assert known == {"address": f"git+{address}@{COMMIT}{part}"}
    link = install_req_from_req_string(f"cfpy-cli @ {known['address']}").link
    assert link is not None
    assert link.is_vcs
    backend = vcs.get_backend_for_scheme(link.scheme)
    assert backend is not None
    # pip unquotes the paths of files.
    wanted = unquote(address) if address.startswith("file:") else address
    assert backend.get_url_rev_and_auth(link.url_without_fragment)[:2] == (wanted, COMMIT)


ODD = [
    'https://example.com/o/"; evil; "',
    "https://example.com/o/it's",
    "https://example.com/o/a b",
    "https://example.com/o/a: b",
    "https://example.com/o/#a#b@c",
    "https://example.com/o/$HOME",
    "https://example.com/o/$(id)",
    "https://example.com/o/`id`",
    "https://example.com/o/${{secrets.CLOUDFLARE_API_TOKEN}}",
    "https://example.com/o/{{x}}",
    "https://example.com/o/x\nevil: true",
    "https://example.com/o/x\r\tevil",
    "https://example.com/o/x\0",
    "https://example.com/o/x\u2028y",
    "https://example.com/o/%zz",
    "https://exa mple.com/o/x",
    "https://$(id).com/o/x",
    "https://example.com:port/o/x",
    "https://[::1/o/x",
    "https:///o/x",
    "https://example.com",
    "ext::sh -c id",
    "-oProxyCommand=id",
    "relative/path",
    "C:\\cfpy",
    "javascript:alert(1)",
    "",
]


@pytest.mark.parametrize("url", ODD)
@pytest.mark.parametrize("info", [{"vcs_info": GIT}, {"archive_info": {}}, {"dir_info": {}}])
def test_an_address_that_breaks_a_file_is_not_used(url: str, info: dict[str, Any]) -> None:
    assert parse_direct_url(json.dumps({"url": url, **info})) == {}


URL = "https://example.com/cfpy"


@pytest.mark.parametrize(
    "data",
    [
        *(None, 1, "x", [], {}, [URL], {"url": URL}),
        *({"url": url, "vcs_info": GIT} for url in (None, 1, True, [URL], {})),
        *({"url": URL, "vcs_info": info} for info in (None, 1, "git", [], {}, {"vcs": "git"})),
        *({"url": URL, "vcs_info": GIT | {"commit_id": c}} for c in (None, 7, "", "a b", "$x", [])),
        *({"url": URL, "vcs_info": GIT | {"vcs": vcs}} for vcs in (None, 1, [], "", "cvs", "git+")),
        *({"url": URL, "archive_info": info} for info in (None, [], "sha256")),
        *({"url": URL, "archive_info": {}, "subdirectory": s} for s in (None, 1, [], "../a", "/a")),
        {"url": URL, "archive_info": {}, "subdirectory": "a&token=x"},
        {"url": URL, "vcs_info": GIT, "dir_info": {}},
        *({"url": "file:///a", "dir_info": info} for info in (None, [], "x", 1)),
        *({"url": url, "dir_info": {}} for url in ("/a", "file:a", "file://h/a", "file:///a%0Ab")),
        {"url": "file:///%ff", "dir_info": {}},
    ],
)
def test_a_record_of_other_types_counts_as_none(data: Any) -> None:
    assert parse_direct_url(json.dumps(data)) == {}
    assert found(data).portable_requirement == "cfpy-cli==0.1.0"


def test_only_true_is_editable() -> None:
    record = {"url": "file:///a", "dir_info": {"editable": "no"}}
    assert parse_direct_url(json.dumps(record)) == {"directory": "/a", "editable": False}


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "9" * 10_000, "\ufeff{}", "\0"])
def test_a_broken_record_counts_as_none(text: str) -> None:
    assert parse_direct_url(text) == {}


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b'{"url": "\xe9"}', '{"url": "x"}'.encode("utf-16"), b"", None],
    ids=["not-utf-8", "latin-1", "utf-16", "empty", "a directory"],
)
def test_a_record_that_cannot_be_read_counts_as_none(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "cfpy_cli-0.1.0.dist-info" / "direct_url.json"
    record.parent.mkdir()
    if content is None:
        record.mkdir()
    else:
        record.write_bytes(content)
    monkeypatch.setattr(
        installed.metadata, "distribution", lambda _: PathDistribution(record.parent)
    )
    mine = installed.installation()
    assert (mine.address, mine.directory) == ("", "")


def test_the_environment_says_who_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert installed.installation().installer is Installer.PIP
    (tmp_path / "uv-receipt.toml").touch()
    assert installed.installation().installer is Installer.UV_TOOL
    (tmp_path / "pipx_metadata.json").touch()
    assert installed.installation().installer is Installer.PIPX


def rendered(requirement: str, tree: Path) -> tuple[dict[str, Any], list[str]]:
    """The workflow of a project, and its group dev."""
    pattern = PatternStore().get("fullstack")
    render(pattern, tree, {"project_name": "mine"}, interactive=False, requirement=requirement)
    workflow = yaml.safe_load((tree / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    groups = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    return workflow, groups["dev"]


@pytest.mark.parametrize(
    "requirement", ["", "cfpy-cli==0.1.0", f"cfpy-cli @ git+https://example.com/cfpy@{COMMIT}"]
)
def test_a_project_installs_cfpy_from_a_known_source_only(requirement: str, tmp_path: Path) -> None:
    # Nobody has registered the name on the index yet, and CI has the account's token.
    workflow, dev = rendered(requirement, tmp_path)
    runs = {
        name: [step["run"] for step in job["steps"] if "run" in step]
        for name, job in workflow["jobs"].items()
    }
    known = " @ " in requirement
    assert [one for one in dev if "cfpy" in one] == ([requirement] if known else [])
    assert ("uv run cfpy test" in runs["test"]) == known
    assert "cfpy" not in "".join(runs["deploy"])
    assert not re.search(r"pip|uvx|uv tool", str(runs))


def test_the_token_is_given_to_one_step(tmp_path: Path) -> None:
    workflow, _ = rendered("", tmp_path)
    assert "env" not in workflow
    assert not any("env" in job for job in workflow["jobs"].values())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    [step] = [step for step in steps if "secrets." in str(step)]
    assert step["run"].endswith("uv run pywrangler deploy\n")
    # A tag can be moved to other code; a commit can't.
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in steps if "uses" in step)


def test_a_project_quotes_the_requirement(tmp_path: Path) -> None:
    requirement = "cfpy-cli @ https://e.x/\"a: 'b' #c\n  d: e"
    assert requirement in rendered(requirement, tmp_path)[1]


@pytest.mark.parametrize(
    "requirement", ["cfpy-cli==0.1.0", f"cfpy-cli @ git+https://e.x/c@{COMMIT}"]
)
def test_a_new_pattern_names_it_for_its_authors(requirement: str, tmp_path: Path) -> None:
    values = {"name": "mine", "module": "cfpy_mine", "needs": [], "cfpy": requirement}
    source = tmp_path / "source"
    source.mkdir()
    common = Path(init.__file__).parents[1] / "new_pattern" / "common"
    shutil.copy(common / "pyproject.toml.init", source)
    init._fill(source, tmp_path, values)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    [dev] = project["project"]["optional-dependencies"]["dev"]
    direct = " @ " in requirement
    assert (Requirement(dev).extras, dev.endswith(COMMIT)) == (
        ({"authors"}, True) if direct else (set(), False)
    )
    # Nobody has the bare name yet.
    assert dev == "pytest" or direct
    assert project["tool"]["hatch"].get("metadata", {}) == (
        {"allow-direct-references": True} if direct else {}
    )

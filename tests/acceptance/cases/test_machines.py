"""The environment of real machines: tokens, proxies, and the settings of other people's tools."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cfpy.bindings.wrangler_config import load_project
from cfpy.project.vendor import vendor
from cfpy.tools.process import SubprocessRunner
from cloudflare_api import TOKEN, CloudflareApi
from socks_server import socks_proxy

CFPY = [sys.executable, "-m", "cfpy"]
WORKER = {
    "wrangler.toml": """name = "shop"
main = "src/index.js"
compatibility_date = "2026-11-17"

[[kv_namespaces]]
binding = "SESSIONS"
""",
    "src/index.js": "export default { fetch: () => new Response('hello') };\n",
}
# What cfpy starts is to notice none of this.
HOSTILE = {
    "PIP_USER": "1",
    "PIP_PREFIX": "/elsewhere",
    "PIP_ROOT": "/elsewhere",
    "PIP_TARGET": "/elsewhere",
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_BINARY": ":all:",
    "PIP_DRY_RUN": "1",
    "PIP_REPORT": "/missing/report.json",
    "PIP_QUIET": "3",
    "PIP_PYTHON": "/missing/python",
    "PYTHONWARNINGS": "error",
    "PYTHONSTARTUP": "/missing.py",
    "NODE_OPTIONS": "--inspect-brk --require /missing.js --not-an-option",
    "NODE_PATH": "/missing",
    "NODE_DEBUG": "module",
    "DEBUG": "*",
    "npm_config_prefix": "/missing",
    "npm_config_global": "true",
    "WRANGLER_LOG": "none",
    "CLOUDFLARE_API_KEY": "0a" * 18 + "0",
    "CLOUDFLARE_EMAIL": "somebody@else.test",
    "GIT_DIR": "/missing",
    "GIT_WORK_TREE": "/missing",
    "GIT_INDEX_FILE": "/missing/index",
}


@pytest.fixture
def project(case: Path) -> Path:
    """The case's folder, with a Worker in it where the case has none."""
    if not (case / "wrangler.toml").exists():
        (case / "src").mkdir()
        for name, text in WORKER.items():
            (case / name).write_text(text)
    return case


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index on the disk, with a package by the name of the Workers SDK."""
    place = tmp_path_factory.mktemp("wheels")
    name, version = "workers_runtime_sdk", "1.9.5"
    files = {
        "workers/__init__.py": b"",
        f"{name}-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: workers-runtime-sdk\nVersion: {version}\n".encode()
        ),
        f"{name}-{version}.dist-info/WHEEL": (
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items())
    with zipfile.ZipFile(place / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, data in files.items():
            wheel.writestr(path, data)
        wheel.writestr(f"{name}-{version}.dist-info/RECORD", record)
    return place


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


@pytest.fixture
def dead() -> Iterator[int]:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def error(cfpy: Any) -> Callable[..., tuple[int, str]]:
    """Runs a command that fails; gives its exit code and its message with its hint."""

    def error_(project: Path, *command: str, **variables: str) -> tuple[int, str]:
        code, document = cfpy(command[0], project, *command[1:], **variables)
        assert not document["ok"], document
        assert document["error"]["exit_code"] == code
        return code, f"{document['error']['message']} {document['error']['hint']}"

    return error_


# Tokens and proxies


@pytest.mark.case("env-vars")
def test_a_token_with_white_space_is_used_without_it(
    project: Path, cfpy: Any, api: CloudflareApi
) -> None:
    # wrangler gets it clean, too.
    token = f"\ufeff {TOKEN} \r\n"
    code, document = cfpy("provision", project, "--yes", CLOUDFLARE_API_TOKEN=token)
    assert code == 0, document
    assert list(api.namespaces) == ["shop-sessions"]


@pytest.mark.case("env-vars")
def test_a_token_that_is_none_is_never_shown(
    project: Path, error: Callable[..., tuple[int, str]], api: CloudflareApi
) -> None:
    for value, said in {
        "a-secret ": "",
        "\u201ca-secret\u201d": "in quotes",
        "a-secret two": "its character 9 of 12 is a space",
    }.items():
        code, text = error(project, "plan", CLOUDFLARE_API_TOKEN=value)
        assert code == 5, text
        assert said in text
        assert "a-secret" not in text
        assert "network" not in text
    asked = len(api.requests)
    code, text = error(project, "plan", CLOUDFLARE_ACCOUNT_ID="mine")
    assert (code, "CLOUDFLARE_ACCOUNT_ID is not an account id" in text) == (5, True)
    key = {"CLOUDFLARE_API_KEY": "0a" * 18 + "0", "CLOUDFLARE_EMAIL": "me@me.test"}
    code, text = error(project, "plan", CLOUDFLARE_API_TOKEN="", **key)
    assert (code, "CLOUDFLARE_API_KEY is set" in text) == (5, True)
    assert len(api.requests) == asked


@pytest.mark.case("env-vars")
def test_a_proxy_that_can_not_be_used_is_named(
    project: Path, error: Callable[..., tuple[int, str]], dead: int
) -> None:
    place = f"127.0.0.1:{dead}"
    for variables, wanted in (
        ({"ALL_PROXY": f"socks5://{place}"}, (6, "ALL_PROXY")),
        ({"HTTP_PROXY": f"http://{place}", "NO_PROXY": "[::1]"}, (6, "HTTP_PROXY")),
        ({"http_proxy": f"http://me:hidden#x@{place}"}, (2, "http_proxy")),
        (
            {"CLOUDFLARE_API_BASE_URL": f"https://{place}", "SSL_CERT_FILE": "/missing.pem"},
            (2, "SSL_CERT_FILE"),
        ),
    ):
        code, text = error(project, "plan", **variables)
        assert (code, wanted[1] in text) == (wanted[0], True), text
        assert "hidden" not in text


@pytest.mark.case("env-vars")
def test_all_goes_by_a_socks_proxy(project: Path, cfpy: Any, api: CloudflareApi) -> None:
    """wrangler knows no ALL_PROXY of its own."""
    with socks_proxy() as proxy:
        address = f"socks5h://127.0.0.1:{proxy.server_address[1]}"
        variables = {"ALL_PROXY": address, "NO_PROXY": "corp.test"}
        code, document = cfpy("plan", project, **variables)
    assert code == 1, document
    port = int(cfpy.base_url.rsplit(":", 1)[1].partition("/")[0])
    assert set(proxy.connected) == {("127.0.0.1", port)}
    assert api.requests


@pytest.mark.case("env-vars")
def test_what_asks_the_new_version_is_ready_before_there_is_one(
    project: Path,
    cfpy: Any,
    error: Callable[..., tuple[int, str]],
    worker: Callable[[int], str],
    api: CloudflareApi,
    dead: int,
) -> None:
    for arguments, variables, said in (
        ((), {"SSL_CERT_FILE": "/missing.pem"}, "SSL_CERT_FILE"),
        (("--url", "http://[::1"), {}, "--url"),
    ):
        code, text = error(project, "up", "--yes", *arguments, **variables)
        assert (code, said in text) == (2, True), text
    assert api.mutations == []
    # The API is reached, and what is live is not.
    api_place = cfpy.base_url.split("/")[2]
    proxy = {"HTTP_PROXY": f"http://127.0.0.1:{dead}", "NO_PROXY": api_place}
    where = ("--url", worker(200), "--wait", "0")
    code, text = error(project, "up", "--yes", *where, **proxy)
    assert code == 11, text
    assert "is live, but its health check failed" in text
    assert "HTTP_PROXY" in text
    assert api.live


# Other people's tools


@pytest.mark.case("pip-env")
def test_pips_own_settings_do_not_reach_the_workers_packages(
    project: Path, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real pip; what of its settings says where packages are still holds."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    files = {
        "home/.config/pip/pip.conf": "[global]\nuser = true\n[install]\nprefix = /elsewhere\n",
        "xdg/pip/pip.conf": f"[global]\nno-index = true\nfind-links = {wheels}\nroot = /elsewhere",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shadow"))
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "pip.py").write_text("raise SystemExit('the wrong pip')\n")
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONINSPECT", "1")
    modules = vendor(load_project(project), SubprocessRunner(), print)
    assert (modules / "workers" / "__init__.py").is_file()
    assert "1.9.5" in (project / "pylock.toml").read_text("utf-8")
    assert not Path("/elsewhere").exists()
    # Again, from the lock.
    (modules / "workers" / "__init__.py").unlink()
    (project / ".wrangler" / "cfpy" / "python_modules.json").unlink()
    vendor(load_project(project), SubprocessRunner(), print)
    assert (modules / "workers" / "__init__.py").is_file()


@pytest.mark.case("env-variable")
def test_a_hostile_machine_leads_nothing_astray(
    project: Path, cfpy: Any, wheels: Path, api: CloudflareApi
) -> None:
    """CLOUDFLARE_ENV among them: --env alone names the environment."""
    variables = HOSTILE | {
        "CLOUDFLARE_ENV": "staging",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
    }
    code, document = cfpy("up", project, "--yes", "--health", "", **variables)
    assert code == 0, document
    assert list(api.live) == ["bakery"]
    code, document = cfpy("destroy", project, "--yes", "--confirm", "bakery", **variables)
    assert code == 0, document
    assert list(api.scripts) == []


@pytest.mark.case("env-vars")
def test_a_first_commit_on_a_hostile_machine(project: Path) -> None:
    """Hooks, keys, templates, line endings and another repository."""
    settings = project / "gitconfig"
    settings.write_text(f"""[user]
useConfigOnly = true
name = Somebody
[commit]
gpgSign = true
[gpg]
program = /missing
[core]
hooksPath = {project / "hooks"}
autocrlf = true
safecrlf = true
[init]
templateDir = /missing
[alias]
commit = "!false"
""")
    (project / "hooks").mkdir()
    (project / "hooks" / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (project / "hooks" / "pre-commit").chmod(0o755)
    env = {**os.environ, **HOSTILE, "GIT_CONFIG_GLOBAL": str(settings), "HOME": str(project)}
    argv = [*CFPY, "new", "pipeline", "shop", "--defaults", "--json"]
    done = subprocess.run(argv, cwd=project, env=env, capture_output=True, text=True, check=False)
    document = json.loads(done.stdout)
    assert document["data"]["git"] == "committed", document
    log = subprocess.run(
        ["git", "-c", f"safe.directory={project / 'shop'}", "log", "--format=%an %ae"],
        cwd=project / "shop",
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout.split() == ["Somebody", "cfpy@localhost"]


@pytest.mark.case("toml-utf16")
def test_a_configuration_in_utf_16(project: Path, error: Callable[..., tuple[int, str]]) -> None:
    before = (project / "wrangler.toml").read_bytes()
    code, text = error(project, "plan")
    assert code == 8
    assert "wrangler.toml" in text
    assert "\n" not in text
    assert (project / "wrangler.toml").read_bytes() == before


# doctor


@pytest.mark.case("env-vars")
def test_doctor_installs_nothing_writes_nothing_and_asks_nobody(project: Path) -> None:
    places = {name: project / name for name in ("home", "cache", "scratch")}
    for place in places.values():
        place.mkdir()
    before = sorted(project.rglob("*"))
    with socks_proxy() as proxy:
        env = {
            **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
            "HOME": str(places["home"]),
            "CFPY_CACHE_DIR": str(places["cache"]),
            "TMPDIR": str(places["scratch"]),
            "ALL_PROXY": f"socks5://127.0.0.1:{proxy.server_address[1]}",
        }
        env.pop("CLOUDFLARE_API_TOKEN", None)
        argv = [*CFPY, "doctor", "--json"]
        done = subprocess.run(
            argv, cwd=project, env=env, capture_output=True, text=True, check=False
        )
    assert proxy.connected == []
    assert sorted(project.rglob("*")) == before
    checks = {check["name"]: check for check in json.loads(done.stdout)["data"]["checks"]}
    assert "not installed yet (about 240 MB" in checks["wrangler"]["message"]
    assert "nobody is logged in" in checks["login"]["message"]
    assert {checks[name]["state"] for name in ("node", "npm", "pip")} == {"ok"}

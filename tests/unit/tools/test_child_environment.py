"""What the tools that cfpy starts see of the user's settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cfpy.errors import UsageError
from cfpy.tools import child_environment as module
from cfpy.tools import pip_settings as settings
from cfpy.tools.child_environment import (
    git_environment,
    node_environment,
    node_options,
    pip_environment,
    python_environment,
    without_identity,
    wrangler_settings,
)
from cfpy.tools.pip_settings import KEPT, pip_settings

# Set by any program, and of no rule's concern.
OTHERS = {"PATH": "/bin", "HOME": "/home/me", "LANG": "C", "CI": "1", "CFPY_CACHE_DIR": "/c"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment whose pip has no files but those below its home."""
    monkeypatch.setattr(settings, "_ETC", tmp_path / "etc")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(sys, "platform", "linux")
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg")}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


# pip

HARMFUL = (
    *("USER", "PREFIX", "ROOT", "TARGET", "REQUIRE_VIRTUALENV", "NO_DEPS", "ONLY_BINARY"),
    *("NO_BINARY", "DRY_RUN", "REPORT", "PLATFORM", "PYTHON", "PYTHON_VERSION", "ABI", "EDITABLE"),
    *("IMPLEMENTATION", "QUIET", "VERBOSE", "LOG", "DEBUG", "ISOLATED", "REQUIREMENT", "PRE"),
    *("REQUIRE_HASHES", "IGNORE_INSTALLED", "IGNORE_REQUIRES_PYTHON", "UPGRADE", "SRC", "FORMAT"),
    *("NO_INDEX_", "PROGRESS_BAR", "COMPILE", "GROUP", "BREAK_SYSTEM_PACKAGES", "HELP", "VERSION"),
)


def test_pips_own_settings_are_dropped_and_those_of_an_index_kept(home: dict[str, str]) -> None:
    harmful = {f"PIP_{name}": "1" for name in HARMFUL}
    kept = {f"PIP_{name.upper().replace('-', '_')}": f"value of {name}" for name in KEPT}
    child = pip_environment({**home, **OTHERS, **harmful, **kept}, "install")
    pips = {name: value for name, value in child.items() if name.startswith("PIP_")}
    assert pips == kept | {"PIP_CONFIG_FILE": os.devnull}
    assert OTHERS.items() <= (child | {"HOME": OTHERS["HOME"]}).items()


@pytest.mark.parametrize(
    "place",
    ["xdg/pip/pip.conf", ".pip/pip.conf", ".config/pip/pip.conf", "venv/pip.conf", "own.conf"],
)
def test_each_file_of_pips_is_read_for_the_index_alone(
    place: str, home: dict[str, str], tmp_path: Path
) -> None:
    text = """[global]
user = true
index-url = https://me:secret@index.test/simple
extra-index-url =
    https://one.test/simple
    https://two.test/simple
trusted_host = one.test
[install]
prefix = /elsewhere
no-deps = yes
find-links = wheels
[freeze]
timeout = 10
"""
    write(tmp_path / place, text)
    environ = home | ({"PIP_CONFIG_FILE": str(tmp_path / place)} if place == "own.conf" else {})
    index = {
        "PIP_INDEX_URL": "https://me:secret@index.test/simple",
        "PIP_EXTRA_INDEX_URL": "https://one.test/simple https://two.test/simple",
        "PIP_TRUSTED_HOST": "one.test",
    }
    assert pip_settings(environ, "index") == index
    assert pip_settings(environ, "install") == index | {"PIP_FIND_LINKS": "wheels"}
    # As in pip: a variable wins, and an empty one is none.
    environ |= {"PIP_INDEX_URL": "https://mine.test", "PIP_TRUSTED_HOST": ""}
    assert pip_settings(environ, "index") == index | {"PIP_INDEX_URL": "https://mine.test"}


def test_pips_files_lie_over_each_other_as_in_pip(home: dict[str, str], tmp_path: Path) -> None:
    places = ("xdg/pip/pip.conf", ".pip/pip.conf", ".config/pip/pip.conf", "venv/pip.conf")
    for number, place in enumerate(places):
        keys = "".join(f"--{key} = {number}\n" for key in ("proxy", *list(KEPT)[number:4]))
        write(tmp_path / place, f"[global]\n{keys}")
        assert pip_settings(home, "install")["PIP_PROXY"] == str(number)
    # A section of the command's own wins over each file's [global].
    write(tmp_path / places[0], "[install]\nproxy = special\n")
    assert pip_settings(home, "install")["PIP_PROXY"] == "special"
    write(tmp_path / "own.conf", "[global]\nproxy = own\n")
    own = home | {"PIP_CONFIG_FILE": str(tmp_path / "own.conf")}
    (tmp_path / places[0]).unlink()
    assert pip_settings(own, "install")["PIP_PROXY"] == "own"
    assert pip_settings(home | {"PIP_CONFIG_FILE": os.devnull}, "install") == {}


def test_a_constraint_holds_where_versions_are_chosen_alone(home: dict[str, str]) -> None:
    environ = home | {"PIP_CONSTRAINT": "c.txt"}
    assert pip_settings(environ, "install") == {"PIP_CONSTRAINT": "c.txt"}
    assert pip_settings(environ, "install", choosing=False) == {}


@pytest.mark.parametrize("text", ["index-url = x\n", "[global\n", "[global]\n  x\nsecret-value\n"])
def test_a_broken_file_of_pips_is_named_and_not_quoted(
    text: str, home: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path / ".config/pip/pip.conf", text)
    with pytest.raises(UsageError, match=r"pip\.conf can't be read: line \d") as caught:
        pip_settings(home, "install")
    assert "secret-value" not in caught.value.message
    (tmp_path / ".config/pip/pip.conf").write_bytes(b"\xff\xfe[\x00")
    with pytest.raises(UsageError, match=r"pip\.conf can't be read"):
        pip_settings(home, "install")


def test_where_there_is_no_home_pip_has_no_files_of_it(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert pip_settings(home | {"HOME": ""}, "install") == {}


# Python


def test_what_disturbs_a_tool_of_pythons_is_dropped() -> None:
    disturbing = {
        "PYTHONWARNINGS": "error",
        "PYTHONINSPECT": "1",
        "PYTHONSTARTUP": "/missing.py",
        "PYTHONVERBOSE": "1",
        "PYTHONPROFILEIMPORTTIME": "1",
        "PYTHONIOENCODING": "ascii",
        "PYTEST_ADDOPTS": "--pdb",
    }
    kept = {"PYTHONHOME": "/usr", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": "/mine"}
    assert python_environment(OTHERS | disturbing | kept) == OTHERS | kept


def test_pip_takes_no_module_of_somebody_elses(home: dict[str, str]) -> None:
    child = pip_environment(home | {"PYTHONPATH": "/mine", "PYTHONWARNINGS": "error"}, "install")
    assert "PYTHONPATH" not in child
    assert child["PYTHONSAFEPATH"] == "1"


# Node, npm and wrangler


def test_what_disturbs_node_npm_and_wrangler_is_dropped() -> None:
    disturbing = dict.fromkeys(
        (
            *("NODE_PATH", "NODE_DEBUG", "DEBUG", "NODE_V8_COVERAGE", "NODE_ICU_DATA"),
            *("NODE_CHANNEL_FD", "NODE_UNIQUE_ID", "VSCODE_INSPECTOR_OPTIONS"),
            *("npm_config_prefix", "NPM_CONFIG_GLOBAL", "npm_config_location", "npm_config_omit"),
            *("npm_config_production", "npm_config_only", "npm_config_dry_run", "npm_config_os"),
            *("npm_config_package_lock", "npm_config_package_lock_only", "npm_config_workspace"),
            *(
                "npm_config_ignore_scripts",
                "npm_config_json",
                "npm_config_version",
                "npm_config_cpu",
            ),
            *("npm_config_local_prefix", "npm_config_node_options", "npm_config_script_shell"),
            "WRANGLER_LOG",
        ),
        "x",
    )
    kept = dict.fromkeys(
        (
            *(
                "NODE_EXTRA_CA_CERTS",
                "NODE_TLS_REJECT_UNAUTHORIZED",
                "NODE_ENV",
                "NODE_USE_ENV_PROXY",
            ),
            *("npm_config_registry", "NPM_CONFIG_REGISTRY", "npm_config_@scope:registry"),
            *("npm_config_//registry.test/:_authToken", "npm_config__auth", "npm_config_cafile"),
            *("npm_config_proxy", "npm_config_https_proxy", "npm_config_noproxy"),
            *("npm_config_strict_ssl", "npm_config_cache", "npm_config_userconfig"),
            *("npm_config_fetch_retries", "npm_config_prefer_offline"),
            *("WRANGLER_LOG_PATH", "CLOUDFLARE_ENV", "WRANGLER_CI_OVERRIDE_NAME"),
        ),
        "x",
    )
    assert node_environment(OTHERS | disturbing | kept) == OTHERS | kept
    assert wrangler_settings(disturbing) == {"WRANGLER_LOG": "x"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("--inspect", ""),
        ("--inspect-brk=0.0.0.0:9229 --max-old-space-size=4096", "--max-old-space-size=4096"),
        ("--max-old-space-size 4096 --inspect", "--max-old-space-size 4096"),
        ("--require missing.js", ""),
        ("--require=/missing.js", ""),
        ("-r /missing.js --dns-result-order=ipv4first", "--dns-result-order=ipv4first"),
        ("--require dd-trace/init", ""),
        ("--import ./hook.mjs --use-system-ca", "--use-system-ca"),
        ("--loader ts-node/esm --no-warnings", "--no-warnings"),
        ("--openssl-legacy-provider", "--openssl-legacy-provider"),
        ("--permission --throw-deprecation --trace-warnings", ""),
        ("--test --watch --conditions=development -C x", ""),
        ("--not-an-option-of-node", ""),
        ('--openssl-config="/a b/c" --eval "x y"', '"--openssl-config=/a b/c"'),
        ('--openssl-config "/a b/c"', '--openssl-config "/a b/c"'),
        ("nonsense", ""),
        ('"', ""),
    ],
)
def test_what_is_kept_of_the_options_of_node(given: str, kept: str) -> None:
    assert node_options(given) == kept
    child = node_environment({"NODE_OPTIONS": given})
    assert child == ({"NODE_OPTIONS": kept} if kept else {})


@pytest.mark.parametrize("option", ["--require={}", "--require {}", "-r {}", "--import={}"])
def test_a_file_that_node_loads_first_is_kept_where_it_is_there(
    option: str, tmp_path: Path
) -> None:
    file = tmp_path / "hook.cjs"
    assert node_options(option.format(file)) == ""
    file.touch()
    assert node_options(option.format(file)) == option.format(file)


def test_wrangler_gets_a_clean_token() -> None:
    environ = {"CLOUDFLARE_API_TOKEN": "abc \n", "CLOUDFLARE_ACCOUNT_ID": "\ufeff1 "}
    child = node_environment(environ)
    assert child == {"CLOUDFLARE_API_TOKEN": "abc", "CLOUDFLARE_ACCOUNT_ID": "1"}
    others = dict.fromkeys(
        ("CLOUDFLARE_API_KEY", "CLOUDFLARE_EMAIL", "CF_API_KEY", "CF_EMAIL"), "x"
    )
    old = dict.fromkeys(("CF_API_TOKEN", "CF_ACCOUNT_ID", "CF_API_BASE_URL"), "x")
    assert without_identity(OTHERS | others | old) == OTHERS


def test_node_gets_the_certificates_of_everybody_else(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    here, missing = str(tmp_path / "ca.pem"), str(tmp_path / "missing.pem")
    assert node_environment({"SSL_CERT_FILE": here})["NODE_EXTRA_CA_CERTS"] == here
    assert "NODE_EXTRA_CA_CERTS" not in node_environment({"SSL_CERT_FILE": missing})
    own = {"SSL_CERT_FILE": here, "NODE_EXTRA_CA_CERTS": "/own.pem"}
    assert node_environment(own)["NODE_EXTRA_CA_CERTS"] == "/own.pem"


def test_wrangler_gets_the_proxies_as_it_reads_them() -> None:
    child = node_environment({"ALL_PROXY": "socks5h://me:p%23@h"})
    assert child["http_proxy"] == child["https_proxy"] == "socks5://me:p%23@h:1080"
    child = node_environment({"HTTPS_PROXY": "h:3128", "NO_PROXY": "corp.test,[::1]"})
    assert child["https_proxy"] == "http://h:3128"
    assert "http_proxy" not in child
    # wrangler asks its own processes, and would do so by the proxy.
    assert child["no_proxy"] == "corp.test,[::1],localhost,127.0.0.1,::1"
    broken = {"HTTPS_PROXY": "nonsense://"}
    assert node_environment(broken) == broken
    assert node_environment({"NO_PROXY": "x"}) == {"NO_PROXY": "x"}


# git


def test_git_is_pointed_at_no_other_repository() -> None:
    elsewhere = dict.fromkeys(
        (
            *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"),
            *("GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
            *("GIT_CONFIG_PARAMETERS", "GIT_TEMPLATE_DIR", "GIT_DEFAULT_HASH", "GIT_TRACE"),
            *("GIT_LITERAL_PATHSPECS", "GIT_ATTR_SOURCE", "GIT_EXTERNAL_DIFF", "GIT_PREFIX"),
            *("GIT_QUARANTINE_PATH", "GIT_REFLOG_ACTION", "GIT_EDITOR", "GIT_CONFIG"),
        ),
        "x",
    )
    kept = dict.fromkeys(
        (
            *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_NO_VERIFY", "GIT_ASKPASS"),
            *("GIT_HTTP_PROXY_AUTHMETHOD", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"),
            *("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0", "GIT_EXEC_PATH"),
            *("GIT_AUTHOR_NAME", "GIT_COMMITTER_EMAIL", "GIT_CEILING_DIRECTORIES"),
        ),
        "x",
    )
    prompt = {"GIT_TERMINAL_PROMPT": "0"}
    assert git_environment(OTHERS | elsewhere | kept) == OTHERS | kept | prompt


# The tables themselves


@pytest.mark.parametrize("table", ["PYTHON", "PIP", "NODE", "NPM", "WRANGLER", "IDENTITY", "GIT"])
def test_each_rule_says_what_happens_and_why(table: str) -> None:
    for rule in getattr(module, table):
        assert rule.fate in (module.KEPT, module.DROPPED)
        assert rule.why
        assert rule.names == rule.names.upper()
        names = rule.names.split()
        # No rule is dead: an example of each pattern is decided by the rule that has it.
        for name in names:
            example = name.replace("*", "X").replace("?", "_")
            assert next(one for one in getattr(module, table) if one.fits(example)) is rule

"""The environment of processes that cfpy starts: the user's, without variables that do not apply
there.

A variable that is meant for the user's own programs (a debugger, another target folder, another
repository) breaks the processes that cfpy starts, or makes them change something else. For each
tool, the tables list which variables are dropped and which are kept, and why; the first rule that
matches decides. Variables without a rule are kept.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from cfpy.errors import UsageError
from cfpy.tools.credentials import ACCOUNT_ID, OLD_NAMES, TOKEN, stripped
from cfpy.tools.pip_settings import pip_settings
from cfpy.tools.proxies import read_proxies

KEPT, DROPPED = "kept", "dropped"


@dataclass(frozen=True)
class Rule:
    """A rule for some variables. ``names`` are patterns in capitals, separated by spaces."""

    names: str
    fate: str
    why: str

    def fits(self, name: str) -> bool:
        return _fits(self.names, name)


@functools.cache
def _fits(patterns: str, name: str) -> bool:
    """Asked for every rule and variable, each time that a process starts."""
    return any(fnmatchcase(name.upper(), pattern) for pattern in patterns.split())


PYTHON = (
    Rule("PYTHONINSPECT", DROPPED, "a failure would exit with status 0"),
    Rule("PYTHONWARNINGS", DROPPED, "with `error`, a tool fails on its own warnings"),
    Rule("PYTHONSTARTUP PYTHONBREAKPOINT", DROPPED, "for an interactive Python"),
    Rule(
        "PYTHONVERBOSE PYTHONDEBUG PYTHONPROFILEIMPORTTIME PYTHONMALLOCSTATS PYTHONDUMPREFS*",
        DROPPED,
        "mixes with the tool's output",
    ),
    Rule("PYTHONIOENCODING", DROPPED, "cfpy reads UTF-8"),
    Rule("PYTEST_ADDOPTS PYTEST_PLUGINS", DROPPED, "for the user's own tests"),
    Rule("PYTHONHOME PYTHONPLATLIBDIR", KEPT, "this Python was also started with it"),
)
PIP = (
    Rule("PIP_*", DROPPED, "see pip_settings.py, which adds the ones that apply"),
    Rule("PYTHONPATH", DROPPED, "a module in it may hide one of pip's"),
    Rule("__PYVENV_LAUNCHER__", DROPPED, "names another Python, on macOS"),
)
NODE = (
    Rule("NODE_PATH", DROPPED, "a module in it may hide one from the lock file"),
    Rule("NODE_DEBUG NODE_DEBUG_NATIVE DEBUG", DROPPED, "mixes with the tool's output"),
    Rule("NODE_V8_COVERAGE NODE_REDIRECT_WARNINGS", DROPPED, "writes into the user's folders"),
    Rule("NODE_ICU_DATA", DROPPED, "belongs to another Node"),
    Rule("NODE_CHANNEL_* NODE_UNIQUE_ID", DROPPED, "a channel of the Node that started cfpy"),
    Rule("VSCODE_INSPECTOR_OPTIONS", DROPPED, "a debugger would stop every Node process"),
    Rule("NODE_EXTRA_CA_CERTS NODE_TLS_* NODE_USE_*", KEPT, "certificates and the network"),
)
NPM = (
    Rule(
        "NPM_CONFIG_REGISTRY NPM_CONFIG_@* NPM_CONFIG_//* NPM_CONFIG__AUTH* NPM_CONFIG_ALWAYS_AUTH"
        " NPM_CONFIG_REPLACE_REGISTRY_HOST",
        KEPT,
        "where packages come from, and with which login",
    ),
    Rule(
        "NPM_CONFIG_PROXY NPM_CONFIG_HTTP?PROXY NPM_CONFIG_HTTPS?PROXY NPM_CONFIG_NO?PROXY"
        " NPM_CONFIG_NOPROXY NPM_CONFIG_CAFILE NPM_CONFIG_CA NPM_CONFIG_CERT NPM_CONFIG_KEY"
        " NPM_CONFIG_STRICT?SSL NPM_CONFIG_FETCH?* NPM_CONFIG_MAXSOCKETS"
        " NPM_CONFIG_LOCAL?ADDRESS NPM_CONFIG_OFFLINE NPM_CONFIG_PREFER?O*LINE",
        KEPT,
        "the connection to the registry",
    ),
    Rule("NPM_CONFIG_CACHE NPM_CONFIG_TMP", KEPT, "where downloads are kept"),
    Rule("NPM_CONFIG_USERCONFIG NPM_CONFIG_GLOBALCONFIG", KEPT, "where the settings above are"),
    Rule("NPM_CONFIG_*", DROPPED, "prefix, global, omit, dry-run and others: for other packages"),
)
WRANGLER = (
    Rule("WRANGLER_LOG", DROPPED, "`none` hides the output that cfpy reads, `debug` adds to it"),
)
#: For commands with cfpy's own credentials: wrangler prefers a global key to a token.
IDENTITY = (
    Rule("CLOUDFLARE_API_KEY CF_API_KEY CLOUDFLARE_EMAIL CF_EMAIL", DROPPED, "another identity"),
    Rule(
        "CF_API_TOKEN CF_ACCOUNT_ID CF_API_BASE_URL",
        DROPPED,
        "old names of variables that cfpy sets",
    ),
)
GIT = (
    Rule("GIT_SSH* GIT_SSL_* GIT_HTTP_* GIT_PROXY_* GIT_ASKPASS", KEPT, "the connection to a host"),
    Rule("GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG_NOSYSTEM", KEPT, "where settings are"),
    Rule("GIT_CONFIG_COUNT GIT_CONFIG_KEY_* GIT_CONFIG_VALUE_*", KEPT, "settings, mostly from CI"),
    Rule("GIT_AUTHOR_* GIT_COMMITTER_*", KEPT, "who commits"),
    Rule("GIT_EXEC_PATH", KEPT, "where git is"),
    Rule("GIT_CEILING_DIRECTORIES GIT_DISCOVERY_*", KEPT, "where git looks for a repository"),
    Rule("GIT_*", DROPPED, "GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE and others: another repository"),
)
# The options in NODE_OPTIONS that are kept: network, certificates, memory, and options for
# measuring. Everything else (a debugger, a loader, a permission) is for the user's own programs.
_NODE_OPTIONS = re.compile(
    r"--(use-(system|openssl|bundled)-ca|openssl-(config|legacy-provider|shared-config)"
    r"|tls-[a-z0-9.-]+|dns-result-order|(no-)?network-family-autoselection[a-z-]*"
    r"|use-env-proxy|max-http-header-size|max-(old|semi)-space-size[a-z-]*|enable-fips"
    r"|cpu-prof[a-z-]*|no-(warnings|deprecation))(=.*)?"
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PRELOADS = re.compile(r"(-r|--require|--import)(=(?P<file>.*))?")


def python_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """For a Python tool whose output cfpy reads."""
    return _following(PYTHON, environ)


def pip_environment(
    environ: Mapping[str, str], command: str, *, choosing: bool = True
) -> dict[str, str]:
    """For pip, with the settings from :func:`cfpy.tools.pip_settings.pip_settings`.

    Raises:
        UsageError: A configuration file of pip can't be read.
    """
    return {
        **_following((*PIP, *PYTHON), environ),
        **pip_settings(environ, command, choosing=choosing),
        "PIP_CONFIG_FILE": os.devnull,
        # Otherwise a module in the current folder could hide one of pip's.
        "PYTHONSAFEPATH": "1",
    }


def node_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """For Node, npm and wrangler."""
    child = _following((*NODE, *NPM, *WRANGLER), environ)
    options = node_options(child.pop("NODE_OPTIONS", ""))
    if options:
        child["NODE_OPTIONS"] = options
    # wrangler sends a token unchanged, including a line end from a file.
    for name in (TOKEN, ACCOUNT_ID, OLD_NAMES[TOKEN], OLD_NAMES[ACCOUNT_ID]):
        if name in child:
            child[name] = stripped(child[name])
    certificates = child.get("SSL_CERT_FILE", "")
    if certificates and "NODE_EXTRA_CA_CERTS" not in child and Path(certificates).is_file():
        # Node does not read the variable that Python, curl and OpenSSL read.
        child["NODE_EXTRA_CA_CERTS"] = certificates
    return child | _proxies_for_node(child)


def wrangler_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that :data:`WRANGLER` drops, for a wrangler that the user runs through cfpy."""
    kept = _following(WRANGLER, environ)
    return {name: value for name, value in environ.items() if name not in kept}


def git_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """For git: without variables that name another repository, and without prompts."""
    return _following(GIT, environ) | {"GIT_TERMINAL_PROMPT": "0"}


def without_identity(environ: Mapping[str, str]) -> dict[str, str]:
    """Without credentials, for callers that add their own."""
    return _following(IDENTITY, environ)


def node_options(given: str) -> str:
    """The options in ``given`` that are kept."""
    kept: list[str] = []
    words = _split(given)
    while words:
        option, values = words.pop(0), []
        while words and not words[0].startswith("-"):
            values.append(words.pop(0))
        if _NODE_OPTIONS.fullmatch(option):
            kept += [option, *values]
        elif found := _PRELOADS.fullmatch(option):
            # An existing file was named on purpose; a missing one would make every Node process
            # fail.
            files = [found["file"]] if found["file"] else values[:1]
            if files and Path(files[0]).is_absolute() and Path(files[0]).is_file():
                kept += [option, *values[:1]]
    return " ".join(_quoted(word) for word in kept)


def _split(options: str) -> list[str]:
    """Split like Node: at spaces, respecting double quotes and backslashes."""
    found = re.findall(r'((?:[^\s"]|"(?:\\.|[^"\\])*")+)', options)
    parts = (re.sub(r'"((?:\\.|[^"\\])*)"', lambda quoted: quoted[1], word) for word in found)
    return [re.sub(r"\\(.)", r"\1", part) if "\\" in part else part for part in parts]


def _quoted(word: str) -> str:
    if not re.search(r'[\s"\\]', word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _proxies_for_node(environ: Mapping[str, str]) -> dict[str, str]:
    """The proxies as wrangler and npm read them: they support neither ALL_PROXY nor addresses
    without a scheme. An unusable proxy stays as it is; it is refused where the network is used."""
    try:
        proxies = read_proxies(environ)
    except UsageError:
        return {}
    found = {"http_proxy": proxies.http, "https_proxy": proxies.https}
    # wrangler connects to its own processes through the proxy, too, unless no_proxy has them.
    needed = proxies.without and any(found.values())
    direct = ",".join((*proxies.without, *_LOOPBACK)) if needed else ""
    return ({"no_proxy": direct} if direct else {}) | {
        # Node's client has no scheme for a SOCKS proxy that resolves names: it always lets the
        # proxy do so.
        name: proxy.url.replace("socks5h://", "socks5://", 1)
        for name, proxy in found.items()
        if proxy is not None
    }


def _following(rules: Sequence[Rule], environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if next((rule.fate for rule in rules if rule.fits(name)), KEPT) == KEPT
    }

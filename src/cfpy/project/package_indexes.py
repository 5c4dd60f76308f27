"""Pyodide's package index: wheels for Workers that PyPI does not have.

pywrangler adds it to PyPI (``get_pyodide_index`` in workers-py 1.17.9, utils.py), by the version of
Python. It answers or it does not: a package is only reported as missing if the index was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cfpy.project.pylock import without_login
from cfpy.project.python_target import PythonTarget

#: Replaces the address of the index (a mirror); the version of Pyodide is added to it. With "off",
#: the index is not used.
VARIABLE = "CFPY_PYODIDE_INDEX"
_ADDRESS = "https://index.pyodide.org"
_OFF = "off"
_SECONDS = 10.0
# An index that answers with one of these statuses has not said which packages it has.
_NO_ANSWERS = frozenset({401, 403, 407, 408, 425, 429})


@dataclass(frozen=True)
class PyodideIndex:
    """The index for one Python. ``address`` may hold a login, and is empty if the index is not to
    be used; ``problem`` is why it could not be asked, empty if it answers."""

    address: str
    problem: str = ""

    @property
    def usable(self) -> bool:
        return bool(self.address) and not self.problem

    @property
    def shown(self) -> str:
        """The address without a login."""
        return without_login(self.address)

    @property
    def unasked(self) -> str:
        """A clause that says why it has not answered; empty if it has."""
        if self.usable:
            return ""
        if not self.address:
            return f"Pyodide's package index was not asked ({self.problem})"
        return f"Pyodide's package index {self.shown} could not be asked ({self.problem})"


def find_pyodide_index(target: PythonTarget, environ: Mapping[str, str]) -> PyodideIndex:
    """Ask the index for ``target`` whether it answers.

    Args:
        target: The Python that needs wheels.
        environ: The environment of pip: its proxy, certificates and ``no-index`` apply here, too.

    Raises:
        UsageError: ``CFPY_PYODIDE_INDEX``, or a variable for proxies or certificates, can't be
            used.
    """
    chosen = environ.get(VARIABLE, "").strip()
    if chosen.lower() == _OFF:
        return PyodideIndex("", f"{VARIABLE} is {_OFF}")
    if environ.get("PIP_NO_INDEX", "").lower() in ("1", "true", "yes", "on"):
        return PyodideIndex("", "pip is set to use no index")
    address = f"{(chosen or _ADDRESS).rstrip('/')}/{target.pyodide}"
    return PyodideIndex(address, _problem(address, environ))


def _problem(address: str, environ: Mapping[str, str]) -> str:
    # Slow to load, and rarely needed: a project's packages are there already.
    import httpx

    from cfpy.tools.http_client import HttpClient

    # Without an environment of its own, the client also finds the proxies of macOS.
    own = {**environ, **_connection(environ)} if _connection(environ) else None
    client = HttpClient(f"{address}/", source=VARIABLE, timeout=_SECONDS, environ=own)
    try:
        # Only the status counts: not every mirror lists all of its packages.
        status = client.get("").status_code
    except httpx.HTTPError as error:
        return client.describe(error)
    if status >= 500 or status in _NO_ANSWERS:
        return f"it answered with status {status}"
    return ""


def _connection(environ: Mapping[str, str]) -> dict[str, str]:
    """pip's settings for a connection, by the names that other programs read."""
    found = {}
    if certificates := environ.get("PIP_CERT"):
        found["SSL_CERT_FILE"] = certificates
    if proxy := environ.get("PIP_PROXY"):
        found |= dict.fromkeys(("http_proxy", "https_proxy"), proxy)
    return found

"""Tasks: `nox -s lint` and `nox -s tests`. CI runs both, in this order."""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "tests"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types, and the layers of docs/architecture."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite; arguments go to pytest."""
    session.run("pytest", *session.posargs)

"""Every error that cfpy reports, with its stable code and exit code.

A message describes what happened and where; ``hint`` is the next step. The command line prints both
and exits with ``exit_code``; ``--json`` prints ``code``. Scripts depend on codes and exit codes:
add new ones, never change existing ones.
"""

from __future__ import annotations

from pathlib import Path


class CfpyError(Exception):
    """Base of all expected failures.

    Args:
        message: What happened, and where. One sentence, no traceback.
        hint: What to do next. May contain a command to paste.
    """

    code = "error"
    exit_code = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(CfpyError):
    """The command line asks for something that can't be done, such as to replace a file that cfpy
    did not write."""

    code = "usage"
    exit_code = 2


class CancelledError(CfpyError):
    """Interrupted by Ctrl-C, or by Ctrl-D at a question.

    Args:
        outcome: What that means for a question: ``Nothing was changed.``
    """

    code = "interrupted"
    exit_code = 130

    def __init__(self, outcome: str) -> None:
        super().__init__("cancelled", hint=outcome)


class LocatedError(CfpyError):
    """Something is wrong with a file.

    Args:
        message: What is wrong.
        path: The file, if there is one.
        line: 1-based line in the file, where known.
        column: 1-based column in the line, where known.
        hint: What to do next.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str = "",
    ) -> None:
        where = "" if path is None else str(path)
        if where and line is not None:
            where += f":{line}" + (f":{column}" if column is not None else "")
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.path = path
        self.line = line
        self.column = column


class PatternError(LocatedError):
    """A pattern is unknown, invalid or untrusted, or an answer is not valid."""

    code = "pattern"
    exit_code = 3


class ToolNotFoundError(CfpyError):
    """Something that cfpy needs (Node, wrangler, a model) is missing or can't be installed."""

    code = "tool_not_found"
    exit_code = 4


class ToolTimeoutError(CfpyError):
    """A program that cfpy started did not finish in time, and was stopped. It may have succeeded:
    only its answer is lost.

    Args:
        program: Its name.
        seconds: How long cfpy waited for it.
        hint: What to do next.
    """

    code = "timeout"
    exit_code = 4

    def __init__(self, program: str, seconds: float, *, hint: str = "") -> None:
        super().__init__(
            f"{program} did not finish within {seconds:.0f} seconds",
            hint=hint or "Check the network connection and try again.",
        )


class NotAuthenticatedError(CfpyError):
    """Nobody is logged in to Cloudflare, or the token is not accepted."""

    code = "not_authenticated"
    exit_code = 5


class NotLoggedInError(NotAuthenticatedError):
    """Nobody is logged in to Cloudflare: there is no token at all."""


class CloudflareError(CfpyError):
    """Cloudflare's API can't be reached, or refused a request.

    Args:
        message: What happened.
        hint: What to do next.
        api_code: The API's error code, 0 if there is none.
        status: The answer's HTTP status, 0 if there was no answer.
    """

    code = "cloudflare"
    exit_code = 6

    def __init__(self, message: str, *, hint: str = "", api_code: int = 0, status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.api_code = api_code
        self.status = status


class WranglerError(CfpyError):
    """A wrangler command failed.

    Args:
        message: What was tried.
        argv: The command as it was run, with secrets redacted.
        returncode: Its exit status.
        output: Its last lines, ANSI codes stripped.
        hint: What to do next.
        api_code: The error code of Cloudflare's API, 0 if there is none.
        retry_after: Seconds to wait before a retry, if the API returned them.
        printed: Everything that it printed to standard output.
    """

    code = "wrangler"
    exit_code = 6

    def __init__(
        self,
        message: str,
        *,
        argv: tuple[str, ...],
        returncode: int,
        output: str,
        hint: str = "",
        api_code: int = 0,
        retry_after: float | None = None,
        printed: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.printed = printed
        self.argv = argv
        self.returncode = returncode
        self.output = output
        self.api_code = api_code
        self.retry_after = retry_after


class WranglerTimeoutError(WranglerError):
    """A wrangler command did not finish in time, and was stopped. Its answer is lost: it may have
    succeeded, which only the account can show."""


class PlanConflictError(CfpyError):
    """A resource exists in the account with other, unchangeable settings."""

    code = "plan_conflict"
    exit_code = 7


class ProjectError(LocatedError):
    """The project's files are missing or not valid."""

    code = "project"
    exit_code = 8


class LocalRuntimeError(CfpyError):
    """The local runtime could not start, or stopped by itself."""

    code = "local_runtime"
    exit_code = 9


class DeploymentError(CfpyError):
    """A new version is live, but its health check failed or was not possible."""

    code = "deployment"
    exit_code = 11


class RolledBackError(CfpyError):
    """Something was wrong with a new version, so the old one has all traffic again."""

    code = "rolled_back"
    exit_code = 12


class DeploymentChangedError(CfpyError):
    """Somebody else changed the deployment of the Worker meanwhile, so cfpy stopped."""

    code = "deployment_changed"
    exit_code = 14


class FilesystemError(CfpyError):
    """Writing failed: the disk is full, read-only, or permissions are missing."""

    code = "filesystem"
    exit_code = 10

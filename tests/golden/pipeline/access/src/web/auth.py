"""Who may call: people and machines that Cloudflare Access lets in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from access.tokens import Caller, Refusal, read_application
from web.http import Call, Headers
from web.problems import Problem
from web.settings import Variable

#: ``access.edge.admit``, or what stands in for it: a method, headers and variables.
Admit = Callable[[str, Headers, Variable], Awaitable[Caller]]


@dataclass(frozen=True)
class Access:
    """The Access application in front of the Worker."""

    admit: Admit
    variable: Variable

    async def identify(self, call: Call) -> Caller:
        """Who is calling; a 401 for nobody, a 403 for a page of another site."""
        try:
            return await self.admit(call.request.method, call.request.headers, self.variable)
        except Refusal as refusal:
            call.log["refused"] = refusal.reason
            raise _problem(refusal) from None

    def check(self) -> None:
        """Whether the Worker knows its application; a 503 if a variable is missing."""
        try:
            read_application(self.variable)
        except Refusal as refusal:
            raise _problem(refusal) from None


def _problem(refusal: Refusal) -> Problem:
    return Problem(refusal.status, refusal.code, refusal.detail, headers=refusal.headers)

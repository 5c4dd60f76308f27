"""Why Workers AI failed (developers.cloudflare.com/workers-ai/platform/errors)."""

import re

from web.problems import Problem

# Codes that an operator or a client can act on, and what to tell them.
_ERRORS: dict[str, tuple[int, str, str]] = {
    "3007": (504, "model-timeout", "The model took too long. Try again."),
    "3036": (503, "quota-exhausted", "The account's daily Workers AI allocation is used up."),
    "3040": (503, "model-busy", "The model has no capacity just now. Try again."),
    "5007": (500, "model-unavailable", "Workers AI has no model of the configured name."),
    "5028": (500, "model-unavailable", "A configured model has been retired: choose another."),
    "5035": (500, "model-unavailable", "A configured model needs a paid Workers plan."),
}
_CODE = re.compile(rf"\b({'|'.join(_ERRORS)})\b")


def ai_problem(message: str) -> Problem | None:
    """What to answer for an error with ``message``; ``None`` if it is not from Workers AI.

    The message itself stays in the log. Statuses of 503 and 504 go by themselves.
    """
    found = _CODE.search(message)
    if not found:
        return None
    status, code, detail = _ERRORS[found[1]]
    return Problem(status, code, detail, headers={"Retry-After": "10"} if status >= 503 else {})

"""How long a job waits after an error, and what its owner may know of it."""

from jobs.job import BadAnswer
from jobs.limits import CLOCK_SECONDS, DAY_SECONDS, FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS
from web.problems import Problem
from workers_ai.errors import ai_problem


def delay_seconds(attempts: int) -> int:
    """How long something rests that has failed ``attempts`` times: 10 s, 20 s, 40 s, ..., 1 h."""
    return int(min(FIRST_DELAY_SECONDS * 2 ** (attempts - 1), MAX_DELAY_SECONDS))


def wait_seconds(error: Exception, attempts: int, now: float) -> int:
    """How long a job waits that has failed ``attempts`` times, at last with ``error``.

    Args:
        error: Why it failed.
        attempts: How often it has.
        now: Unix seconds.
    """
    if isinstance(error, Problem):
        problem: Problem | None = error
    else:
        problem = None if isinstance(error, OSError) else ai_problem(str(error))
    if problem is None or problem.code != "quota-exhausted":
        return delay_seconds(attempts)
    # Used up for the day (UTC), unless the day has just begun: then clocks may differ.
    today = int(now) % DAY_SECONDS
    return CLOCK_SECONDS + (DAY_SECONDS - today if today > CLOCK_SECONDS else 0)


def explain(error: Exception, service_error: type[Exception]) -> str:
    """What a job's owner may know of an error that may pass. The log has all of it.

    Args:
        error: Why an attempt failed.
        service_error: What Cloudflare's services raise: all else is an error of this program.
    """
    if isinstance(error, TimeoutError):
        return "The job took too long, and continues later."
    if isinstance(error, OSError):
        # The runtime's own words may have the whole address, which may hold somebody's signature.
        why = error if isinstance(error, ConnectionError) else "its server can't be reached"
        return f"The file could not be fetched: {why}."
    if isinstance(error, BadAnswer):
        return f"The model's answer {error}."
    if isinstance(error, Problem):
        return error.detail
    problem = ai_problem(str(error))
    if problem:
        return problem.detail
    if isinstance(error, service_error):
        return "A Cloudflare service failed."
    return "Something went wrong in the Worker: its log shows the error."

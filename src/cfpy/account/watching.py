"""Watches a new version while it has a part of the traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cfpy.account.error_rates import Counts, too_many_errors
from cfpy.account.health import Answer, Clock

# A single bad answer may be the network's.
_STRIKES = 3
_ASK_SECONDS = 10.0
# Figures arrive after a minute or so, and change slowly.
_COUNT_SECONDS = 30.0
_ROUNDS = 4


@dataclass(frozen=True)
class NewVersion:
    """What there is to watch. ``health`` asks the new version, and is ``None`` if it has no known
    address; ``counts`` gives the requests and errors of all versions, or why it can't. ``look``
    raises if there is nothing to watch any more."""

    new: str
    base: str
    health: Callable[[], Answer] | None
    counts: Callable[[], Mapping[str, Counts] | str]
    look: Callable[[], None]


@dataclass(frozen=True)
class Verdict:
    """``sick`` is what is wrong with the new version, empty if nothing is. ``said`` describes what
    was seen; ``seen`` is whether anything was: a good answer, or a request."""

    sick: str
    said: str
    seen: bool = True


def watch(
    watched: NewVersion, seconds: float, clock: Clock, progress: Callable[[str], None]
) -> Verdict:
    """Ask until the time is over, or something is wrong.

    Args:
        watched: The version.
        seconds: How long.
        clock: Tells the time and waits.
        progress: Called with what was seen, and the seconds left.
    """
    end = clock.now() + seconds
    pause, between = min(_ASK_SECONDS, seconds / _ROUNDS), min(_COUNT_SECONDS, seconds / _ROUNDS)
    strikes, health, figures, next_count = 0, "", "", clock.now() + between
    seen = False
    while True:
        left = end - clock.now()
        watched.look()
        if watched.health:
            answer = watched.health()
            health = f"its health check: {answer.said}"
            # A host that is not in DNS from here tells nothing about the version.
            seen = seen or answer.healthy
            strikes = strikes + 1 if answer.resolved and not answer.healthy else 0
        if left <= 0 or clock.now() >= next_count:
            next_count = clock.now() + between
            counts = watched.counts()
            figures = _figures(watched, counts)
            if not isinstance(counts, str):
                pair = _pair(watched, counts)
                seen = seen or pair[0].requests > 0
                if too_many_errors(*pair):
                    return Verdict(figures, figures)
        said = "; ".join(part for part in (health, figures) if part)
        if strikes >= _STRIKES or (strikes and left <= 0):
            return Verdict(health, said)
        if left <= 0:
            return Verdict("", said, seen)
        progress(f"Watching for {left:.0f} s: {said or 'no figures yet'}")
        clock.sleep(max(0.0, min(pause, left)))


def _pair(watched: NewVersion, counts: Mapping[str, Counts]) -> tuple[Counts, Counts]:
    return counts.get(watched.new, Counts()), counts.get(watched.base, Counts())


def _figures(watched: NewVersion, counts: Mapping[str, Counts] | str) -> str:
    if isinstance(counts, str):
        return f"no error rate: {counts}"
    new, old = _pair(watched, counts)
    return f"{new}, the old version {old}"

"""A fault in a configuration. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A fault. ``broken`` if the Worker can't run with it; otherwise it works, but should be
    changed."""

    broken: bool
    message: str
    fix: str

    @property
    def sentences(self) -> str:
        """The fault and its fix, in one line."""
        return f"{self.message}. {self.fix}"

"""The error for a configuration that wrangler, or Miniflare, does not start with."""

from __future__ import annotations

import re

from cfpy.errors import ProjectError
from cfpy.local.traces import in_own_file
from cfpy.local.wrangler_output import ABOUT_CONFIGURATION, Said


def refused(text: str) -> ProjectError:
    """The error. ``text`` has the reasons, perhaps below wrangler's line that names the file."""
    message = re.sub(r"\AProcessing (.+) configuration:\n", r"wrangler refuses \1:\n", text)
    return ProjectError(message.rstrip(), hint="Fix the configuration and start again.")


class Refusal:
    """Collects what ``wrangler dev`` prints about a configuration, ``config``, before it gives up:
    one error for all ``lines``."""

    def __init__(self, config: str) -> None:
        self._config = config
        self.lines: list[str] = []

    def takes(self, said: Said) -> bool:
        """Whether a line is a part of it."""
        first, _, rest = said.text.partition("\n")
        begins = first == ABOUT_CONFIGURATION
        if said.level != "error" or not (begins or (self.lines and first.startswith(" "))):
            return False
        text = in_own_file(rest if begins else said.text, self._config)
        self.lines += [line.removeprefix("  ") for line in text.splitlines()]
        return True

    @property
    def error(self) -> ProjectError:
        """The error for the lines."""
        return refused("\n".join([f"wrangler refuses {self._config}:", *self.lines]))

"""Reads the output of ``wrangler dev``, line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# How wrangler 4.164.0 marks its errors and warnings, including those of the Worker's console.
_MARK = re.compile(r"^(?P<indent>\s*)(?:[✘▲]|X)\s*\[(?P<level>ERROR|WARNING)\]\s?(?P<text>.*)")
# Lines that are hidden: wrangler's table of all modules, and hints that do not help here.
_ASIDE = re.compile(
    r"[│┌├└]|Attaching additional modules|Total \(|.*If you think this is a bug"
    r"|.*Logs were written to|Using secrets defined in"
    # Frames of what wrangler wraps around a Worker.
    r"|\s+at .*/(wrangler/templates/middleware/|middleware-loader\.entry\.ts:)"
    r"|\S+ is sending Tail events to the following Workers:|- \S+-cfpy-page\S* \["
    r"|Service bindings, Durable Object bindings, and Tail consumers connect to other"
    # cfpy has its own banner, with the address of each cron trigger, and finds unknown keys and
    # missing secrets.
    r"|⎔ (Starting|Shutting down) local server|─+$|No bindings found\.$"
    r"|Scheduled Workers are not automatically triggered|\s*- Unexpected fields found in "
    r"|Missing required secrets: .*\. Add them to \.dev\.vars, \.env, or "
    # After a failed start: wrangler's guess, and workerd's lines again, as JSON.
    r"|The Workers runtime failed to start\. There was likely|\s*Runtime stderr:$"
    r'|\s*\{"timestamp":"\d+","level":|\*\*\* Uncaught exception \*\*\*$'
    # workerd, to its authors, about an error in a stream that it has reported.
    r"|NOSENTRY reporting trace with exception outcome"
)
# A line that is hidden, while the reason below it is not.
_HEADLINE = re.compile(r"\*\*\* Uncaught exception \*\*\*$")
# The table of bindings: cfpy has its own, on the page.
_BINDINGS = re.compile(r"(Your Worker|\S+) has access to the following bindings:")
# What follows it. The value of a variable in it may have any lines.
_BELOW_TABLE = re.compile("⎔|\\[wrangler:|\\[custom build\\]|.*Ready on https?://")
# What the project's own build prints. wrangler also marks empty lines.
_BUILD = re.compile(r"\[custom build\] (?P<text>.*)")
_READY = re.compile(r"Ready on (https?://\S+)")
_REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*) (?P<status>\d{3}) .*\((?P<ms>\d+)ms\)")
_RELOAD = re.compile("⎔ (Reloading local server\\.\\.\\.|(?P<done>Local server updated and ready))")
_OWN = re.compile(r"\[wrangler:(?P<level>\w+)\] (?P<text>.*)")
# What it finds in the derived configuration comes below this line.
#: How such a line begins.
ABOUT_CONFIGURATION = "wrangler, about the configuration:"
_PROCESSING = re.compile(r"Processing \S+ configuration:$")
# A path as esbuild shows it, relative to the derived configuration: ../../src/index.js:1:14
_PATH = re.compile(r"^(\s*)\.\./\.\./(\S+:\d+:\d+)")
# A failed custom build is shown as a dump of the whole JavaScript error.
_DUMP = re.compile(r"\[Error\]: Process exited with non-zero status \((\d+)\)")
# How the dump of esbuild begins, as it sometimes ends with a wrangler that fails: it hides the
# reason, which comes before it.
_ASLEEP = "fatal error: all goroutines are asleep"
# An exception that no handler caught. wrangler shows those of one Worker of several, which may be
# any of them; the Worker in front reports all, marked.
_UNCAUGHT = re.compile(r"Uncaught [\w$.]+(:|$)")
_REPORTED = "cfpy: "
# After these lines it waits for an edit.
_NOT_BUILT = re.compile(r"Build failed with \d+ error|Running custom build `.*` failed")
_LEVELS = {"ERROR": "error", "WARNING": "warning"}
_OWN_LEVELS = {"error": "error", "warn": "warning"}


@dataclass(frozen=True)
class Ready:
    """It listens at ``url``."""

    url: str


@dataclass(frozen=True)
class Request:
    """It answered a request, in ``ms`` milliseconds."""

    method: str
    path: str
    status: int
    ms: int


@dataclass(frozen=True)
class Reload:
    """It starts the Worker again, or has done so."""

    done: bool


@dataclass(frozen=True)
class Said:
    """A line of a log; ``level`` is ``log``, ``warning`` or ``error``."""

    level: str
    text: str


@dataclass
class WranglerOutput:
    """Parses the lines of one ``wrangler dev``. ``not_built`` is whether it waits for an edit
    because the Worker could not be built."""

    not_built: bool = False
    _level: str = field(default="error", init=False)
    _own: str = field(default="log", init=False)
    _skips: bool = field(default=False, init=False)
    _in_table: bool = field(default=False, init=False)
    _head: str = field(default="", init=False)

    def read(self, line: str, *, on_stderr: bool) -> Ready | Reload | Request | Said | None:
        """The event in a line; ``None`` if the line does not matter."""
        if on_stderr:
            if not line.strip() or _ASIDE.match(line):
                return None
            said = self._complaint(line)
            if said and _PROCESSING.match(said.text):
                self._head = f"{ABOUT_CONFIGURATION}\n"
                return None
            head, self._head = self._head, ""
            # What is about the configuration is indented.
            if said and head and said.text.startswith(" "):
                return Said(said.level, head + said.text)
            return said
        below = _BELOW_TABLE.match(line)
        self._in_table = bool(_BINDINGS.match(line) or (self._in_table and not below))
        if self._in_table or not line.strip() or _ASIDE.match(line):
            return None
        if found := _BUILD.match(line):
            text = found["text"].rstrip()
            return Said("log", f"[build] {text}") if text else None
        if found := _READY.search(line):
            self.not_built = False
            return Ready(found[1].rstrip("/") + "/")
        if found := _RELOAD.fullmatch(line.strip()):
            return Reload(done=found["done"] is not None)
        if found := _REQUEST.search(line):
            return Request(found["method"], found["path"], int(found["status"]), int(found["ms"]))
        if found := _OWN.match(line):
            self._own = _OWN_LEVELS.get(found["level"], "log")
            return Said(self._own, found["text"])
        if not line.startswith(" "):
            self._own = "log"
        return Said(self._own, line)

    def _complaint(self, line: str) -> Said | None:
        text = line
        if found := _MARK.match(line):
            # The lines after a marked line belong to it.
            self._level = _LEVELS[found["level"]]
            text = found["indent"] + found["text"].removeprefix(_REPORTED)
            aside = _ASIDE.match(found["text"])
            headline = _HEADLINE.match(found["text"])
            self._skips = bool(_UNCAUGHT.match(found["text"]) or (aside and not headline))
            if headline:
                return None
        self._skips = self._skips or text.startswith(_ASLEEP)
        if self._skips:
            return None
        if found := _DUMP.search(text):
            self._skips = True
            return Said("error", f"The build failed with status {found[1]}.")
        if _NOT_BUILT.search(text):
            self.not_built = True
        return Said(self._level, _PATH.sub(r"\1\2", text.rstrip()))

"""A wrangler without a process: it takes what the real one takes, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfpy.account.wrangler import Wrangler
from cfpy.tools.process import Completed
from cfpy.tools.toolchain import Node

CONFIG = Path("/app/wrangler.toml")
# What `wrangler COMMAND --help` of 4.164.0 has of options, but for --config and --env, which each
# has, and how many words come before them.
GRAMMAR: dict[str, tuple[int, set[str]]] = {
    "d1 create": (1, {"location", "jurisdiction"}),
    "d1 delete": (1, {"skip-confirmation"}),
    "d1 migrations apply": (1, {"local", "remote", "persist-to"}),
    "kv namespace create": (1, {"jurisdiction"}),
    "kv namespace delete": (0, {"namespace-id", "skip-confirmation"}),
    "r2 bucket create": (1, {"location", "jurisdiction"}),
    "r2 bucket delete": (1, {"jurisdiction"}),
    "r2 bucket cors set": (1, {"file", "force", "jurisdiction"}),
    "r2 bucket lifecycle set": (1, {"file", "force", "jurisdiction"}),
    "queues create": (1, {"jurisdiction"}),
    "queues delete": (1, set()),
    "queues consumer remove": (2, set()),
    "vectorize create": (1, {"dimensions", "metric"}),
    "vectorize create-metadata-index": (1, {"property-name", "type"}),
    "vectorize delete": (1, {"force"}),
    "secret bulk": (0, set()),
    "deploy": (0, {"x-provision", "dry-run", "outdir", "tag", "message"}),
    "versions upload": (0, {"x-provision", "tag", "message"}),
    "versions deploy": (2, {"y", "message"}),
    "rollback": (1, {"name", "message", "y"}),
    "delete": (0, {"name"}),
    "auth token": (0, {"json"}),
}
_TAKE_A_VALUE = {"--config", "--env", "--persist-to", "--outdir", "--name", "--message", "--tag"}


@dataclass
class Call:
    """One run of wrangler: the command, its words, its options, and what else it was given."""

    command: str
    words: list[str]
    options: dict[str, str]
    env: Mapping[str, str]
    stdin: str
    files: dict[str, Any] = field(default_factory=dict)


@dataclass
class StrictWrangler:
    """A runner of a wrangler that takes what the real one takes, and nothing else."""

    status: int = 0
    stdout: str = ""
    stderr: str = ""
    events: str = ""
    calls: list[Call] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        assert list(argv[:2]) == ["/node", "/wrangler.js"]
        assert cwd == Path("/app")
        assert env is not None
        assert timeout, "a wrangler that hangs would be waited for without end"
        self.calls.append(self._read(list(argv[2:]), env, stdin or ""))
        if self.events:
            Path(env["WRANGLER_OUTPUT_FILE_PATH"]).write_text(self.events, "utf-8")
        return Completed(tuple(argv), self.status, self.stdout, self.stderr)

    @staticmethod
    def _read(arguments: list[str], env: Mapping[str, str], stdin: str) -> Call:
        words = [command.split() for command in GRAMMAR]
        [command] = [item for item in words if arguments[: len(item)] == item]
        count, known = GRAMMAR[" ".join(command)]
        rest = arguments[len(command) :]
        plain: list[str] = []
        options: dict[str, str] = {}
        while rest:
            word = rest.pop(0)
            if not word.startswith("-"):
                plain.append(word)
                continue
            name, _, value = word.partition("=")
            options[name] = rest.pop(0) if name in _TAKE_A_VALUE and not value else value
        assert len(plain) == count, arguments
        given = {name.lstrip("-").removeprefix("no-") for name in options}
        assert given <= known | {"config", "env"}, arguments
        files = {}
        if "--file" in options:
            files[options["--file"]] = json.loads(Path(options["--file"]).read_text("utf-8"))
        return Call(" ".join(command), plain, options, env, stdin, files)


class Tools:
    """A toolchain that is there."""

    node = Node(Path("/node"), ("/npm",))

    def wrangler(self, _project: Path, *, stays: bool = False) -> tuple[str, ...]:
        return "/node", "/wrangler.js"

    def environment(self) -> dict[str, str]:
        return {"HOME": "/home", "CLOUDFLARE_API_KEY": "a global key", "CI": "1"}


def wrangler(runner: StrictWrangler, **options: Any) -> Wrangler:
    tools: Any = Tools()
    given = {"config": CONFIG, "environment": "staging", **options}
    return Wrangler(runner, tools, Path("/app"), **given)

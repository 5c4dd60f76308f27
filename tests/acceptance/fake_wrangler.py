"""A wrangler that changes the stand-in for Cloudflare's API by itself: no process, no waiting.

For tests of what cfpy says, where what wrangler does is not the question. It takes the commands
that it knows and no other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cfpy.tools.process import Completed
from cloudflare_api import ACCOUNT, CloudflareApi, RefusedError


class FakeWrangler:
    """A :class:`cfpy.tools.process.Runner` for wrangler of the Worker ``script``."""

    def __init__(self, api: CloudflareApi, script: str) -> None:
        self.api = api
        self.script = script
        # Whether `auth token` knows somebody, and rollbacks work.
        self.token = ""
        self.rolls_back = True
        self.calls: list[tuple[str, ...]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        if not str(argv[1]).endswith("wrangler.js"):
            return Completed(tuple(argv), 0, "1.0", "")
        arguments = tuple(argv[2:])
        self.calls.append(arguments)
        events: list[dict[str, Any]] = []
        try:
            said, returncode = self._run(arguments, stdin or "", events), 0
        except RefusedError as refused:
            events.append({"type": "command-failed", "code": refused.code})
            said, returncode = str(refused), 1
        if env and "WRANGLER_OUTPUT_FILE_PATH" in env:
            lines = "\n".join(json.dumps(event) for event in events)
            Path(env["WRANGLER_OUTPUT_FILE_PATH"]).write_text(lines)
        output = ("", said) if returncode else (said, "")
        return Completed(tuple(argv), returncode, *output)

    def _run(self, arguments: tuple[str, ...], stdin: str, events: list[dict[str, Any]]) -> str:
        match arguments:
            case ("auth", "token", *_):
                return json.dumps({"type": "api_token", "token": self.token} if self.token else {})
            case ("d1", "create", name, *_):
                self._ask("POST", "d1/database", {"name": name})
            case ("r2", "bucket", "create", name, *_):
                self._ask("POST", "r2/buckets", {"name": name})
            case ("secret", "bulk", *_):
                self.api.scripts.setdefault(self.script, [])
                secrets = {
                    name: {"name": name, "text": text, "type": "secret_text"}
                    for name, text in json.loads(stdin).items()
                }
                path = f"workers/scripts/{self.script}/secrets-bulk"
                self._ask("PATCH", path, {"secrets": secrets})
            case ("deploy", "--dry-run", *_):
                pass
            case ("deploy", *_):
                events.append(self._deploy())
            case ("rollback", version, *options):
                if not self.rolls_back:
                    raise RefusedError(400, 10001, "It was told to fail")
                self.api.live[self.script] = version
                self.api.messages[self.script] = options[options.index("--message") + 1]
            case ("delete", *_):
                self._ask("DELETE", f"workers/services/{self.script}", None)
            case ("r2", "bucket", "delete", name, *_):
                self._ask("DELETE", f"r2/buckets/{name}", None)
            case ("d1", "delete", name, *_):
                self._ask("DELETE", f"d1/database/{name}", None)
            case _:
                raise AssertionError(f"unknown: wrangler {' '.join(arguments)}")
        return ""

    def _deploy(self) -> dict[str, Any]:
        self.api.versions += 1
        version = f"00000000-0000-0000-0000-{self.api.versions:012d}"
        self.api.live[self.script] = version
        self.api.messages.pop(self.script, None)
        return {"type": "deploy", "version_id": version, "targets": []}

    def _ask(self, method: str, path: str, body: Any) -> None:
        self.api.answer(method, f"accounts/{ACCOUNT}/{path}", {}, body)

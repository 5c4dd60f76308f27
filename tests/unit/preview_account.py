"""A wrangler and a git without processes, for previews: wrangler changes the stand-in for
Cloudflare's API by the requests of the real one, each of which can fail once, or be the last."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from cfpy.tools.process import Completed
from cloudflare_api import ACCOUNT, CloudflareApi, RefusedError


class Killed(BaseException):
    """The run ended here."""


@dataclass(frozen=True)
class Fault:
    """What happens to one request: an answer, or the end of the run; ``applied`` is whether it
    takes effect."""

    status: int
    applied: bool

    @property
    def name(self) -> str:
        return f"{self.status or 'killed'}{', applied' if self.applied else ''}"


FAULTS = [
    Fault(status, applied)
    for status, applied in ((403, False), (500, False), (500, True), (0, False), (0, True))
]


@dataclass
class PreviewTools:
    """A runner of wrangler and of git. ``git`` has what its commands print, by their words;
    ``refused`` are paths that the API never changes."""

    environments: ClassVar = ("",)
    api: CloudflareApi
    git: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    fault: tuple[int, Fault] | None = None
    mutations: list[str] = field(default_factory=list)
    dead: bool = False

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> Completed:
        if argv[0] == "git":
            said = self.git.get(" ".join(argv[1:]))
            return Completed(tuple(argv), 1 if said is None else 0, said or "", "")
        assert list(argv[:2]) == ["/node", "/wrangler.js"]
        assert cwd is not None
        assert env is not None
        assert timeout
        if self.dead:
            raise Killed
        words = list(argv[2:])
        config = Path(words[words.index("--config") + 1])
        assert words[words.index("--env") + 1] in self.environments
        document = json.loads(config.read_text()) if config.suffix == ".json" else {}
        events: list[dict[str, Any]] = []
        try:
            self._wrangler(words, document, config.parent, env, stdin, events)
            code, said = 0, ""
        except RefusedError as error:
            events.append({"type": "command-failed", "code": error.code})
            code, said = 1, str(error)
        if file := env.get("WRANGLER_OUTPUT_FILE_PATH"):
            Path(file).write_text("\n".join(map(json.dumps, events)))
        return Completed(tuple(argv), code, "", said)

    def _wrangler(
        self,
        words: list[str],
        config: dict[str, Any],
        root: Path,
        env: Mapping[str, str],
        stdin: str | None,
        events: list[dict[str, Any]],
    ) -> None:
        match words:
            case ["deploy", "--dry-run", *_]:
                assert (root / config["main"]).is_file()
            case ["deploy", "--no-x-provision", *_]:
                assert env["WRANGLER_CI_OVERRIDE_NAME"] == config["name"]
                events.append(self._deploy(config, root))
            case ["secret", "bulk", *_]:
                self._secrets(config["name"], json.loads(stdin or ""))
            case ["d1", "create", name, *_]:
                self._ask("POST", "d1/database", {"name": name})
            case ["d1", "migrations", "apply", binding, *_]:
                self._migrate(config, root, binding)
            case ["kv", "namespace", "create", title, *_]:
                self._ask("POST", "storage/kv/namespaces", {"title": title})
            case ["r2", "bucket", "create", name, *_]:
                self._ask("POST", "r2/buckets", {"name": name})
            case ["queues", "create", name, *_]:
                self._ask("POST", "queues", {"queue_name": name})
            case ["vectorize", "create", name, dimensions, metric, *_]:
                value = {"dimensions": int(dimensions[13:]), "metric": metric[9:]}
                self._ask("POST", "vectorize/v2/indexes", {"name": name, "config": value})
            case ["vectorize", "create-metadata-index", name, prop, kind, *_]:
                body = {"propertyName": prop[16:], "indexType": kind[7:]}
                self._ask("POST", f"vectorize/v2/indexes/{name}/metadata_index/create", body)
            case ["delete", "--name", name, *_]:
                self._ask("DELETE", f"workers/services/{name}")
            case ["d1", "delete", id_, *_]:
                self._ask("DELETE", f"d1/database/{id_}")
            case ["kv", "namespace", "delete", id_, *_]:
                self._ask("DELETE", f"storage/kv/namespaces/{id_[15:]}")
            case ["r2", "bucket", "delete", name, *_]:
                self._ask("DELETE", f"r2/buckets/{name}")
            case ["r2", "object", "delete", path, "--remote", *_]:
                bucket, _, key = path.partition("/")
                self._ask("DELETE", f"r2/buckets/{bucket}/objects/{key}")
            case ["queues", "delete", name, *_]:
                self._ask("DELETE", f"queues/{self.api.queues[name]}")
            case ["queues", "consumer", "remove", name, _, *_]:
                id_ = self.api.queues[name]
                self._ask("DELETE", f"queues/{id_}/consumers/c-{id_}")
            case ["vectorize", "delete", name, *_]:
                self._ask("DELETE", f"vectorize/v2/indexes/{name}")
            case _:
                raise AssertionError(f"unknown: wrangler {words}")

    def _secrets(self, worker: str, values: dict[str, str]) -> None:
        if worker not in self.api.scripts:
            self._ask("PUT", f"workers/scripts/{worker}", {"bindings": []})
        secrets = {
            name: {"name": name, "text": text, "type": "secret_text"}
            for name, text in values.items()
        }
        self._ask("PATCH", f"workers/scripts/{worker}/secrets-bulk", {"secrets": secrets})

    def _migrate(self, config: dict[str, Any], root: Path, binding: str) -> None:
        [table] = [item for item in config["d1_databases"] if item["binding"] == binding]
        path = f"d1/database/{table['database_id']}/query"
        ours = (
            "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, "
            "name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)"
        )
        self._ask("POST", path, {"sql": ours})
        listed = self._ask("POST", path, {"sql": "SELECT name FROM d1_migrations"}, reads=True)
        done = {row["name"] for row in listed["result"][0]["results"]}
        for file in sorted((root / table.get("migrations_dir", "migrations")).glob("*.sql")):
            if file.name not in done:
                note = f"INSERT INTO d1_migrations (name) VALUES ('{file.name}')"
                self._ask("POST", path, {"sql": f"{file.read_text()};\n{note}"})

    def _deploy(self, config: dict[str, Any], root: Path) -> dict[str, Any]:
        assert (root / config["main"]).is_file()
        name = config["name"]
        bindings = [
            {"name": key, "type": "plain_text", "text": text}
            for key, text in config.get("vars", {}).items()
        ]
        for table, kind, keys in (
            ("d1_databases", "d1", {"id": "database_id"}),
            ("kv_namespaces", "kv_namespace", {"namespace_id": "id"}),
            ("r2_buckets", "r2_bucket", {"bucket_name": "bucket_name"}),
            ("vectorize", "vectorize", {"index_name": "index_name"}),
        ):
            for item in config.get(table, []):
                target = {key: item[of] for key, of in keys.items()}
                bindings.append({"name": item["binding"], "type": kind, **target})
        queues = config.get("queues", {})
        for item in queues.get("producers", []):
            found = {"name": item["binding"], "type": "queue", "queue_name": item["queue"]}
            bindings.append(found)
        body = {"compatibility_date": config["compatibility_date"], "bindings": bindings}
        self._ask("PUT", f"workers/scripts/{name}", body)
        for item in queues.get("consumers", []):
            id_ = self.api.queues[item["queue"]]
            body = {"type": "worker", "script_name": name, "settings": {}}
            if dead := item.get("dead_letter_queue"):
                body["dead_letter_queue"] = dead
            known = item["queue"] in self.api.consumers
            path = f"queues/{id_}/consumers"
            self._ask("PUT" if known else "POST", f"{path}/c-{id_}" if known else path, body)
        live = self.api.live.get(name, "a-version")  # Another run may have deleted it.
        return {"type": "deploy", "version_id": live, "targets": [f"https://{name}.test.dev"]}

    def _ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        reads: bool = False,
        query: dict[str, str] | None = None,
    ) -> Any:
        if self.dead:
            raise Killed
        if path in self.refused:
            raise RefusedError(409, 10100, "It is locked")
        fault = None
        if not reads:
            self.mutations.append(f"{method} {path}")
            if self.fault and self.fault[0] == len(self.mutations):
                fault = self.fault[1]
        if fault is None or fault.applied:
            address = resolved(f"accounts/{ACCOUNT}/{path}")
            done = self.api.answer(method, address, query or {}, body)
        if fault is None:
            return done
        if fault.status == 0:
            self.dead = True
            raise Killed
        raise RefusedError(fault.status, 10000 if fault.status == 403 else 10001, "It must fail")


def resolved(path: str) -> str:
    """What the URL parser of wrangler's `fetch` makes of a path (url.spec.whatwg.org)."""
    path = re.split("[?#]", re.sub("[\\t\\r\\n]", "", path))[0]
    segments = re.split(r"[/\\]", path)
    found: list[str] = []
    for number, segment in enumerate(segments):
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            found[-1:] = []
        elif dots != ".":
            found.append(segment)
        if dots in (".", "..") and number == len(segments) - 1:
            found.append("")
    return "/".join(found)

"""A project and an account with data, and a wrangler for backups, without processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudflare_data import Stored

from account_in_process import InProcess
from cfpy.account.backups.create import Backup, CreateRequest, create
from cfpy.account.backups.restore import Restored, RestoreRequest, Undo, restore
from cfpy.errors import CfpyError
from cfpy.tools.context import Context
from cfpy.tools.git import Git
from cloudflare_api import CloudflareApi
from preview_account import Fault, Killed, PreviewTools
from wrangler_in_process import Tools

CONFIG = """\
name = "shop"
main = "entry.js"
compatibility_date = "2026-09-01"

[[d1_databases]]
binding = "DB"
database_name = "db"
database_id = "{db}"

[[kv_namespaces]]
binding = "CACHE"
id = "{cache}"

[[r2_buckets]]
binding = "FILES"
bucket_name = "files"

[[vectorize]]
binding = "INDEX"
index_name = "index"
"""
ROWS = """
CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents (id), name TEXT);
INSERT INTO parents VALUES (1, 'a;
b'), (2, 'c');
INSERT INTO children VALUES (1, 1, 'x''y'), (2, 2, NULL);
CREATE INDEX by_parent ON children (parent);
"""
OTHER_ROWS = """
CREATE TABLE parents (id INTEGER PRIMARY KEY);
CREATE TABLE children (id INTEGER PRIMARY KEY, parent NOT NULL REFERENCES parents (id));
CREATE TABLE grandchildren (id INTEGER PRIMARY KEY, child REFERENCES children (id));
INSERT INTO parents VALUES (7);
INSERT INTO children VALUES (8, 7);
INSERT INTO grandchildren VALUES (9, 8);
"""


class BackupTools(PreviewTools):
    """A runner of the wrangler of backups, which asks what the real one asks."""

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
            case ["d1", "export", binding, "--remote", output, "--skip-confirmation", *_]:
                self._export(self._database(root, binding), Path(output[9:]))
            case ["d1", "execute", binding, "--remote", "--yes", file, *_]:
                self._import(self._database(root, binding), Path(file[7:]))
            case ["d1", "time-travel", "restore", binding, "--json", mark, *_]:
                path = f"{self._database(root, binding)}/time_travel/restore"
                self._ask("POST", path, query={"bookmark": mark[11:]})
            case ["kv", "bulk", "put", file, namespace, "--remote", *_]:
                pairs = json.loads(Path(file).read_text())
                path = f"storage/kv/namespaces/{namespace[15:]}/bulk"
                self._ask("PUT", path, pairs)
            case ["r2", "bulk", "put", bucket, "--remote", file, "--force", *options]:
                headers = dict(option[2:].split("=", 1) for option in options if "=" in option)
                for item in json.loads(Path(file[11:]).read_text()):
                    body = {"content": Path(item["file"]).read_bytes(), **headers}
                    self._ask("PUT", f"r2/buckets/{bucket}/objects/{item['key']}", body)
            case ["vectorize", "upsert", name, file, *_]:
                lines = Path(file[7:]).read_text().splitlines()
                body = {"vectors": [json.loads(line) for line in lines]}
                self._ask("POST", f"vectorize/v2/indexes/{name}/upsert", body)
            case _:
                super()._wrangler(words, config, root, env, stdin, events)

    def _database(self, root: Path, binding: str) -> str:
        tables = tomllib.loads((root / "wrangler.toml").read_text())["d1_databases"]
        [id_] = [item["database_id"] for item in tables if item["binding"] == binding]
        return f"d1/database/{id_}"

    def _export(self, path: str, output: Path) -> None:
        self._ask("POST", f"{path}/export", {"output_format": "polling"})
        body = {"output_format": "polling", "current_bookmark": "m"}
        done = self._ask("POST", f"{path}/export", body)["result"]
        output.write_bytes(self.api.data.files[done["result"]["filename"][:-4]])

    def _import(self, path: str, file: Path) -> None:
        content = file.read_bytes()
        etag = hashlib.md5(content).hexdigest()
        begun = self._ask("POST", f"{path}/import", {"action": "init", "etag": etag})["result"]
        self.api.data.files[begun["filename"]] = content
        body = {"action": "ingest", "filename": begun["filename"], "etag": etag}
        done = self._ask("POST", f"{path}/import", body)["result"]
        assert done["status"] == "complete", done


class BackupStage:
    """A project, and its account with data of each kind."""

    def __init__(self, root: Path, cloudflare: InProcess) -> None:
        self.root = root
        self.api = cloudflare.api = CloudflareApi()
        self.tools = BackupTools(self.api)
        self.undo: list[Undo] = []
        ids = {"db": self.api.add_database("db"), "cache": "c" * 32}
        self.api.namespaces["cache"] = ids["cache"]
        self.api.buckets.append("files")
        self.api.add_index("index", 2, "cosine")
        (root / "wrangler.toml").write_text(CONFIG.format(**ids))
        (root / "entry.js").write_text("export default {}")
        self.api.databases["db"].executescript(ROWS)
        data = self.api.data
        data.values[ids["cache"]] = {"a/b": Stored(b"1", {"of": "a"}), "raw": Stored(b"\xff")}
        text = {"contentType": "text/plain"}
        data.objects["files"] = {"a b": Stored(b"1", http=text), "c": Stored(b"2")}
        data.vectors["index"] = {"v": {"id": "v", "values": [1, 2], "metadata": {"a": 1}}}

    def create(self, **options: Any) -> Backup:
        return create(self.context(), CreateRequest(self.root, "", **options))

    def restore(self, backup: str, **options: Any) -> Restored | None:
        given = {"to": None, "dry_run": False} | options
        request = RestoreRequest(self.root, backup, **given)
        return restore(self.context(), request, lambda _: True, self.undo.append, lambda _: None)

    def damage(self) -> None:
        """Other rows, values, objects and vectors than in the backup."""
        database = self.api.databases["db"]
        database.executescript("DROP TABLE children; DROP TABLE parents;" + OTHER_ROWS)
        self.overwrite()

    def overwrite(self) -> None:
        """Other values, objects and vectors than in the backup."""
        for stored in (self.api.data.values["c" * 32], self.api.data.objects["files"]):
            stored.update(dict.fromkeys(stored, Stored(b"another")))
        self.api.data.vectors["index"].clear()

    def broken(self, backup: str, number: int, fault: Fault, **options: Any) -> None:
        """Restore into a fault."""
        self.tools.mutations.clear()
        self.tools.fault = number, fault
        with contextlib.suppress(CfpyError, Killed):
            self.restore(backup, **options)
        assert len(self.tools.mutations) >= number
        self.tools.fault, self.tools.dead = None, False

    def rows(self) -> list[str]:
        """All that the database has."""
        return sorted(self.api.databases["db"].iterdump())

    def outcome(self) -> list[Any]:
        """All that the account has."""
        data = self.api.data
        return [self.rows(), data.values, data.objects, data.vectors]

    def context(self) -> Context:
        tools: Any = Tools()
        return Context(self.tools, Git(tools), tools, lambda _: None)

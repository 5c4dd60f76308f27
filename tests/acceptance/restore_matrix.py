"""Every mutating request of `cfpy backup restore`, with every way to fail, with the real wrangler.

Each case breaks one request once, or kills cfpy at it, and runs the same command again: it has to
end with the data that a run without a fault ends with.

    python tests/acceptance/restore_matrix.py [--sample N] [--seed N] [--jobs N]
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))

from cloudflare_data import Data, Stored
from rollout_matrix import Case, break_once, run_matrix

from cloudflare_api import ACCOUNT, TOKEN, CloudflareApi, serve
from forked import run_cfpy

CONFIG = f"""\
name = "shop"
main = "entry.js"
compatibility_date = "2026-11-17"
account_id = "{ACCOUNT}"

[[d1_databases]]
binding = "DB"
database_name = "db"
database_id = "{{db}}"

[[kv_namespaces]]
binding = "CACHE"
id = "{{cache}}"

[[r2_buckets]]
binding = "FILES"
bucket_name = "files"

[[vectorize]]
binding = "INDEX"
index_name = "index"
"""
ROWS = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id REFERENCES users (id));
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bo');
INSERT INTO orders VALUES (1, 1), (2, 2);
"""
OTHER_ROWS = """
DROP TABLE orders;
DROP TABLE users;
CREATE TABLE users (id INTEGER PRIMARY KEY, old TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id REFERENCES users (id));
INSERT INTO users VALUES (7, 'later');
INSERT INTO orders VALUES (8, 7);
"""
RESTORE = ("backup", "restore", "top-level/first", "--yes", "--confirm", "shop")
#: The commands: a database goes back to its bookmark, or is imported.
FLOWS = {"by bookmark": RESTORE, "from files": (*RESTORE, "--from-files")}


@dataclass(frozen=True)
class Saved:
    """A project with a backup, and its account, whose data is another meanwhile."""

    project: Path
    account: dict[str, Any]
    data: Data


class Stage:
    """A copy of both, before the command of a flow."""

    def __init__(self, saved: Saved, directory: Path, flow: str) -> None:
        self.command = FLOWS[flow]
        self.project = Path(shutil.copytree(saved.project, directory / "shop", symlinks=True))
        self.api = CloudflareApi()
        self.api.take(saved.account)
        self.api.data = copy.deepcopy(saved.data)
        self._server = serve(self.api)
        self.environment = surroundings(self._server.server_port)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def cfpy(self, *arguments: str) -> tuple[int, str]:
        done = run_cfpy(*arguments, cwd=self.project, env=self.environment)
        return done.returncode, done.stdout + done.stderr

    def outcome(self) -> str:
        """All data, and whether bookmarks of an unfinished run are left."""
        data = self.api.data
        stores: list[Any] = [data.values, data.objects]
        known = [
            {name: {key: repr(item) for key, item in sorted(store.items())} for name, store in kind}
            for kind in (sorted(store.items()) for store in stores)
        ]
        rows = sorted(self.api.databases["db"].iterdump())
        left = [path.name for path in self.project.glob(".wrangler/cfpy/restore-*")]
        return json.dumps([rows, known, data.vectors, left], sort_keys=True)


def surroundings(port: int) -> dict[str, str]:
    """The environment of a run."""
    return {
        **os.environ,
        "CLOUDFLARE_API_BASE_URL": f"http://127.0.0.1:{port}/client/v4",
        "CLOUDFLARE_API_TOKEN": TOKEN,
    }


def fill(api: CloudflareApi, *, later: bool) -> None:
    """Data of each kind, as it is backed up, or as it is ``later``."""
    word = b"later" if later else b"first"
    api.databases["db"].executescript(OTHER_ROWS if later else ROWS)
    api.data.values["c" * 32] = {"a/b": Stored(word, {"of": "a"}), "raw": Stored(b"\xff" + word)}
    text = {"contentType": "text/plain"}
    api.data.objects["files"] = {"a b": Stored(word, http=text), "c": Stored(word)}
    vector = {"id": "v", "values": [9 if later else 1, 2], "metadata": {"a": 1}}
    api.data.vectors["index"] = {"v": vector}


def make_saved(home: Path) -> Saved:
    """A project whose data was backed up, and changed after that."""
    api = CloudflareApi()
    project = home / "shop"
    project.mkdir()
    ids = {"db": api.add_database("db"), "cache": "c" * 32}
    api.namespaces["cache"] = ids["cache"]
    api.buckets.append("files")
    api.add_index("index", 2, "cosine")
    (project / "wrangler.toml").write_text(CONFIG.format(**ids))
    (project / "entry.js").write_text("export default {fetch() {return new Response('ok')}}\n")
    fill(api, later=False)
    server = serve(api)
    argv = ("backup", "create", "--output", "backups/top-level/first")
    done = run_cfpy(*argv, cwd=project, env=surroundings(server.server_port))
    server.shutdown()
    server.server_close()
    assert done.returncode == 0, done.stdout + done.stderr
    fill(api, later=True)
    return Saved(project, api.state(), copy.deepcopy(api.data))


def clean(saved: Saved, flow: str) -> tuple[str, list[str]]:
    """What a run without a fault leaves, and the mutations that it made."""
    with tempfile.TemporaryDirectory() as directory, Stage(saved, Path(directory), flow) as stage:
        before = len(stage.api.mutations)
        code, said = stage.cfpy(*stage.command)
        assert code == 0, said
        return stage.outcome(), list(stage.api.mutations[before:])


def why_broken(saved: Saved, case: Case, wanted: str) -> str:
    """Run a case; what is wrong afterwards, or nothing."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Stage(saved, Path(directory), case.pattern) as stage,
    ):
        stage.api.mutations.clear()
        break_once(case, stage)
        code, said = stage.cfpy(*stage.command)
        if code != 0:
            return f"the second run ended with {code}: {said}"
        left = stage.outcome()
        return "" if left == wanted else f"other data: {left}, not {wanted}"


if __name__ == "__main__":
    sys.exit(run_matrix(__doc__, FLOWS, make_saved, clean, why_broken))

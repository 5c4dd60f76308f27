"""Backups, restores and pulls with the real wrangler, on one account: each test goes on where the
one before it stopped. The configuration binds all kinds with data, and has no code to build."""

from __future__ import annotations

import json
import shlex
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfpy_process import served
from cloudflare_data import DAY, Stored
from reader import BLOCK, Reader, new_reader

from cloudflare_api import ACCOUNT, CloudflareApi

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "backups.md"
NAME = "top-level/before-the-sale"
SOON = 4_000_000_000


def config(api: CloudflareApi, prefix: str) -> str:
    return f"""
[[{prefix}d1_databases]]
binding = "DB"
database_name = "{prefix}db"
database_id = "{api.database_id(f"{prefix}db")}"

[[{prefix}d1_databases]]
binding = "SEARCH"
database_name = "{prefix}search"
database_id = "{api.database_id(f"{prefix}search")}"
migrations_dir = "none"

[[{prefix}kv_namespaces]]
binding = "CACHE"
id = "{api.namespaces[f"{prefix}cache"]}"

[[{prefix}r2_buckets]]
binding = "FILES"
bucket_name = "{prefix.replace(".", "-")}files"

[[{prefix}vectorize]]
binding = "INDEX"
index_name = "{prefix.replace(".", "-")}index"
"""


def fill(api: CloudflareApi) -> None:
    """Production has data of every sort; staging has other rows."""
    production = api.databases["db"]
    production.executescript(
        """
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, photo BLOB, score REAL);
        CREATE TABLE orders (
          id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), email TEXT
        );
        CREATE INDEX orders_by_user ON orders (user_id);
        INSERT INTO users VALUES (1, 'ada@corp.test', x'00ff', 0.1), (2, NULL, NULL, 2.5);
        INSERT INTO users VALUES (9007199254740993, 'o''hara@corp.test', x'', 1e300);
        INSERT INTO orders VALUES (7, 1, 'ada@corp.test'), (8, 9007199254740993, 'other@corp.test');
        """
    )
    search = """
        CREATE TABLE pages (id INTEGER PRIMARY KEY, body TEXT);
        CREATE VIRTUAL TABLE words USING fts5 (body, content = 'pages', content_rowid = 'id');
        CREATE VIRTUAL TABLE notes USING fts5 (body);
        CREATE TRIGGER page_added AFTER INSERT ON pages BEGIN
          INSERT INTO words (rowid, body) VALUES (new.id, new.body);
        END;
        INSERT INTO pages VALUES (3, 'a lighthouse'), (4, 'a harbour');
        INSERT INTO notes (rowid, body) VALUES (5, 'keep this');
    """
    for name in ("search", "env.staging.search"):
        api.databases[name].executescript(search)
    api.databases["env.staging.db"].executescript(
        """
        CREATE TABLE users (id INTEGER PRIMARY KEY, old TEXT);
        CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id REFERENCES users (id));
        INSERT INTO users VALUES (5, 'of staging');
        INSERT INTO orders VALUES (6, 5);
        """
    )
    values = {f"key {n:04}/ü": Stored(b"%d" % n, {"n": n}) for n in range(1, 6)}
    values |= {"raw": Stored(b"\xff\xfe"), "later": Stored(b"x", None, SOON)}
    api.data.values[api.namespaces["cache"]] = values
    api.data.objects["files"] = {
        "a/b c%?#.txt": Stored(b"one", http={"contentType": "text/plain"}),
        "z.bin": Stored(b"\0\1", storage="InfrequentAccess", custom={"by": "me"}),
    }
    api.data.vectors["index"] = {
        f"v{n:02}": {"id": f"v{n:02}", "values": [n, 0.5], "metadata": {"page": n}}
        for n in range(45)
    }
    api.data.page = 4  # Every list has pages.


@pytest.fixture(scope="module")
def api() -> CloudflareApi:
    api = CloudflareApi()
    for prefix in ("", "env.staging."):
        plain = prefix.replace(".", "-")
        api.add_database(f"{prefix}db")
        api.add_database(f"{prefix}search")
        api.namespaces[f"{prefix}cache"] = ("a" if prefix else "b") * 32
        api.buckets.append(f"{plain}files")
        api.add_index(f"{plain}index", 2, "cosine")
    fill(api)
    return api


@pytest.fixture(scope="module")
def cfpy(api: CloudflareApi) -> Iterator[Any]:
    with served(api) as started:
        yield started


@pytest.fixture(scope="module")
def shop(api: CloudflareApi, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("backups") / "shop"
    (project / "migrations").mkdir(parents=True)
    head = 'name = "shop"\nmain = "entry.js"\ncompatibility_date = "2026-11-17"\n'
    head += f'account_id = "{ACCOUNT}"\n'
    (project / "wrangler.toml").write_text(head + config(api, "") + config(api, "env.staging."))
    (project / "entry.js").write_text("export default {fetch() {return new Response('ok')}}\n")
    (project / "cfpy.toml").write_text(
        '[[vectorize]]\nindex_name = "index"\ndimensions = 2\n'
        '[[masks]]\ncolumns = ["users.email"]\n'
    )
    return project


def dump(connection: sqlite3.Connection) -> list[str]:
    return sorted(str(line) for line in connection.iterdump())


def ok(answer: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    code, document = answer
    assert code == 0, document
    data: dict[str, Any] = document["data"]
    return data


@pytest.fixture(scope="module")
def reader(cfpy: Any, shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A reader of the page, in the project."""
    found = new_reader(tmp_path_factory.mktemp("reader"))
    path = found.environment["PATH"]
    found.environment |= cfpy.environment() | {"PATH": path}
    found.directory = shop
    return found


def follow(reader: Reader, word: str) -> None:
    """Do what the block of the page that has ``word`` shows."""
    blocks = [block for block in BLOCK.finditer(PAGE.read_text("utf-8")) if word in block["text"]]
    assert len(blocks) == 1
    reader.follow_blocks(blocks)


def test_a_backup_has_everything(api: CloudflareApi, shop: Path, reader: Reader) -> None:
    before = len(api.mutations)
    follow(reader, "cfpy backup create")
    assert [path.rpartition("/")[2] for path in api.mutations[before:]] == ["export"] * 2
    folder = shop / "backups" / NAME
    made = json.loads((folder / "manifest.json").read_text())
    counts = {f"{item['kind']}:{item['binding']}": item["count"] for item in made["items"]}
    expected = {"d1:DB": 5, "d1:SEARCH": 2, "kv:CACHE": 7, "r2:FILES": 2, "vectorize:INDEX": 45}
    assert counts == expected
    assert [i["how"] for i in made["items"] if i["kind"] == "d1"] == ["export", "queries"]
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert (shop / "backups" / ".gitignore").read_text() == "*\n"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert any("secrets" in line for line in made["left_out"])
    assert NAME in reader.printed[-1]
    assert reader.printed[-1].count("30 days") == 2


def test_it_is_restored_into_another_environment(
    api: CloudflareApi, shop: Path, reader: Reader
) -> None:
    assert shop.exists()
    follow(reader, "--to staging --dry-run")
    for database in ("db", "search"):
        assert dump(api.databases[f"env.staging.{database}"]) == dump(api.databases[database])
    found = api.databases["env.staging.search"].execute(
        "SELECT rowid FROM words WHERE words MATCH 'harbour' "
        "UNION SELECT rowid FROM notes WHERE notes MATCH 'keep'"
    )
    assert found.fetchall() == [(4,), (5,)]
    values = api.data.values
    assert values[api.namespaces["env.staging.cache"]] == values[api.namespaces["cache"]]
    objects = api.data.objects["env-staging-files"]
    assert objects["a/b c%?#.txt"] == api.data.objects["files"]["a/b c%?#.txt"]
    assert objects["z.bin"] == Stored(b"\0\1", storage="InfrequentAccess")
    assert api.data.vectors["env-staging-index"] == api.data.vectors["index"]


def test_its_own_database_goes_back_by_time_travel(
    cfpy: Any, api: CloudflareApi, shop: Path
) -> None:
    whole = dump(api.databases["db"])
    api.databases["db"].executescript("DELETE FROM orders; DROP TABLE orders;")
    broken = dump(api.databases["db"])
    confirm = ("--yes", "--confirm", "shop", "--only", "DB")
    done = ok(cfpy("backup", shop, "restore", NAME, *confirm))
    assert [step["how"] for step in done["steps"]] == ["time travel"]
    assert dump(api.databases["db"]) == whole
    # The way back works, and so does the way back from it.
    back = shlex.split(done["undo"][0]["command"])
    assert back[:6] == ["cfpy", "wrangler", "d1", "time-travel", "restore", "DB"]
    code, document = cfpy("wrangler", shop, *back[2:])
    assert code == 0
    assert dump(api.databases["db"]) == broken
    database = api.database_id("db")
    api._routes()[f"POST accounts/{ACCOUNT}/d1/database/([^/]+)/time_travel/restore"](
        {"bookmark": document["previous_bookmark"]}, None, database
    )
    api.data.period = -DAY
    try:
        plan = ok(cfpy("backup", shop, "restore", NAME, "--only", "DB", "--dry-run"))
    finally:
        api.data.period = 30 * DAY
    assert [step["how"] for step in plan["steps"]] == ["import"]


def test_a_damaged_backup_changes_nothing(cfpy: Any, api: CloudflareApi, shop: Path) -> None:
    path = shop / "backups" / NAME / "d1" / "DB.sql"
    content = path.read_bytes()
    path.write_bytes(content + b"-- more\n")
    before = len(api.mutations)
    code, refused = cfpy("backup", shop, "restore", NAME, "--yes", "--confirm", "shop")
    path.write_bytes(content)
    assert (code, refused["error"]["code"]) == (8, "project")
    assert str(path) in refused["error"]["message"]
    assert len(api.mutations) == before


def test_a_pull_fills_the_local_database_with_masked_rows(
    cfpy: Any, shop: Path, reader: Reader
) -> None:
    follow(reader, "cfpy data pull")
    code, refused = cfpy("data", shop, "pull", "--binding", "DB")
    assert (code, refused["error"]["code"]) == (2, "usage")
    sample = ("--table", "orders", "--limit", "1", "--yes")
    again = ok(cfpy("data", shop, "pull", "--binding", "DB", *sample))
    assert again["rows"] == {"users": 1, "orders": 1}
    mask = ("--mask", "orders.email", "--yes")
    pulled = ok(cfpy("data", shop, "pull", "--binding", "DB", *mask))
    assert pulled["rows"] == {"users": 3, "orders": 2}
    assert pulled["masked"] == ["users.email", "orders.email"]
    sql = (
        "SELECT count(*) AS joined, min(hex(photo)) AS photo, max(users.id) AS id FROM users "
        "JOIN orders ON orders.email = users.email"
    )
    # wrangler reads what both runtimes have.
    code, printed = cfpy("wrangler", shop, "d1", "execute", "DB", "--local", "--command", sql)
    assert code == 0
    [row] = printed[0]["results"]
    assert (row["joined"], row["photo"]) == (1, "00FF")
    secret = (b"ada@corp.test", b"hara@corp.test", b"other@corp.test")
    for path in (shop / ".wrangler").rglob("*"):
        assert path.is_dir() or not any(value in path.read_bytes() for value in secret), path
    with sqlite3.connect(pulled["file"]) as database:
        emails = [email for (email,) in database.execute("SELECT email FROM users ORDER BY id")]
    assert emails[1] is None
    assert len({emails[0], emails[2]}) == 2
    assert str(emails[0]).endswith("@example.com")

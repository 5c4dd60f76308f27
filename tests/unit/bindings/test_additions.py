"""`cfpy add`: what goes into the files, and that nothing else changes."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cfpy.bindings.add import Added, AddRequest, run
from cfpy.bindings.asked import Options
from cfpy.bindings.registry import BY_NAME, bound_names
from cfpy.errors import CfpyError, ProjectError, UsageError
from cfpy.project.python_source import with_binding, with_export
from wrangler_shapes import ALL, ids, values

OPTIONS = Options(id="0123456789abcdef0123456789abcdef", consumer=True)
ENV = "if TYPE_CHECKING:\n    from bindings import X\n\n\nclass Env:\n    X: X\n"
MAIN = 'name = "app"\nmain = "src/entry.py"\ncompatibility_date = "2026-11-17"\n'


def make(root: Path, text: str, file: str = "wrangler.toml", **files: str) -> Path:
    (root / file).write_bytes(text.encode())
    main = values(file, text).get("main", "src/entry.py")
    (root / main).parent.mkdir(exist_ok=True)
    (root / main).write_text("" if main.endswith(".py") else "export default {};\n", "utf-8")
    for name, content in files.items():
        (root / name.replace("__", "/").replace("_DOT_", ".")).write_text(content, "utf-8")
    return root


def add(
    root: Path,
    kind: str,
    name: str = "thing",
    *,
    env: str = "",
    options: Options = OPTIONS,
    dry_run: bool = False,
) -> Added:
    return run(AddRequest(root, kind, name, env, options, dry_run))


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".wrangler" not in path.parts
    }


def is_within(before: str, after: str) -> bool:
    """Whether every character of `before` stands in `after`, in order."""
    rest = iter(after)
    return all(character in rest for character in before)


def holds(now: Any, before: Any) -> bool:
    """Whether nothing of `before` is missing or other now; arrays may have grown at their ends."""
    if isinstance(before, dict):
        return all(key in now and holds(now[key], value) for key, value in before.items())
    if isinstance(before, list):
        return len(now) >= len(before) and all(map(holds, now, before))
    return bool(now == before)


@pytest.mark.parametrize("kind", BY_NAME)
@pytest.mark.parametrize("shape", ALL, ids=ids)
def test_whatever_is_there_stays_as_it_was(
    shape: tuple[str, str], kind: str, tmp_path: Path
) -> None:
    file, text = shape[0], ALL[shape]
    config = values(file, text)
    root = make(tmp_path, text, file)
    before = tree(root)
    name = "5 4 * * *" if kind == "cron" else "thing"
    if kind == "assets" and kind in config:
        with pytest.raises(UsageError, match="already"):
            (add(root, kind, name), add(root, kind, "b"))
        return
    if BY_NAME[kind].binds and BY_NAME[kind].once and BY_NAME[kind].entries(config):
        with pytest.raises(UsageError, match="already"):
            add(root, kind, name)
        return
    if kind in ("durable-object", "workflow") and "main" not in config:
        with pytest.raises(UsageError, match="no `main`"):
            add(root, kind, name)
        assert tree(root) == before
        return
    if kind == "assets" and "site" in config:
        with pytest.raises(UsageError, match="Workers Sites"):
            add(root, kind, name)
        assert tree(root) == before
        return
    added = add(root, kind, name)
    after = (root / file).read_bytes().decode()
    # A trailing comma of a one-line array may have moved.
    assert is_within(text.replace(",", ""), after.replace(",", ""))
    assert {line[-1:] == "\r" for line in after.split("\n")[:-1]} <= {"\r\n" in text}
    written = values(file, after)
    assert holds(written, config)
    if kind == "cron":
        assert written["triggers"]["crons"][-1] == name
    else:
        assert added.addition.binding in dict(bound_names(written))
    with pytest.raises(UsageError, match="already"):
        add(root, kind, name)


@pytest.mark.parametrize("kind", BY_NAME)
def test_an_environment_gets_its_own(kind: str, tmp_path: Path) -> None:
    root = make(tmp_path, MAIN + '\n[vars]\nA = "1"\n\n[env.staging.vars]\nA = "2"\n')
    name = "daily" if kind == "cron" else "thing"
    added = add(root, kind, name, env="staging")
    written = tomllib.loads((root / "wrangler.toml").read_text())
    own = written["env"]["staging"]
    # What a kind does not create exists already, and NAME is its name.
    creates = BY_NAME[kind].owned or BY_NAME[kind].name_keys
    known = {"", "app-staging-thing", "app_staging_thing"} | (set() if creates else {"thing"})
    assert added.addition.resource in known
    if kind == "cron":
        assert own["triggers"]["crons"] == ["0 3 * * *"]
    else:
        assert "THING" in dict(bound_names(own))
        assert "THING" not in dict(bound_names({**written, "env": {}}))
    with pytest.raises(UsageError, match="no environment 'other'"):
        add(root, kind, name, env="other")


@pytest.mark.parametrize("kind", ["d1", "durable-object", "workflow", "kv"])
def test_the_same_in_an_environment_shares_code_and_migrations(kind: str, tmp_path: Path) -> None:
    root = make(
        tmp_path, MAIN + '\n[[d1_databases]]\nbinding = "OLD"\n\n[env.staging.vars]\nA = "2"\n'
    )
    (root / "src" / "entry.py").write_text(ENV)
    assert add(root, kind).lacking == ("staging",)
    before = tree(root)
    add(root, kind, env="staging")
    after = tree(root)
    assert {name for name in after if after[name] != before.get(name)} == {"wrangler.toml"}
    written = tomllib.loads((root / "wrangler.toml").read_text())
    if kind == "d1":
        [mine] = written["env"]["staging"]["d1_databases"]
        assert mine["migrations_dir"] == "migrations-thing"
    if kind == "durable-object":
        assert len(written["migrations"]) == 1


def test_a_dry_run_changes_nothing_and_knows_all(tmp_path: Path) -> None:
    root = make(tmp_path, MAIN)
    before = tree(root)
    added = add(root, "d1", "users", dry_run=True)
    assert tree(root) == before
    assert sorted(added.files) == ["migrations/0001_users.sql", "wrangler.toml"]
    add(root, "d1", "users")
    assert {name: text.encode() for name, text in added.files.items()}.items() <= tree(root).items()


def test_a_disk_that_refuses_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path, MAIN)
    before = tree(root)
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if Path(target).name == "entry.py" and self.name.startswith("new-"):
            raise OSError(28, "No space left on device", str(target))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(CfpyError, match="No space left"):
        add(root, "durable-object", "counter")
    assert tree(root) == before


def test_the_second_database_has_migrations_of_its_own(tmp_path: Path) -> None:
    root = make(tmp_path, MAIN)
    add(root, "d1", "users")
    add(root, "d1", "order log")
    tables = tomllib.loads((root / "wrangler.toml").read_text())["d1_databases"]
    assert [item["migrations_dir"] for item in tables] == ["migrations", "migrations-order-log"]
    assert (root / "migrations-order-log" / "0001_order_log.sql").is_file()


def test_classes_are_migrated_one_tag_after_the_other(tmp_path: Path) -> None:
    root = make(tmp_path, MAIN)
    add(root, "durable-object", "room")
    add(root, "durable-object", "chat-log")
    migrations = tomllib.loads((root / "wrangler.toml").read_text())["migrations"]
    assert [item["tag"] for item in migrations] == ["v1", "v2"]
    assert migrations[1]["new_sqlite_classes"] == ["ChatLog"]
    entry = (root / "src" / "entry.py").read_text()
    assert "from room import Room as Room\n" in entry
    assert "from chat_log import ChatLog as ChatLog\n" in entry


def test_workflows_of_an_old_date_need_a_flag(tmp_path: Path) -> None:
    old = MAIN.replace("2026-11-17", "2025-06-01") + 'compatibility_flags = ["python_workers"]\n'
    root = make(tmp_path, old)
    add(root, "workflow", "orders")
    flags = tomllib.loads((root / "wrangler.toml").read_text())["compatibility_flags"]
    assert flags == ["python_workers", "python_workflows"]


def test_javascript_projects_export_the_class(tmp_path: Path) -> None:
    root = make(tmp_path, MAIN.replace("entry.py", "index.ts"))
    (root / "src" / "index.ts").write_text("export default {};")
    added = add(root, "durable-object", "chat-room")
    source = (root / "src" / "index.ts").read_text()
    assert source == 'export default {};\n\nexport { ChatRoom } from "./chat-room";\n'
    assert "class ChatRoom extends" in (root / "src" / "chat-room.ts").read_text()
    assert "env.CHAT_ROOM.getByName" in added.snippet
    assert "self.env" not in added.snippet


def test_there_is_one_of_ai_and_of_assets(tmp_path: Path) -> None:
    root = make(tmp_path, MAIN + 'ai = { binding = "AI" }\nassets = { directory = "./p" }\n')
    with pytest.raises(UsageError, match="already bound, as AI"):
        add(root, "ai", "brain")
    add(root, "assets", "files")
    assets = tomllib.loads((root / "wrangler.toml").read_text())["assets"]
    assert assets == {"directory": "./p", "binding": "FILES"}
    with pytest.raises(UsageError, match="already bound, as FILES"):
        add(root, "assets", "more")


@pytest.mark.parametrize(
    ("kind", "name", "options", "message"),
    [
        ("kvs", "x", OPTIONS, "cfpy can't add 'kvs'"),
        ("kv", "1st", OPTIONS, "can't be the name of a binding"),
        ("kv", "--", OPTIONS, "can't be the name of a binding"),
        ("kv", "a", OPTIONS, "already has A \\(vars\\)"),
        ("kv", "x" * 70, OPTIONS, "74 characters"),
        ("cron", "0 3 * *", OPTIONS, "is not a cron schedule"),
        ("hyperdrive", "pg", Options(), "needs --id"),
        ("hyperdrive", "pg", Options(id="abc"), "not 'abc'"),
        ("vectorize", "v", Options(dimensions=2000), "must be 1 to 1536"),
        ("vectorize", "v", Options(metric="manhattan"), "unknown --metric 'manhattan'"),
    ],
)
def test_what_can_not_be_is_refused(
    kind: str, name: str, options: Options, message: str, tmp_path: Path
) -> None:
    root = make(tmp_path, MAIN + '[vars]\nA = "1"\n')
    before = tree(root)
    with pytest.raises(UsageError, match=message):
        add(root, kind, name, options=options)
    assert tree(root) == before


def test_broken_files_are_told_with_their_place(tmp_path: Path) -> None:
    root = make(tmp_path, MAIN)
    (root / "src" / "entry.py").write_text("x = 1\ndef broken(:\n")
    before = tree(root)
    with pytest.raises(ProjectError, match=r"entry\.py:2:"):
        add(root, "durable-object", "room")
    assert tree(root) == before
    (root / "wrangler.toml").write_text("name = \n")
    with pytest.raises(ProjectError, match=r"wrangler\.toml:1:8"):
        add(root, "kv", "x")


def test_the_import_stands_where_isort_would_put_it() -> None:
    source = '"""Doc."""\n\nimport os\n\nfrom app.a import A\nfrom web.z import Z\n\nX = 1\n'
    edited = with_export(source, "room", "Room", ["app", "web"])
    assert edited.splitlines()[4:7] == [
        "from app.a import A",
        "from room import Room as Room",
        "from web.z import Z",
    ]
    assert with_export("X = 1\n", "room", "Room", []) == "from room import Room as Room\n\nX = 1\n"
    only = with_export('"""Doc."""\n\nimport os\n', "room", "Room", [])
    assert only == '"""Doc."""\n\nimport os\n\nfrom room import Room as Room\n'
    ast.parse(edited)


def test_a_class_env_of_somebody_else_is_left_alone() -> None:
    assert with_binding("class Env:\n    A: int\n", "B", "KVNamespace") is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "class Env(Protocol):\n\tA: KVNamespace\n",
            "class Env(Protocol):\n\tA: KVNamespace\n\tB: Queue\n",
        ),
        ("class Env:\n  A: KVNamespace\n", "class Env:\n  A: KVNamespace\n  B: Queue\n"),
        ("class Env(Protocol): pass\n", "class Env(Protocol):\n    pass\n    B: Queue\n"),
        ('class Env: """Köln."""; A: int\n', 'class Env:\n    """Köln."""; A: int\n    B: Queue\n'),
        (
            "class Env: A: dict[\n    str, int]\n",
            "class Env:\n    A: dict[\n    str, int]\n    B: Queue\n",
        ),
    ],
)
@pytest.mark.parametrize(
    ("types", "with_queue"),
    [
        (
            "if TYPE_CHECKING:\n\tfrom bindings import KVNamespace\n",
            "if TYPE_CHECKING:\n\tfrom bindings import KVNamespace, Queue\n",
        ),
        (
            "if TYPE_CHECKING: from bindings import KVNamespace\n",
            "if TYPE_CHECKING: from bindings import KVNamespace, Queue\n",
        ),
    ],
)
def test_a_binding_is_indented_like_the_class(
    before: str, after: str, types: str, with_queue: str
) -> None:
    edited = with_binding(f"{types}\n{before}\nX = 1\n", "B", "Queue")
    assert edited == f"{with_queue}\n{after}\nX = 1\n"
    ast.parse(edited)


@pytest.mark.parametrize(
    ("directory", "why"),
    [
        ("", "not a folder in the project"),
        ("/pub", "not a folder in the project"),
        ("../shared", "not a folder in the project"),
        ("a/../..", "not a folder in the project"),
        ("..\\shared", "not a folder in the project"),
        (".", "has the configuration"),
        ("./", "has the configuration"),
        ("src", "has the Worker's main module"),
        ("./src/", "has the Worker's main module"),
        (".git", "is hidden"),
        ("a/.secret", "is hidden"),
    ],
)
@pytest.mark.parametrize("env", ["", "staging"])
def test_no_assets_are_served_from_what_is_not_for_everybody(
    directory: str, why: str, env: str, tmp_path: Path
) -> None:
    root = make(tmp_path, MAIN + "[env.staging]\n")
    before = tree(root)
    with pytest.raises(UsageError, match=why):
        add(root, "assets", "web", env=env, options=Options(directory=directory))
    assert tree(root) == before


@pytest.mark.parametrize(
    ("target", "secret", "why"),
    [
        ("..", "", "pub leads out of the project"),
        ("src", "", "pub leads to the Worker's main module"),
        (".", "", "pub leads to the Worker's main module"),
        ("site", ".env.local", "pub has .env.local"),
        ("site", "admin/.dev.vars", "pub has admin/.dev.vars"),
        ("site", ".git", "pub has .git"),
    ],
)
def test_nor_from_where_a_link_leads_or_secrets_are(
    target: str, secret: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / "project" / "site" / "admin").mkdir(parents=True)
    root = make(tmp_path / "project", MAIN)
    (root / "pub").symlink_to(target)
    if secret:
        (root / "site" / secret).write_text("A=1")
    before = tree(tmp_path)
    with pytest.raises(UsageError, match=re.escape(why)):
        add(root, "assets", "web", options=Options(directory="pub"))
    assert tree(tmp_path) == before


def test_an_example_of_secrets_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "pub").mkdir()
    root = make(tmp_path, MAIN, pub___DOT_env_DOT_example="A=")
    assert "pub/hello.txt" in add(root, "assets", options=Options(directory="pub")).files


@pytest.mark.parametrize("directory", ["pub", "./pub", "pub/", "site/../pub"])
def test_a_folder_of_assets_may_be_written_in_any_way(directory: str, tmp_path: Path) -> None:
    root = make(tmp_path, MAIN)
    assert "pub/hello.txt" in add(root, "assets", options=Options(directory=directory)).files
    assert tomllib.loads((root / "wrangler.toml").read_text())["assets"]["directory"] == "./pub"


@pytest.mark.parametrize("given", ["", "my-store"])
def test_a_secret_of_the_store_needs_the_id_of_the_store(given: str, tmp_path: Path) -> None:
    root = make(tmp_path, MAIN)
    with pytest.raises(UsageError, match="needs --id") as caught:
        add(root, "secrets-store", "STRIPE_KEY", options=Options(id=given))
    assert "secrets-store store list" in caught.value.hint


def test_what_exists_keeps_its_name(tmp_path: Path) -> None:
    root = make(tmp_path, MAIN)
    assert add(root, "secrets-store", "stripe-key").addition.binding == "STRIPE_KEY"
    assert add(root, "service", "billing_v2").addition.binding == "BILLING_V2"
    assert add(root, "ai-search", "help-pages").addition.binding == "HELP_PAGES"
    written = tomllib.loads((root / "wrangler.toml").read_text())
    assert written["secrets_store_secrets"][0]["secret_name"] == "stripe-key"
    assert written["services"][0]["service"] == "billing_v2"
    assert written["ai_search"][0]["instance_name"] == "help-pages"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_stub_of_an_older_pattern_gets_the_type(end: str, tmp_path: Path) -> None:
    root = make(tmp_path, MAIN)
    (root / "src" / "entry.py").write_text(ENV)
    stub = root / "typings" / "bindings.pyi"
    stub.parent.mkdir()
    old = "from typing import Any, Protocol\n\nclass X(Protocol):\n    a: Any\n".replace("\n", end)
    stub.write_bytes(old.encode())
    assert "typings/bindings.pyi" in add(root, "version-metadata").files
    now = stub.read_bytes().decode()
    assert now.startswith(old)
    assert [node.name for node in ast.parse(now).body if isinstance(node, ast.ClassDef)] == [
        *("X", "VersionMetadata")
    ]
    assert now.count("\r\n") == (now.count("\n") if end == "\r\n" else 0)
    again = add(root, "browser", "page")
    assert "class Browser(Protocol)" in again.files["typings/bindings.pyi"]

"""A live project and its account for rollouts, without processes."""

from __future__ import annotations

import contextlib
import json
import shutil
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from account_in_process import InProcess
from cfpy.account.deploy import DeployRequest, Provisioning
from cfpy.account.deploy import run as run_deploy
from cfpy.account.gradual import Rollout
from cfpy.account.plan import Plan
from cfpy.account.promote import PromoteRequest
from cfpy.account.promote import run as run_promote
from cfpy.account.provision import ProvisionRequest
from cfpy.account.rollback import RollbackRequest
from cfpy.account.rollback import run as run_rollback
from cfpy.errors import CfpyError
from cfpy.tools.context import Context
from cfpy.tools.git import Git
from cloudflare_api import ACCOUNT, CloudflareApi, RefusedError
from preview_account import Fault, Killed, PreviewTools
from wrangler_in_process import Tools

CONFIG = """\
name = "shop"
main = "src/index.js"
compatibility_date = "2026-09-01"

[triggers]
crons = ["0 3 * * *"]

[[d1_databases]]
binding = "DB"
database_name = "shop-db"

[env.staging]
d1_databases = [{ binding = "DB", database_name = "shop-staging-db" }]
"""
FIRST = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, kind TEXT);"


class RolloutTools(PreviewTools):
    """Also knows versions, and environments."""

    environments = ("", "staging")
    # As wrangler until February 2026.
    refuses_tags = False

    def _wrangler(
        self,
        words: list[str],
        config: dict[str, Any],
        root: Path,
        env: Mapping[str, str],
        stdin: str | None,
        events: list[dict[str, Any]],
    ) -> None:
        environment = words[words.index("--env") + 1]
        path = Path(words[words.index("--config") + 1])
        whole = tomllib.loads(path.read_text())
        own = whole.pop("env", {}).get(environment, {})
        config = {**whole, "name": whole["name"]}
        if environment:
            inherited = {"name": f"{whole['name']}-{environment}", "d1_databases": [], "vars": {}}
            config |= {**inherited, **own}
        name = config["name"]
        if self.refuses_tags and words[0] == "deploy" and "--tag" in words:
            raise RefusedError(0, 0, "ERROR Unknown argument: tag")
        match words:
            case ["deploy", "--dry-run", "--outdir", folder, *_]:
                shutil.copytree(root / "src", folder, dirs_exist_ok=True)
            case ["versions", "upload", "--no-x-provision", *options]:
                body = self._body(config) | {"annotations": _annotations(options)}
                made = self._ask("POST", f"workers/scripts/{name}/versions", body)
                events.append({"type": "version-upload", "version_id": made["result"]["id"]})
            case ["versions", "deploy", *options]:
                specs = [word.removesuffix("%").split("@") for word in options if "@" in word]
                shares = [{"version_id": id_, "percentage": float(part)} for id_, part in specs]
                body = {"strategy": "percentage", "versions": shares}
                body |= {"annotations": _annotations(options)}
                self._ask("POST", f"workers/scripts/{name}/deployments", body)
            case ["rollback", id_, "--name", worker, "-y", *options]:
                body = {"strategy": "percentage", "annotations": _annotations(options)}
                body |= {"versions": [{"version_id": id_, "percentage": 100}]}
                self._ask("POST", f"workers/scripts/{worker}/deployments", body)
            case ["deploy", "--no-x-provision", *options]:
                body = self._body(config) | {"annotations": _annotations(options)}
                if migrations := config.get("migrations"):
                    body["migrations"] = {"new_tag": migrations[-1]["tag"], "steps": []}
                self._ask("PUT", f"workers/scripts/{name}", body)
                crons = [{"cron": cron} for cron in config["triggers"]["crons"]]
                self._ask("PUT", f"workers/scripts/{name}/schedules", crons)
                live = self.api.live[name]
                events.append({"type": "deploy", "version_id": live, "targets": []})
            case _:
                super()._wrangler(words, config, root, env, stdin, events)

    def _body(self, config: dict[str, Any]) -> dict[str, Any]:
        bindings = [
            {"name": item["binding"], "type": "d1", "id": item["database_id"]}
            for item in config["d1_databases"]
        ]
        bindings += [
            {"name": name, "type": "plain_text", "text": text}
            for name, text in config.get("vars", {}).items()
        ]
        return {"compatibility_date": config["compatibility_date"], "bindings": bindings}


def _annotations(options: list[str]) -> dict[str, str]:
    named = {"--tag": "workers/tag", "--message": "workers/message"}
    return {named[option]: value for option, value in pairwise(options) if option in named}


class RolloutStage:
    """A project that is live, at the top level and as staging, by one version each."""

    def __init__(self, root: Path, cloudflare: InProcess) -> None:
        self.root = root
        self.api = cloudflare.api = CloudflareApi()
        self.tools = RolloutTools(self.api)
        self.confirmed: list[Any] = []
        # What happens while a question is answered.
        self.when_asked: Callable[[], None] = lambda: None
        self._minutes = 0
        self.api.rollouts.now = self._now
        shutil.rmtree(root, ignore_errors=True)
        (root / "src").mkdir(parents=True)
        (root / "migrations").mkdir()
        (root / "wrangler.toml").write_text(CONFIG)
        (root / "migrations" / "0001_notes.sql").write_text(FIRST)
        self.code("one")
        for environment in ("", "staging"):
            self.deploy(environment)
        self.first = self.api.live["shop"]

    def _now(self) -> datetime:
        """A minute later each time."""
        self._minutes += 1
        return datetime.now(UTC) + timedelta(minutes=self._minutes)

    def migrate_later(self, name: str) -> None:
        """A migration was applied after all uploads until now."""
        moment = self._now().strftime("%Y-%m-%d %H:%M:%S")
        statement = "UPDATE d1_migrations SET applied_at = ? WHERE name = ?"
        self.api.databases["shop-db"].execute(statement, (moment, name))

    def code(self, text: str) -> None:
        (self.root / "src" / "index.js").write_text(f"export default {{}} // {text}")

    def request(self, environment: str = "", **options: Any) -> DeployRequest:
        asked = ProvisionRequest(self.root, environment, {}, lambda _: None, None)
        given = {"health": "", "url": "", "rollback_on_failure": False, "dry_run": False}
        given |= {"check_seconds": 0.0, "provision": Provisioning(asked, lambda _: None)}
        return DeployRequest(self.root, environment, **(given | options))

    def deploy(self, environment: str = "", **options: Any) -> Any:
        return run_deploy(self.context(), self.request(environment, **options), self.confirm)

    def share(self, percent: float, watch: float = 0, **options: Any) -> Any:
        breaking = options.pop("allow_breaking", False)
        return self.deploy(rollout=Rollout(percent, watch, breaking), **options)

    def promote(self, source: str = "staging", target: str = "", **options: Any) -> Any:
        asked = PromoteRequest(source, self.request(target, **options))
        return run_promote(self.context(), asked, self.confirm)

    def rollback(self, version: str = "", environment: str = "", dry_run: bool = False) -> Any:
        asked = RollbackRequest(self.root, environment, version, dry_run)
        return run_rollback(self.context(), asked, self.confirm)

    def colleague(self, shares: Mapping[str, float], message: str = "") -> None:
        """Somebody else deploys these versions, from another machine."""
        parts = [{"version_id": id_, "percentage": part} for id_, part in shares.items()]
        body = {"strategy": "percentage", "versions": parts}
        body |= {"annotations": {"workers/message": message}}
        path = f"accounts/{ACCOUNT}/workers/scripts/shop/deployments"
        self.api.answer("POST", path, {}, body)

    def confirm(self, plan: Plan | Any) -> bool:
        self.confirmed.append(plan)
        self.when_asked()
        return True

    def broken(self, run: Callable[[], Any], number: int, fault: Fault) -> None:
        """Run something into a fault."""
        self.tools.mutations.clear()
        self.tools.fault = number, fault
        with contextlib.suppress(CfpyError, Killed):
            run()
        assert len(self.tools.mutations) >= number
        self.tools.fault, self.tools.dead = None, False

    def shares(self, worker: str = "shop") -> list[tuple[str, float]]:
        """The tag and the part of each live version."""
        tags = {
            item["id"]: item["annotations"].get("workers/tag", "")
            for item in self.api.rollouts.uploads[worker]
        }
        live = self.api.rollouts.releases[worker][-1]["versions"]
        return [(tags[item["version_id"]], item["percentage"]) for item in live]

    def outcome(self) -> str:
        """How the traffic is shared, and what the databases have."""
        rows = {
            name: [str(row) for row in connection.execute("SELECT sql FROM sqlite_master")]
            for name, connection in self.api.databases.items()
        }
        return json.dumps([self.shares(), self.shares("shop-staging"), rows], sort_keys=True)

    def context(self) -> Context:
        tools: Any = Tools()
        return Context(self.tools, Git(self.tools), tools, lambda _: None)

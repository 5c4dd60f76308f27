"""A provision, and a destroy, with every request that changes the account broken once: the next run
finishes it.

The requests are those of wrangler, the answers those of the stand-in for Cloudflare's API. What the
real wrangler makes of a fault is shown by ``tests/acceptance/test_fault_sample.py``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from account_in_process import InProcess
from cfpy.account.destroy import DestroyRequest
from cfpy.account.destroy import run as run_destroy
from cfpy.account.plan import Plan
from cfpy.account.provision import ProvisionRequest
from cfpy.account.provision import run as run_provision
from cfpy.errors import PlanConflictError
from preview_account import FAULTS, Fault
from preview_stage import CONFIG, SETTINGS, Stage

IDS = ("database_id", "id")
# A D1 database with two requests for its migration, a namespace, a bucket, two queues, an index
# with a metadata index, and a Worker for the secret.
MUTATIONS = 11
# The same without the parts.
DELETIONS = 7
# What ends a run within the command leaves what a kill leaves, so the other way is for these.
KILLS = [fault for fault in FAULTS if not fault.status]


class Provisioned(Stage):
    """A project of which the account has nothing yet."""

    def __init__(self, root: Path, cloudflare: InProcess) -> None:
        super().__init__(root, cloudflare)
        (root / "wrangler.toml").unlink(missing_ok=True)
        (root / "cfpy.state.json").unlink(missing_ok=True)
        document = tomllib.loads(CONFIG.replace("shop", "till"))
        for table in ("d1_databases", "kv_namespaces"):
            for key in IDS:
                document[table][0].pop(key, None)
        (root / "wrangler.json").write_text(json.dumps(document, indent=2))
        (root / "cfpy.toml").write_text(SETTINGS.replace("shop", "till"))

    def provision(self) -> Plan | None:
        asked = ProvisionRequest(self.root, "", {"API_TOKEN": "x"}, lambda _: None, None)
        return run_provision(self.context(), asked, self._confirm, lambda _: None)

    def destroy(self, *, dry_run: bool = False) -> Plan | None:
        asked = DestroyRequest(self.root, "", True, frozenset(), dry_run)
        return run_destroy(self.context(), asked, self._confirm, lambda _: None)

    def left(self) -> list[str]:
        """The account, the configuration and the record."""
        files = [self.root / name for name in ("wrangler.json", "cfpy.state.json")]
        texts = (path.read_text() if path.exists() else "" for path in files)
        return [self.outcome(), *texts]

    def created_by_others(self) -> str:
        """The account after somebody else created what has a name and no id."""
        self.api.buckets.append("till-files")
        self.api.queues |= {"till-jobs": "theirs", "till-dead": "theirs too"}
        self.api.add_index("till-index", 8, "cosine")
        self.api.scripts["till"] = []
        return self.outcome()


@pytest.fixture
def provisioned(
    stage: Callable[[], Stage], tmp_path: Path, cloudflare: InProcess
) -> Callable[[], Provisioned]:
    del stage
    return lambda: Provisioned(tmp_path, cloudflare)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_run_is_finished_by_the_next(
    fault: Fault, provisioned: Callable[[], Provisioned]
) -> None:
    clean = provisioned()
    clean.provision()
    wanted = clean.left()
    assert len(clean.tools.mutations) == MUTATIONS, clean.tools.mutations
    for number in range(1, MUTATIONS + 1):
        here = provisioned()
        here.broken(here.provision, number, fault)
        json.loads((here.root / "wrangler.json").read_text())
        here.provision()
        assert here.left() == wanted, number
        done = list(here.tools.mutations)
        plan = here.provision()
        assert plan is not None
        assert (plan.changes, here.tools.mutations) == ((), done)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_destroy_is_finished_by_the_next_and_leaves_no_claim(
    fault: Fault, provisioned: Callable[[], Provisioned]
) -> None:
    for number in range(1, DELETIONS + 1):
        here = provisioned()
        nothing = here.left()
        here.provision()
        here.broken(here.destroy, number, fault)
        here.destroy()
        assert here.left() == nothing, number
        theirs = here.created_by_others()
        here.destroy()
        assert here.outcome() == theirs, number


@pytest.mark.slow
@pytest.mark.parametrize("fault", KILLS, ids=lambda fault: fault.name)
def test_a_killed_provision_is_undone_by_a_destroy(
    fault: Fault, provisioned: Callable[[], Provisioned]
) -> None:
    nothing = provisioned().left()
    for number in range(1, MUTATIONS + 1):
        here = provisioned()
        here.broken(here.provision, number, fault)
        here.destroy()
        assert here.left() == nothing, number


@pytest.mark.parametrize("fault", KILLS, ids=lambda fault: fault.name)
def test_a_killed_destroy_is_undone_by_a_provision(
    fault: Fault, provisioned: Callable[[], Provisioned]
) -> None:
    clean = provisioned()
    clean.provision()
    wanted = clean.left()
    for number in range(1, DELETIONS + 1):
        here = provisioned()
        here.provision()
        here.broken(here.destroy, number, fault)
        deleted = [*here.tools.mutations][-1].split("/")[-2] in ("database", "namespaces")
        if fault.applied and deleted:
            # Its id is still in the configuration.
            with pytest.raises(PlanConflictError, match="it was deleted since, with its data"):
                here.provision()
            here.destroy()
        here.provision()
        assert here.left() == wanted, number


def test_a_refused_creation_leaves_no_claim_on_what_was_deleted(
    provisioned: Callable[[], Provisioned],
) -> None:
    here = provisioned()
    here.provision()
    here.api.buckets.remove("till-files")
    here.broken(here.provision, 1, FAULTS[0])
    here.created_by_others()
    here.destroy()
    assert here.api.buckets == ["shop-files", "till-files"]


def test_a_worker_that_is_gone_is_forgotten_when_it_is_seen(
    provisioned: Callable[[], Provisioned],
) -> None:
    here = provisioned()
    here.provision()
    (here.root / "cfpy.toml").write_text("")
    record = (here.root / "cfpy.state.json").read_text()
    assert "worker:till" in record
    document = json.loads((here.root / "wrangler.json").read_text())
    for name in ("secrets", "vectorize"):
        del document[name]
    (here.root / "wrangler.json").write_text(json.dumps(document))
    del here.api.scripts["till"]
    plan = here.destroy(dry_run=True)
    assert plan is not None
    assert any("worker:till, which the account no longer has" in said for said in plan.notices)
    assert (here.root / "cfpy.state.json").read_text() == record
    plan = here.provision()
    assert plan is not None
    assert plan.changes == ()
    assert "worker:till" not in (here.root / "cfpy.state.json").read_text()

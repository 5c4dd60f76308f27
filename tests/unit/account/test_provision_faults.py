"""A provision with every request that changes the account broken once: the next run finishes it.

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
from cfpy.account.plan import Plan
from cfpy.account.provision import ProvisionRequest
from cfpy.account.provision import run as run_provision
from preview_account import FAULTS, Fault
from preview_stage import CONFIG, SETTINGS, Stage

IDS = ("database_id", "id")
# A D1 database with two requests for its migration, a namespace, a bucket, two queues, an index
# with a metadata index, and a Worker for the secret.
MUTATIONS = 11


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

    def left(self) -> list[str]:
        """The account, the configuration and the record."""
        files = [self.root / name for name in ("wrangler.json", "cfpy.state.json")]
        return [self.outcome(), *(path.read_text() for path in files)]


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

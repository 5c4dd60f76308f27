"""What wrangler uploads of each pattern, including packages, against the budget of a test.

Each start of a Worker reads all of it. The time that its imports take in Pyodide is in the table of
`cfpy dev`, above.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "acceptance"))

from comparison import Target

from cfpy.account.wrangler import Wrangler
from cfpy.bindings.wrangler_config import load_project
from cfpy.patterns.new import NewRequest, run
from cfpy.project.vendor import vendor
from cfpy.tools.context import build_context
from upload_budgets import BUDGETS

TARGETS = tuple(
    target
    for name in BUDGETS
    for target in (
        Target(f"{name}: upload", f"{name}: budget", 1.0, "MB"),
        Target(f"{name}: modules", f"{name}: budget of modules", 1.0, "modules"),
    )
)


def measure(_rounds: int) -> dict[str, float]:
    """Megabytes and modules."""
    found: dict[str, float] = {}
    context = build_context(lambda _: None)
    for name, (most_bytes, most_modules) in BUDGETS.items():
        with tempfile.TemporaryDirectory() as scratch:
            asked = NewRequest(
                name, "shop", Path(scratch), {}, interactive=False, dry_run=False, git=False
            )
            project = run(context, asked).path
            vendor(load_project(project), context.runner, context.progress)
            out = Path(scratch, "out")
            config = project / "wrangler.toml"
            wrangler = Wrangler(context.runner, context.toolchain, project, config=config)
            wrangler.deploy_dry_run(out_dir=out)
            modules = [path for path in out.rglob("*") if path.is_file()]
            found[f"{name}: upload"] = sum(path.stat().st_size for path in modules) / 1e6
            found[f"{name}: modules"] = len(modules)
            found[f"{name}: budget"] = most_bytes / 1e6
            found[f"{name}: budget of modules"] = most_modules
    return found

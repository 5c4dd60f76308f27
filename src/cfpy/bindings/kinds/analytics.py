"""Analytics Engine: events that a Worker writes, and SQL reads."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import own_name
from cfpy.bindings.kind import REAL, BindingKind, only_local, used


def _add(asked: Asked) -> Addition:
    # A dataset's name follows the rules for SQL tables:
    # developers.cloudflare.com/analytics/analytics-engine
    dataset = asked.resource.replace("-", "_")
    edit = asked.entry("analytics_engine_datasets", binding=asked.binding, dataset=dataset)
    return Addition((edit,), asked.binding, resource=dataset)


ANALYTICS = BindingKind(
    name="analytics",
    table="analytics_engine_datasets",
    label="Analytics Engine dataset",
    strings=("dataset",),
    keys={**used("binding", "dataset"), **only_local("remote")},
    becomes=own_name("dataset"),
    name_keys=("dataset",),
    named_as_bound=True,
    api_type="analytics_engine",
    api_keys=("dataset",),
    meter="analytics.points",
    local=REAL,
    js_class="AnalyticsEngineDataset",
    python_type="AnalyticsEngine",
    add=_add,
    example="events",
    python="""\
self.env.{b}.writeDataPoint({{"blobs": ["signup"], "doubles": [1], "indexes": ["web"]}})
""",
    javascript="""\
env.{b}.writeDataPoint({{ blobs: ["signup"], doubles: [1], indexes: ["web"] }});
""",
)

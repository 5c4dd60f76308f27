"""Service bindings: another Worker of the account, called without a request over the network."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import SHARED, of_worker
from cfpy.bindings.kind import REAL, BindingKind, only_local, passed, used


def _add(asked: Asked) -> Addition:
    # The Worker exists, so NAME is its name.
    edit = asked.entry("services", binding=asked.binding, service=asked.name)
    return Addition((edit,), asked.binding, resource=asked.name)


SERVICE = BindingKind(
    name="service",
    table="services",
    label="service",
    strings=("service", "entrypoint"),
    keys={**used("binding"), **passed("service", "entrypoint", "props"), **only_local("remote")},
    becomes=of_worker("service", SHARED),
    # It fails until the other Worker also runs here: see configuration.left_out().
    local=REAL,
    js_class="Fetcher",
    python_type="Fetcher",
    add=_add,
    example="billing",
    python="""\
answer = await self.env.{b}.fetch("https://worker/")
""",
    javascript="""\
const answer = await env.{b}.fetch("https://worker/");
""",
)

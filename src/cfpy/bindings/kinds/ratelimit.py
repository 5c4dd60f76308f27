"""Rate limits: count requests by a key, per location."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import number_of, own_number
from cfpy.bindings.kind import REAL, BindingKind, passed, used


def _add(asked: Asked) -> Addition:
    edit = asked.entry(
        "ratelimits",
        name=asked.binding,
        namespace_id=number_of(f"{asked.scope['name']}/{asked.binding}"),
        # The period is 10 or 60 seconds.
        simple={"limit": 100, "period": 60},
    )
    return Addition((edit,), asked.binding)


RATELIMIT = BindingKind(
    name="ratelimit",
    table="ratelimits",
    label="rate limit",
    binding_key="name",
    required=("name",),
    keys={**used("name"), **passed("namespace_id", "simple")},
    # Workers with the same namespace_id share their counters.
    becomes=own_number("namespace_id", "name"),
    # It has no line in the price list: developers.cloudflare.com/workers/platform/pricing
    free=True,
    local=REAL,
    js_class="Ratelimit",
    python_type="RateLimit",
    add=_add,
    example="limiter",
    # developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit
    python="""\
allowed = (await self.env.{b}.limit({{"key": "a user"}}))["success"]
""",
    javascript="""\
const {{ success }} = await env.{b}.limit({{ key: "a user" }});
""",
)

"""Workers AI: models on Cloudflare."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.kind import STAND_IN, BindingKind, Shape, only_local, passed, used


def _add(asked: Asked) -> Addition:
    return Addition((asked.only_table("ai", binding=asked.binding),), asked.binding)


AI = BindingKind(
    name="ai",
    table="ai",
    label="Workers AI",
    shape=Shape.TABLE,
    keys={**used("binding"), **passed("staging"), **only_local("remote")},
    meter="ai.neurons",
    local=STAND_IN,
    js_class="Ai",
    python_type="AI",
    add=_add,
    example="AI",
    python="""\
model = "@cf/baai/bge-base-en-v1.5"
answer = await self.env.{b}.run(model, {{"text": ["hello"]}})
vector = answer["data"][0]
""",
    javascript="""\
const answer = await env.{b}.run("@cf/baai/bge-base-en-v1.5", {{ text: ["hello"] }});
const vector = answer.data[0];
""",
)

"""Vectorize: indexes of vectors. ``cfpy.toml`` has their dimensions and metric."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import own_name
from cfpy.bindings.kind import STAND_IN, BindingKind, only_local, used
from cfpy.errors import UsageError
from cfpy.project.edits import Append


def _add(asked: Asked) -> Addition:
    options = asked.options
    # developers.cloudflare.com/vectorize/platform/limits
    if not 1 <= options.dimensions <= 1536:
        raise UsageError(f"--dimensions must be 1 to 1536, not {options.dimensions}")
    if options.metric not in ("cosine", "euclidean", "dot-product"):
        raise UsageError(
            f"unknown --metric {options.metric!r}", hint="Use cosine, euclidean or dot-product."
        )
    index = asked.resource
    settings = {"index_name": index, "dimensions": options.dimensions, "metric": options.metric}
    return Addition(
        (asked.entry("vectorize", binding=asked.binding, index_name=index),),
        asked.binding,
        settings=(Append(("vectorize",), settings),),
        resource=index,
    )


VECTORIZE = BindingKind(
    name="vectorize",
    table="vectorize",
    label="Vectorize index",
    strings=("index_name",),
    keys={**used("binding", "index_name"), **only_local("remote")},
    becomes=own_name("index_name"),
    name_keys=("index_name",),
    settings="vectorize",
    owned="vectorize",
    subcommand="vectorize",
    api_type="vectorize",
    api_keys=("index_name",),
    permission="Vectorize: Edit",
    permission_of=("vectorize",),
    meter="vectorize.queried",
    local=STAND_IN,
    js_class="VectorizeIndexImpl",
    python_type="Vectorize",
    add=_add,
    example="passages",
    python="""\
await self.env.{b}.upsert([{{"id": "a", "values": vector, "metadata": {{"lang": "en"}}}}])
nearest = await self.env.{b}.query(vector, {{"topK": 5, "returnMetadata": "indexed"}})
""",
    javascript="""\
await env.{b}.upsert([{{ id: "a", values: vector, metadata: {{ lang: "en" }} }}]);
const nearest = await env.{b}.query(vector, {{ topK: 5, returnMetadata: "indexed" }});
""",
)

"""Workers KV: values by key, read everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import WITHOUT_IDS
from cfpy.bindings.finding import Finding
from cfpy.bindings.id_forms import not_hex
from cfpy.bindings.kind import REAL, BindingKind, only_local, used
from cfpy.tools.invocation import command


def _add(asked: Asked) -> Addition:
    edit = asked.entry("kv_namespaces", binding=asked.binding)
    return Addition((edit,), asked.binding, resource=asked.resource)


def _check(scope: Mapping[str, Any]) -> Iterator[Finding]:
    fix = f"Remove it: {command('provision')} writes the right one."
    yield from not_hex(scope.get("kv_namespaces") or [], "id", fix)


KV = BindingKind(
    name="kv",
    table="kv_namespaces",
    label="KV namespace",
    strings=("id",),
    keys={**used("binding", "id"), **only_local("preview_id", "remote")},
    becomes=WITHOUT_IDS,
    id_key="id",
    check=_check,
    owned="kv",
    subcommand="kv namespace",
    api_type="kv_namespace",
    api_keys=("namespace_id",),
    permission="Workers KV Storage: Edit",
    permission_of=("storage", "kv"),
    meter="kv.reads",
    local=REAL,
    js_class="KvNamespace",
    python_type="KVNamespace",
    add=_add,
    example="sessions",
    python="""\
await self.env.{b}.put("greeting", "hello", {{"expirationTtl": 3600}})
value = await self.env.{b}.get("greeting")  # None once it has expired
""",
    javascript="""\
await env.{b}.put("greeting", "hello", {{ expirationTtl: 3600 }});
const value = await env.{b}.get("greeting"); // null once it has expired
""",
)

"""AI Search: an instance that indexes documents and answers questions about them."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import SHARED
from cfpy.bindings.kind import BindingKind, only_local, passed, remote_only


def _add(asked: Asked) -> Addition:
    # The instance exists, so NAME is its name: wrangler ai-search create NAME.
    edit = asked.entry("ai_search", binding=asked.binding, instance_name=asked.name)
    return Addition((edit,), asked.binding, resource=asked.name)


AI_SEARCH = BindingKind(
    name="ai-search",
    table="ai_search",
    label="AI Search instance",
    strings=("instance_name",),
    keys={**passed("binding", "instance_name"), **only_local("remote")},
    becomes=SHARED,
    local=remote_only(
        *("search", "chatCompletions", "get", "list", "create", "delete", "info", "items", "jobs")
    ),
    js_class="AiSearchInstance",
    python_type="AISearch",
    add=_add,
    example="docs",
    # developers.cloudflare.com/ai-search/api/search/workers-binding
    python="""\
found = await self.env.{b}.search(query="How do I deploy?")
""",
    javascript="""\
const found = await env.{b}.search({{ query: "How do I deploy?" }});
""",
)

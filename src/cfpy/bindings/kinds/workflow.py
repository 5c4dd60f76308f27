"""Workflows: steps that are each retried until done, in a class of the Worker."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import of_worker, own_name
from cfpy.bindings.class_module import ClassModule
from cfpy.bindings.kind import BindingKind, passed, python_class, used
from cfpy.project.edits import Append

# workerd's compatibility-date.capnp: from this date on, python_workers implies it.
_PYTHON_WORKFLOWS_SINCE = "2025-09-20"
_PYTHON = '''\
"""{name}: steps that are each retried until done, and not done again once they are.

developers.cloudflare.com/workflows/python
"""

from __future__ import annotations

from typing import Any

from workers import WorkflowEntrypoint


class {name}(WorkflowEntrypoint):
    """Begun with ``create``; the runtime wakes it for each step."""

    async def run(self, event: Any, step: Any) -> Any:
        """Run the steps. What a step returns is kept, so it has to be serialisable."""

        async def greet() -> str:
            return f"Hello, {{event['payload']['name']}}"

        return await step.do("greet")(greet)()
'''
_TYPESCRIPT = """\
import {{ WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep }} from "cloudflare:workers";

/** Steps that are each retried until done, and not done again once they are. */
export class {name} extends WorkflowEntrypoint {{
  async run(event: WorkflowEvent<{{ name: string }}>, step: WorkflowStep): Promise<string> {{
    return step.do("greet", async () => `Hello, ${{event.payload.name}}`);
  }}
}}
"""
_MODULE = ClassModule(
    "WorkflowEntrypoint",
    frozenset({"Any", "Promise", "WorkflowEvent", "WorkflowStep"}),
    _PYTHON,
    _TYPESCRIPT,
    (
        (", type WorkflowEvent, type WorkflowStep", ""),
        ("event: WorkflowEvent<{{ name: string }}>, step: WorkflowStep", "event, step"),
        ("): Promise<string>", ")"),
    ),
)


def _add(asked: Asked) -> Addition:
    name = asked.resource
    edits = [
        asked.entry("workflows", name=name, binding=asked.binding, class_name=asked.class_name)
    ]
    flags = asked.scope.get("compatibility_flags") or []
    old = str(asked.scope.get("compatibility_date", "")) < _PYTHON_WORKFLOWS_SINCE
    if asked.main.endswith(".py") and old and "python_workflows" not in flags:
        own = asked.environment and "compatibility_flags" in asked.config["env"][asked.environment]
        flags_path = asked.path("compatibility_flags") if own else ("compatibility_flags",)
        edits.append(Append(flags_path, "python_workflows"))
    files, export = _MODULE.of(asked)
    return Addition(tuple(edits), asked.binding, files=files, export=export, resource=name)


WORKFLOW = BindingKind(
    name="workflow",
    table="workflows",
    label="Workflow",
    required=("binding", "name"),
    strings=("name", "class_name", "script_name", "jurisdiction"),
    keys={
        **used("binding"),
        **passed("name", "class_name", "script_name", "limits", "concurrency"),
        **passed("schedules", "default_retention", "jurisdiction"),
    },
    becomes=of_worker("script_name", own_name("name")),
    name_keys=("name",),
    local=python_class("create", "createBatch", "get"),
    js_class="WorkflowImpl",
    python_type="Workflow",
    add=_add,
    example="checkout",
    python="""\
instance = await self.env.{b}.create({{"params": {{"name": "you"}}}})
""",
    javascript="""\
const instance = await env.{b}.create({{ params: {{ name: "you" }} }});
""",
)

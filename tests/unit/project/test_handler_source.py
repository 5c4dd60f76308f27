"""The handler that `cfpy add` adds to a Worker's entry module."""

from __future__ import annotations

import ast

import pytest

from cfpy.project.edits import NewHandler
from cfpy.project.handler_source import with_python_handler, with_script_handler
from cfpy.project.python_source import handler_line

NEW = NewHandler("scheduled", "controller", "ScheduledController", ("print(1)",), ("log(1);",))
HEAD = "from workers import WorkerEntrypoint\n\n\n"
CLASS = "class Default(WorkerEntrypoint):\n    async def fetch(self, request):\n        pass\n"


@pytest.mark.parametrize(
    "source",
    [
        HEAD + CLASS,
        HEAD + CLASS.rstrip("\n"),
        HEAD + CLASS + "\n\nasync def helper():\n    pass\n",
        HEAD + CLASS.replace("    ", "\t"),
        HEAD + CLASS.replace("WorkerEntrypoint", "workers.WorkerEntrypoint"),
        HEAD + "class Other:\n    def scheduled(self):\n        pass\n\n\n" + CLASS,
        HEAD + CLASS.replace("Default", "Admin") + "\n\n" + CLASS,
        HEAD + "class Default(WorkerEntrypoint):\n    pass\n",
        HEAD + 'class Default(WorkerEntrypoint):\n    """Says so."""\n',
        HEAD + CLASS + "    # The end.\n",
    ],
)
def test_a_class_gets_the_method(source: str) -> None:
    changed = with_python_handler(source, NEW)
    assert changed is not None
    [owner] = [
        node
        for node in ast.parse(changed).body
        if isinstance(node, ast.ClassDef) and node.name == "Default"
    ]
    assert "scheduled" in [getattr(node, "name", "") for node in owner.body]
    assert handler_line(changed, "scheduled", python=True)
    assert set(source.splitlines()) <= set(changed.splitlines())


def test_a_typed_module_gets_types() -> None:
    types = "if TYPE_CHECKING:\n    from bindings import Queue\n\n\n"
    changed = with_python_handler(HEAD + types + CLASS + "\n\nX = 1\n", NEW)
    assert changed is not None
    assert "    from bindings import Queue, ScheduledController\n" in changed
    head = (
        "    async def scheduled(\n        self, controller: ScheduledController, env: None = None"
    )
    assert (
        f"        pass\n\n{head}, ctx: None = None\n    ) -> None:\n        print(1)\n" in changed
    )
    assert changed.endswith("\n\n\nX = 1\n")


def test_a_module_of_functions_gets_a_function() -> None:
    source = "async def on_fetch(request, env):\n    pass"
    changed = with_python_handler(source, NEW)
    assert changed == source + "\n\n\nasync def on_scheduled(controller, env, ctx):\n    print(1)\n"


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = 1\n",
        "from elsewhere import Default as Default\n",
        HEAD + "class Default(WorkerEntrypoint): pass\n",
        HEAD + "class Default(WorkerEntrypoint):\n    scheduled = other\n",
    ],
)
def test_python_without_a_place_stays(source: str) -> None:
    assert with_python_handler(source, NEW) is None


def test_broken_python_is_an_error() -> None:
    with pytest.raises(SyntaxError):
        with_python_handler("class Default(\n", NEW)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "export default {\n  fetch() {},\n};\n",
            "export default {\n  async scheduled(controller) {\n    log(1);\n  },\n"
            "  fetch() {},\n};\n",
        ),
        (
            "export default { fetch() {} };",
            "export default {\n  async scheduled(controller) {\n    log(1);\n  }, fetch() {} };",
        ),
        (
            "export default class extends WorkerEntrypoint {\n  fetch() {}\n}\n",
            "export default class extends WorkerEntrypoint {\n  async scheduled(controller) {\n"
            "    log(1);\n  }\n\n  fetch() {}\n}\n",
        ),
    ],
)
def test_a_default_export_gets_the_method(source: str, expected: str) -> None:
    assert with_script_handler(source, NEW, typed=False) == expected
    typed = with_script_handler(source, NEW, typed=True)
    assert typed == expected.replace("(controller)", "(controller: ScheduledController)")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "export default app;\n",
        "const worker = {};\nexport default worker;\n",
        "export default {\n  scheduled: run,\n};\n",
        "export default {\n  fetch, scheduled };\n",
        "export default {\n  scheduled,\n};\n",
        "// export default {\n",
    ],
)
def test_javascript_without_a_place_stays(source: str) -> None:
    assert with_script_handler(source, NEW, typed=False) is None

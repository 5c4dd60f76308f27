"""The handler that `cfpy add` adds to a Python Worker's main module, or does not."""

from __future__ import annotations

import ast
import sys
import types
from typing import Any

import pytest

from cfpy.project.edits import NewHandler
from cfpy.project.python_handler import with_python_handler
from cfpy.project.python_source import chosen_by

NEW = NewHandler("queue", "batch", "MessageBatch", ("for x in y:", "    print(x)"), ("log(1);",))
HEAD = "from workers import WorkerEntrypoint\n\n\n"
CLASS = "class Default(WorkerEntrypoint):\n    async def fetch(self, request):\n        pass\n"
PLAIN = HEAD + CLASS
FUNCTION = "async def on_fetch(request, env):\n    pass\n"

EDITED = [
    PLAIN,
    PLAIN.rstrip("\n"),
    PLAIN + "\n\nasync def helper():\n    pass\n",
    PLAIN.replace("    ", "\t"),
    PLAIN.replace("    ", "  "),
    PLAIN.replace("import WorkerEntrypoint", "import Response, WorkerEntrypoint as W").replace(
        "(WorkerEntrypoint)", "(W)"
    ),
    "import workers\n\n\n" + CLASS.replace("WorkerEntrypoint", "workers.WorkerEntrypoint"),
    "import workers as w\n\n\n" + CLASS.replace("WorkerEntrypoint", "w.WorkerEntrypoint"),
    HEAD + "class Other:\n    def queue(self):\n        self.queue = 1\n\n\n" + CLASS,
    HEAD + CLASS.replace("Default", "Admin") + "\n\n" + CLASS,
    HEAD + "class Default(WorkerEntrypoint):\n    pass\n",
    HEAD + "class Default(WorkerEntrypoint):\n    pass; x = 1\n",
    HEAD + 'class Default(WorkerEntrypoint):\n    """Says so."""\n',
    HEAD + 'class Default(WorkerEntrypoint):\n    """Says\nso.\n"""\n',
    PLAIN + "    # The end.\n",
    PLAIN + "\n    @property\n    def queues(self):\n        return {'queue': 'queue'}\n",
    PLAIN + "\n    async def run(self, queue, on_queue=None):\n        queue = on_queue\n",
    PLAIN + "\n    class Inner:\n        queue = 1\n",
    PLAIN + "\n    def send(self):\n        self.env.queue.send(self.queue)\n",
    PLAIN + '\n\n__all__ = ["Default"]\n',
    PLAIN + "\n\nqueue = 1\n",
    PLAIN + '\n\ndef names():\n    return globals(), "queue"\n',
    '"""Reads the queue."""\n' + PLAIN,
]
ALREADY = [
    PLAIN + "\n    async def queue(self, batch):\n        pass\n",
    PLAIN + "\n    def queue(self, batch):\n        pass\n",
    PLAIN + "\n    @traced\n    def queue(self, batch):\n        pass\n",
    PLAIN + "\n    queue = handlers.queue\n",
    PLAIN + "\n    queue: Handler = handlers.queue\n",
    PLAIN + "\n    other = queue = handlers.queue\n",
    PLAIN + "\n    from handlers import queue\n",
    PLAIN + "\n    from handlers import read as queue\n",
    PLAIN + "\n    import handlers as queue\n",
    PLAIN.replace("(WorkerEntrypoint)", "(Base)") + "\n    def queue(self, batch):\n        pass\n",
    PLAIN + "\n    class queue:\n        pass\n",
    FUNCTION + "\n\ndef on_queue(batch, env, ctx):\n    pass\n",
    "from handlers import on_queue\n" + FUNCTION,
    "from handlers import on_fetch, on_queue\n",
    FUNCTION + "on_queue = read\n",
]
CLASS_BODIES = [
    "a, queue = handlers",
    "[*queue] = handlers",
    "queue: Handler",
    "(queue := run)",
    "if True:\n        def queue(self, batch):\n            pass",
    "try:\n        from handlers import queue\n    except ImportError:\n        pass",
    "with suppress(ImportError):\n        def queue(self, batch):\n            pass",
    "for queue in handlers:\n        pass",
    "while True:\n        queue = run\n        break",
    "match handlers:\n        case [queue]:\n            pass",
    "match handlers:\n        case {**queue}:\n            pass",
    "try:\n        pass\n    except ValueError as queue:\n        pass",
    "with handlers as queue:\n        pass",
    "queue = run\n    del queue",
    "from handlers import *",
    "if True:\n        from handlers import *",
    'locals()["queue"] = run',
    'vars().update({"que" + "ue": run})',
    'exec("def queue(self): pass")',
    '@on("queue")\n    async def read(self, batch):\n        pass',
    'handlers = register("queue", run)',
    "def __getattr__(self, name):\n        return handlers[name]",
    "def __getattribute__(self, name):\n        return handlers[name]",
    "def __init__(self, ctx, env):\n        self.queue = run",
    "def __init__(self, ctx, env):\n        self.a, self.queue = run",
    "def __init__(self, ctx, env):\n        type(self).queue = run",
    "def __init__(self, ctx, env):\n        setattr(self, name, run)",
    "def __init__(self, ctx, env):\n        self.__dict__.update(handlers)",
    "@on.queue\n    async def read(self, batch):\n        pass",
]
UNSURE = [
    # Its base is not the SDK's class, or not only that.
    PLAIN.replace("(WorkerEntrypoint)", "(WorkerEntrypoint, Reads)"),
    PLAIN.replace("(WorkerEntrypoint)", "(Reads, WorkerEntrypoint)"),
    PLAIN.replace("(WorkerEntrypoint)", "(WorkerEntrypoint, metaclass=Reads)"),
    PLAIN.replace("(WorkerEntrypoint)", "(WorkerEntrypoint, **settings)"),
    PLAIN.replace("(WorkerEntrypoint)", "(*bases)"),
    PLAIN.replace("(WorkerEntrypoint)", "(reading(WorkerEntrypoint))"),
    PLAIN.replace("(WorkerEntrypoint)", "(WorkerEntrypoint[Env])"),
    PLAIN.replace("(WorkerEntrypoint)", "()"),
    HEAD
    + "class Base(WorkerEntrypoint):\n    pass\n\n\n"
    + CLASS.replace("(Worker", "(Base, Worker"),
    HEAD
    + "class Base(WorkerEntrypoint):\n    pass\n\n\n"
    + CLASS.replace("WorkerEntrypoint", "Base"),
    "from base import BaseWorkerEntrypoint\n" + CLASS.replace("(W", "(BaseW"),
    "from base import WorkerEntrypoint\n" + CLASS,
    "from .workers import WorkerEntrypoint\n" + CLASS,
    "from base import workers\n" + CLASS.replace("(W", "(workers.W"),
    "import base.workers\n" + CLASS.replace("(W", "(base.workers.W"),
    "import workers.asgi as asgi\n" + CLASS.replace("WorkerEntrypoint", "asgi.entrypoint(app)"),
    CLASS,
    PLAIN.replace("\n\n\n", "\n\n\nWorkerEntrypoint = reading(WorkerEntrypoint)\n"),
    "try:\n    from workers import WorkerEntrypoint\nexcept ImportError:\n    pass\n" + CLASS,
    PLAIN.replace("class Default", "@reading\nclass Default"),
    # The name may be bound in its body.
    *(f"{PLAIN}\n    {body}\n" for body in CLASS_BODIES),
    # Older runtimes call these.
    PLAIN + "\n    async def on_queue(self, batch):\n        pass\n",
    PLAIN + "\n\nasync def on_queue(batch, env, ctx):\n    pass\n",
    # It may be changed, or replaced, elsewhere.
    PLAIN + "\n\nDefault.queue = run\n",
    PLAIN + '\n\nsetattr(Default, "queue", run)\n',
    PLAIN + "\n\nfor name in names:\n    setattr(Default, name, run)\n",
    PLAIN + "\n\nregister(Default)\n",
    PLAIN + "\n\nDefault = reading(Default)\n",
    PLAIN + "\n\nAlias = Default\nAlias.queue = run\n",
    PLAIN + "\n\ndef install():\n    Default.queue = run\n\n\ninstall()\n",
    PLAIN + "\n\ndef install():\n    global Default\n    Default = other\n\n\ninstall()\n",
    PLAIN + '\n\nglobals()["Default"].queue = run\n',
    PLAIN + "\n\nsys.modules[__name__].Default.read = run\n",
    PLAIN + "\n\nWorkerEntrypoint.queue = run\n",
    PLAIN + "\n\nfor Worker in WorkerEntrypoint.__subclasses__():\n    Worker.queue = run\n",
    PLAIN + "\n\nexec(code)\n",
    PLAIN + "\n\nfrom handlers import *\n",
    "from handlers import *\n" + PLAIN,
    "try:\n    from handlers import *\nexcept ImportError:\n    pass\n" + PLAIN,
    # There is no class Default, or not one only.
    "",
    "x = 1\n",
    "from elsewhere import Default as Default\n",
    "from elsewhere import Default\n" + HEAD + CLASS.replace("Default", "Admin"),
    HEAD + CLASS.replace("Default", "Admin"),
    HEAD + CLASS.replace("Default", "Admin") + "\n\nDefault = Admin\n",
    HEAD + CLASS.replace("Default", "Admin") + "\n\nDefault = asgi.entrypoint(app)\n",
    HEAD + "if production:\n    class Default(WorkerEntrypoint):\n        pass\n",
    HEAD + "if production:\n    class Default(WorkerEntrypoint):\n        pass\n\n\n" + CLASS,
    PLAIN + "\n\n" + CLASS,
    PLAIN + "\n\ndel Default\n",
    HEAD + CLASS.replace("Default", "Admin") + "\n\nfrom elsewhere import *\n",
    # There is no line for it.
    HEAD + "class Default(WorkerEntrypoint): pass\n",
    # Functions.
    FUNCTION + "a, on_queue = handlers\n",
    FUNCTION + "if production:\n    def on_queue(batch, env, ctx):\n        pass\n",
    FUNCTION + "try:\n    from handlers import on_queue\nexcept ImportError:\n    pass\n",
    FUNCTION + "def install():\n    global on_queue\n    on_queue = run\n\n\ninstall()\n",
    FUNCTION + 'globals()["on_queue"] = run\n',
    FUNCTION + "globals().update(handlers)\n",
    FUNCTION + 'exec("def on_queue(): pass")\n',
    FUNCTION + "def __getattr__(name):\n    return handlers[name]\n",
    FUNCTION + "import entry\nentry.on_queue = run\n",
    FUNCTION + 'setattr(sys.modules[__name__], "on_" + "queue", run)\n',
    "from handlers import *\n" + FUNCTION,
    "from workers import *\n" + FUNCTION,
    # What this Python can't read.
    "class Default(\n",
    "x = 1\0\n",
    PLAIN.replace("\n", "\r"),
    PLAIN + '    x = "a\rb"\n',
    f"x = {'(' * 5000}{')' * 5000}\n",
    PLAIN + f"x = {'-' * 5000}1\n",
    PLAIN + f"x = {'a.' * 5000}a\n",
]


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("workers")
    module.WorkerEntrypoint = type("WorkerEntrypoint", (), {})  # type: ignore[attr-defined]
    module.Response = None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "workers", module)


@pytest.mark.parametrize("source", EDITED)
def test_a_class_gets_the_method(source: str) -> None:
    done = with_python_handler(source, NEW, functions=True)
    assert (done.new, done.why) == (True, "")
    [owner] = [
        node
        for node in ast.parse(done.source).body
        if isinstance(node, ast.ClassDef) and node.name == "Default"
    ]
    method = owner.body[-1]
    assert isinstance(method, ast.AsyncFunctionDef)
    assert (method.name, method.lineno) == ("queue", done.line)
    assert set(source.splitlines()) <= set(done.source.splitlines())
    module: dict[str, Any] = {"__name__": "entry"}
    exec(done.source, module)
    assert module["Default"].queue.__code__.co_firstlineno == done.line
    again = with_python_handler(done.source, NEW, functions=True)
    assert (again.source, again.line, again.new) == (done.source, done.line, False)


@pytest.mark.parametrize("indent", ["    ", "\t", "  "])
def test_comments_at_the_end_of_a_class_stay_in_their_method(indent: str) -> None:
    tail = "        # The end of fetch.\n\n    # async def other(self): ...\n"
    source = PLAIN + tail + "\n\n# About what follows.\n" + "x = 1\n"
    source = source.replace("    ", indent)
    done = with_python_handler(source, NEW)
    kept, found, method = done.source.partition(f"\n{indent}async def queue")
    assert found
    assert kept == (PLAIN + tail).replace("    ", indent)
    assert method.endswith("\n\n\n# About what follows.\nx = 1\n")


@pytest.mark.parametrize("source", ALREADY)
def test_a_handler_that_is_there_is_found(source: str) -> None:
    done = with_python_handler(source, NEW, functions=True)
    assert (done.source, done.new, done.why) == (source, False, "")
    assert "queue" in source.splitlines()[done.line - 1]


@pytest.mark.parametrize("source", UNSURE)
def test_what_is_not_sure_stays_with_the_reason(source: str) -> None:
    done = with_python_handler(source, NEW, functions=True)
    assert (done.source, done.line, done.new) == (source, 0, False)
    assert done.why
    assert not done.why.endswith(".")


def test_the_reason_names_the_line() -> None:
    source = PLAIN.replace("WorkerEntrypoint)", "Reads)")
    assert (
        with_python_handler(source, NEW, functions=True).why
        == "the base class Reads may define handlers (line 4)"
    )
    source = PLAIN + "\n    a, queue = handlers\n"
    assert with_python_handler(source, NEW, functions=True).why == "line 8 may bind queue"
    source = PLAIN + "\n\nDefault.queue = run\n"
    assert (
        with_python_handler(source, NEW, functions=True).why
        == "line 9 uses Default, and may change it"
    )
    source = HEAD + CLASS.replace("Default", "Admin")
    assert (
        with_python_handler(source, NEW, functions=True).why
        == "it has no class Default, which gets the events"
    )


TYPES = "if TYPE_CHECKING:\n    from bindings import Queue\n\n\n"
POSTPONED = "from __future__ import annotations\n\n"


def test_a_typed_module_gets_types() -> None:
    done = with_python_handler(POSTPONED + HEAD + TYPES + CLASS + "\n\nX = 1\n", NEW)
    assert "    from bindings import MessageBatch, Queue\n" in done.source
    own = "self, batch: MessageBatch, env: None = None, ctx: None = None"
    head = f"    async def queue({own}) -> None:"
    assert f"        pass\n\n{head}\n        for x in y:\n" in done.source
    assert done.source.endswith("\n\n\nX = 1\n")
    assert done.source.splitlines()[done.line - 1] == head


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        # Python 3.13 and older evaluate annotations when the class is created.
        (HEAD + TYPES + CLASS, "import Queue\n"),
        # A module of the project's own with that name has no such type.
        (POSTPONED + HEAD + "from bindings import Queue\n\n\n" + CLASS, "import Queue\n"),
        (POSTPONED + "from mail import MessageBatch\n" + HEAD + TYPES + CLASS, "import Queue\n"),
    ],
)
def test_a_type_that_is_not_there_is_not_used(source: str, kept: str) -> None:
    done = with_python_handler(source, NEW, functions=True)
    assert "async def queue(self, batch, env=None, ctx=None):\n" in done.source
    assert kept in done.source


def test_imported_types_keep_their_other_names() -> None:
    imported = TYPES.replace("Queue", "Queue as Jobs, R2Bucket")
    done = with_python_handler(POSTPONED + HEAD + imported + CLASS, NEW)
    assert "    from bindings import MessageBatch, Queue as Jobs, R2Bucket\n" in done.source


def test_a_module_of_functions_gets_a_function() -> None:
    for source in (FUNCTION, FUNCTION.rstrip("\n"), "import re\n" + FUNCTION + "\n\nX = 1\n"):
        done = with_python_handler(source, NEW, functions=True)
        end = "\n\nasync def on_queue(batch, env, ctx):\n    for x in y:\n        print(x)\n"
        assert done.source == source.removesuffix("\n") + "\n" + end
        assert done.source.splitlines()[done.line - 1].startswith("async def on_queue")


@pytest.mark.parametrize("source", [FUNCTION, FUNCTION + "\n\ndef on_queue(batch):\n    pass\n"])
def test_functions_that_the_runtime_does_not_call_are_no_handlers(source: str) -> None:
    done = with_python_handler(source, NEW)
    assert (done.source, done.line) == (source, 0)
    assert done.why == "it has no class Default, which gets the events"


def test_the_function_that_chooses_the_code_is_found() -> None:
    source = "def reader(name):\n    pass\n\n\ndef queue(self, batch):\n    {}\n"
    assert chosen_by(source.format("reader(batch.queue)()"), "queue", "batch.queue") == (
        "reader",
        1,
    )
    assert chosen_by(source.format("other(batch.queue)()"), "queue", "batch.queue") == ("", 0)
    assert chosen_by(source.format("reader(batch)"), "queue", "batch.queue") == ("", 0)

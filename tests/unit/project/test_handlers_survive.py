"""No edit replaces a handler that a Python Worker has when it runs, in whatever way it got it."""

from __future__ import annotations

import random
import sys
from types import ModuleType
from typing import Any

import pytest

from cfpy.project.edits import NewHandler
from cfpy.project.python_handler import with_python_handler

NEW = NewHandler("queue", "batch", "MessageBatch", ("pass",), ())
BEFORE = [
    "from workers import WorkerEntrypoint as W",
    "import handlers, sys",
    "from handlers import *",
    "def deco(owner):\n    owner.queue = 1\n    return owner",
    "class Base(workers.WorkerEntrypoint):\n    def queue(self): pass",
    "class Mixin:\n    queue = 1",
]
CLASSES = [
    "class Default(WorkerEntrypoint):",
    "class Default(W):",
    "class Default(workers.WorkerEntrypoint):",
    "class Default(Base):",
    "class Default(Mixin, WorkerEntrypoint):",
    "class Default(WorkerEntrypoint, Mixin):",
    "@deco\nclass Default(WorkerEntrypoint):",
    "class Admin(WorkerEntrypoint):",
]
BODIES = [
    "def fetch(self): pass",
    "def queue(self): pass",
    "queue = 1",
    "x, queue = 1, 2",
    "queue: int",
    "x: int = (queue := 1)",
    "from handlers import queue",
    "import handlers as queue",
    "if 1:\n        def queue(self): pass",
    "for queue in [1]: pass",
    "with open('/dev/null') as queue: pass",
    "try:\n        1 / 0\n    except Exception:\n        queue = 2",
    "match 1:\n        case queue: pass",
    "vars()['que' + 'ue'] = 1",
    "exec('queue = 1')",
    "class Inner:\n        queue = 1",
    "names = [queue for queue in [1]]",
    "def run(self, queue=1): queue = 1",
    "'''Says so.'''",
]
AFTER = [
    "",
    "",
    "Default.queue = 1",
    "setattr(Default, 'queue', 1)",
    "Alias = Default; Alias.queue = 1",
    "def install():\n    Default.queue = 1\ninstall()",
    "Default = type('Default', (WorkerEntrypoint,), {'queue': 1})",
    "from handlers import *",
    "WorkerEntrypoint.queue = 1",
    "for one in WorkerEntrypoint.__subclasses__(): one.queue = 1",
    "globals()['Default'].queue = 1",
    "def helper(queue): return queue",
    "queue = 3",
]


def module(rnd: random.Random) -> str:
    body = rnd.choices(BODIES, k=rnd.randint(0, 2))
    return "\n".join(
        [
            *("import workers", "from workers import WorkerEntrypoint"),
            *rnd.sample(BEFORE, rnd.randint(0, 2)),
            rnd.choice([CLASSES[0], rnd.choice(CLASSES)]),
            *(f"    {statement}" for statement in [BODIES[0], *body]),
            rnd.choice(AFTER),
            "",
        ]
    )


def executed(source: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    names = {"WorkerEntrypoint": type("WorkerEntrypoint", (), {})}
    for name, values in (("workers", names), ("handlers", {"queue": len})):
        fake = ModuleType(name)
        vars(fake).update(values)
        monkeypatch.setitem(sys.modules, name, fake)
    found: dict[str, Any] = {"__name__": "entry"}
    exec(source, found)
    return found


def test_no_edit_replaces_a_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    rnd = random.Random(7)
    edited = 0
    for source in {module(rnd) for _ in range(3000)}:
        done = with_python_handler(source, NEW)
        if done.new:
            edited += 1
            assert not hasattr(executed(source, monkeypatch)["Default"], "queue"), source
            method = executed(done.source, monkeypatch)["Default"].queue
            assert method.__code__.co_firstlineno == done.line, source
    assert edited > 50

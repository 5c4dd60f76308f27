"""What somebody sees and types at a real terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudflare_api import CloudflareApi, Failure
from dev_process import interruptible

_SECONDS = 180.0
# Nothing has come for so long: cfpy waits for an answer. A Ctrl-C between Python's prompt and its
# read would be kept until the next key, and no person types so quickly.
_PAUSE = 0.5
_ANSI = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
# Ctrl-C and Ctrl-D
_KEYS = ("\x03", "\x04")
Terminal = Callable[..., tuple[int, str]]


@pytest.fixture
def terminal(cfpy: Any) -> Terminal:
    """Runs cfpy on a terminal and types each answer when its question appears."""

    def run(project: Path, *arguments: str, answers: dict[str, str] | None = None) -> Any:
        with interruptible():
            pid, screen = pty.fork()
            if pid == 0:
                os.chdir(project)
                argv = [sys.executable, "-m", "cfpy", *arguments]
                os.execve(sys.executable, argv, cfpy.environment(TERM="xterm", COLUMNS="120"))
        seen = b""
        waiting = dict(answers or {})
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            if select.select([screen], [], [], _PAUSE)[0]:
                try:
                    seen += os.read(screen, 65536)
                except OSError:
                    break  # The last process has closed it.
                continue
            for question in [q for q in waiting if q.encode() in seen]:
                answer = waiting.pop(question)
                os.write(screen, answer.encode() if answer in _KEYS else f"{answer}\n".encode())
        os.close(screen)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return status, _ANSI.sub(b"", seen).decode()

    return run


def shown(said: str, name: str = "API_TOKEN") -> str:
    """The value that was shown once."""
    found = re.search(rf"{name}, shown only once:\s+(\S+)", said)
    assert found, said
    return found[1]


@pytest.mark.parametrize(
    ("pattern", "name", "form"),
    [("rag", "API_TOKEN", r"\S{20,}"), ("pipeline", "API_TOKENS", r"me:\S{20,}")],
)
def test_a_made_up_secret_is_shown_once(
    pattern: str,
    name: str,
    form: str,
    terminal: Terminal,
    make: Callable[[str], Path],
    api: CloudflareApi,
) -> None:
    project = make(pattern)
    others = {"API_TOKENS": ("WEBHOOK_SECRET",)}.get(name, ())
    asked = {f"{secret}, ": "" for secret in (name, *others)}
    code, said = terminal(project, "provision", answers={"[y/N]": "y", **asked})
    assert code == 0, said
    assert shown(said, name) == api.values[name]
    assert re.fullmatch(form, api.values[name])


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["d1/database", "scripts/shop/versions"])
def test_it_is_shown_whatever_fails_afterwards(
    broken: str, terminal: Terminal, ready: Callable[[str], Path], api: CloudflareApi
) -> None:
    """The account keeps it, and tells nobody."""
    api.broken_kind = (broken, Failure(403))
    code, said = terminal(ready("rag"), "up", "--yes")
    assert code == 6, said
    assert shown(said) == api.values["API_TOKEN"]


def test_no_is_no(terminal: Terminal, make: Callable[[str], Path], api: CloudflareApi) -> None:
    code, said = terminal(make("rag"), "provision", answers={"[y/N]": ""})
    assert (code, api.mutations) == (0, [])
    assert "Nothing was changed." in said


def test_a_teardown_takes_the_name_and_nothing_else(
    terminal: Terminal, live: Path, api: CloudflareApi
) -> None:
    code, said = terminal(live, "destroy", answers={"Type shop to delete": "yes"})
    assert (code, list(api.scripts)) == (0, ["shop"])
    assert "Nothing was deleted." in said
    code, said = terminal(live, "destroy", answers={"Type shop to delete": "shop"})
    assert (code, list(api.scripts)) == (0, []), said


ASKING = """\
_subdirectory: template
colour: {type: str, help: A colour, default: red}
size: {type: int, help: A size, default: 3, validator: "{% if size > 9 %}at most 9{% endif %}"}
place: {type: path, help: A place, default: "/srv"}
"""


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (("blue", "5", "/opt"), "blue 5 /opt"),
        (("", "", ""), "red 3 /srv"),
        ((" ", "", ""), " 3 /srv"),
    ],
)
def test_a_typed_answer_replaces_the_default(
    typed: tuple[str, ...], expected: str, terminal: Terminal, tmp_path: Path
) -> None:
    pattern = tmp_path / "asking"
    (pattern / "template").mkdir(parents=True)
    (pattern / "copier.yml").write_text(ASKING)
    (pattern / "template" / "answers.txt.jinja").write_text("{{ colour }} {{ size }} {{ place }}")
    answers = dict(zip(("A colour", "A size", "A place"), typed, strict=True))
    code, said = terminal(tmp_path, "new", "./asking", "mine", answers=answers)
    assert code == 0, said
    assert (tmp_path / "mine" / "answers.txt").read_text() == expected


@pytest.mark.parametrize("key", _KEYS)
def test_a_question_can_be_cancelled(key: str, terminal: Terminal, tmp_path: Path) -> None:
    pattern = tmp_path / "asking"
    (pattern / "template").mkdir(parents=True)
    (pattern / "copier.yml").write_text(ASKING)
    code, said = terminal(
        tmp_path, "new", "./asking", "mine", answers={"A colour": "", "A size": key}
    )
    assert (code, [path.name for path in tmp_path.iterdir()]) == (130, ["asking"]), said
    assert "cancelled" in said
    assert "Nothing was created." in said
    (tmp_path / "wrangler.toml").write_text('name = "x"\n\n[env.live]\nname = "y"\n')
    before = (tmp_path / "wrangler.toml").read_text()
    code, said = terminal(tmp_path, "env", "remove", "live", answers={"[y/N]": key})
    assert (code, (tmp_path / "wrangler.toml").read_text()) == (130, before), said
    assert "cancelled" in said
    assert "Nothing was changed." in said

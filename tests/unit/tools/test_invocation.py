"""A hint never leads to the wrong place: commands carry the options of the run that names them."""

from __future__ import annotations

import ast
import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import typer.main
from hypothesis import given

import cfpy
from cfpy.cli.app import app
from cfpy.tools import invocation
from cfpy.tools.invocation import Invocation, command

STAGING = Invocation("my shop", "", "staging")
SOURCES = Path(cfpy.__file__).parent


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("deploy", "--provision"), "cfpy deploy --provision --env staging --cwd 'my shop'"),
        (("update", "--dry-run"), "cfpy update --dry-run --cwd 'my shop'"),
        (("env", "add", "live"), "cfpy env add live --cwd 'my shop'"),
        (("up", "--env", "live"), "cfpy up --env live --cwd 'my shop'"),
        (("add", "assets", "a", "--env", ""), "cfpy add assets a --cwd 'my shop'"),
        (("new", "rag", "myapp"), "cfpy new rag myapp"),
        (("patterns", "test"), "cfpy patterns test"),
        (("wrangler", "rollback", "v"), "cfpy wrangler --cwd 'my shop' rollback v --env staging"),
        (("wrangler", "login"), "cfpy wrangler --cwd 'my shop' login"),
    ],
)
def test_a_command_means_what_the_run_is_about(words: tuple[str, ...], line: str) -> None:
    assert STAGING.command(*words) == line
    assert STAGING.resolve(f"First {command(*words)}, then look.") == f"First {line}, then look."


def test_without_options_nothing_is_added() -> None:
    assert Invocation().resolve(f"{command('destroy')}.") == "cfpy destroy."


def test_wrangler_gets_the_configuration_and_cfpy_the_directory() -> None:
    run = Invocation("shop", "other.toml", "")
    line = "cfpy wrangler --cwd shop tail --config other.toml --env ''"
    assert run.command("wrangler", "tail") == line


def test_git_works_in_the_projects_directory() -> None:
    assert STAGING.git("diff", "--check") == "git -C 'my shop' diff --check"


@pytest.mark.parametrize("text", ["plain ⟦x⟧", "⟦cfpy ⟧", "⟦cfpy 'a⟧", "⟦⟦cfpy plan", "⟧"])
def test_other_text_in_such_brackets_stays(text: str) -> None:
    assert STAGING.resolve(text) == text


words = st.text("ab -'\"$é\\", min_size=1, max_size=8)


@given(words, words)
def test_whatever_was_given_comes_back_from_a_shell(cwd: str, environment: str) -> None:
    line = Invocation(cwd, "", environment).resolve(command("plan"))
    parsed = parse(shlex.split(line)[1:])
    assert (parsed["cwd"], parsed["env"]) == (Path(cwd), environment)


@functools.cache
def application() -> Any:
    return typer.main.get_command(app)


def parse(arguments: list[str]) -> dict[str, Any]:
    """What the real application reads in a command line, without running the command."""
    context = application().make_context("cfpy", list(arguments))
    while hasattr(context.command, "commands"):
        rest = [*context._protected_args, *context.args]
        name, found, arguments = context.command.resolve_command(context, rest)
        context = found.make_context(name, arguments, parent=context)
    return dict(context.params)


def commands(group: Any = None, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    group = group or application()
    for name, found in group.commands.items():
        yield " ".join((*above, name)), found
        if hasattr(found, "commands"):
            yield from commands(found, (*above, name))


@pytest.mark.parametrize(
    ("option", "table"),
    [("--env", "WITH_ENVIRONMENT"), ("--cwd", "WITH_CWD"), ("--config", "WITH_CONFIG")],
)
def test_the_tables_say_what_the_application_takes(option: str, table: str) -> None:
    taken = {name for name, found in commands() if any(option in p.opts for p in found.params)}
    if option == "--config":
        # There, it is the format of a file that does not exist yet.
        taken.remove("new")
    assert getattr(invocation, table) == taken, f"change {table} in tools/invocation.py"


# A command of cfpy that some option changes.
NAMED = re.compile(
    rf"\bcfpy (?:{'|'.join(sorted(invocation.WITH_CWD | {'env'}, key=len, reverse=True))})\b"
)
# Commands of the first go into files of CI, those of the second into errors of command lines that
# could not be read: nothing is known of the project.
NOT_PRINTED = {"ci_text.py", "meant.py"}
# Text that names a command and is no hint.
NO_HINTS = {
    "`cfpy dev` and `cfpy provision` read them.\n": "goes into a file",
    "Written by cfpy for `cfpy update`: what this project was created from.": "goes into a file",
    "another cfpy dev uses the data in ": "is about a process",
    "cfpy dev has no stand-in": "is about the local runtime",
    "a stand-in of cfpy dev, which": "is about the local runtime",
}


def bare_commands(path: Path) -> Iterator[str]:
    """Strings of a module that name a command, but docstrings and the help of options."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            skipped.add(node.body[0].value)  # type: ignore[attr-defined]
        if isinstance(node, ast.keyword) and node.arg in ("help", "epilog"):
            skipped.update(ast.walk(node.value))
        if isinstance(node, ast.JoinedStr):
            last = [part.value for part in node.values[:-1] if isinstance(part, ast.Constant)]
            yield from (str(text) for text in last if str(text).endswith("cfpy "))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            for line in node.value.splitlines(keepends=True):
                if NAMED.search(line) and not any(known in node.value for known in NO_HINTS):
                    yield line


def test_no_hint_names_a_command_without_its_options() -> None:
    found = {
        f"{path.relative_to(SOURCES)}: {text}"
        for path in SOURCES.rglob("*.py")
        if not {"templates", "new_pattern"} & set(path.relative_to(SOURCES).parts)
        and path.name not in NOT_PRINTED
        for text in bare_commands(path)
    }
    assert found == set(), "write it as command(...) of cfpy.tools.invocation"


def test_that_test_sees_what_it_is_for(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""cfpy plan"""\nhint = "cfpy destroy"\nother = f"cfpy {name} and more"\n')
    assert list(bare_commands(module)) == ["cfpy ", "cfpy destroy"]

"""Writes the pages of docs/reference/ that say what the code already says.

    python docs/generate.py

A test fails where a page is not what this writes.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import typer.main

from cfpy import errors
from cfpy.bindings.registry import KINDS
from cfpy.bindings.stances import BINDINGS, OTHERS, REFUSED
from cfpy.cli.app import app

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"
MEDIA = HERE / "media" / "commands"
SHAPES = HERE.parent / "tests" / "golden" / "cli"
MARK = "<!-- Written by docs/generate.py: change what it reads. -->\n\n"
OTHER_CODES = (
    (0, "", "Done."),
    (1, "", "There are changes to apply, or something is wrong: see below."),
    (13, "", "`cfpy status --exit-code`: the account differs from the files."),
    (143, "", "Terminated."),
)
#: Exit code 1, by command.
ONES = (
    ("backup create", "The backup does not have all: the manifest names what is missing."),
    ("plan", "There are changes to apply."),
    ("doctor", "Something needs to be fixed; with `--account`, also if nobody is logged in."),
    ("test", "A test failed, or there are no tests."),
    ("update", "There are conflicts; with `--check`, there is an update."),
    ("patterns check", "The pattern has a mistake."),
    ("patterns test", "The pattern has a mistake, or a test failed."),
)
#: Where to read more, by command.
MORE = {
    "backup": ("Back up and restore, step by step", "../how-to/backups.md"),
    "backup restore": ("How it restores", "../adr/0023-backups.md"),
    "data pull": ("How it masks", "../how-to/backups.md"),
    "add": ("How it edits files", "../adr/0010-adding-bindings.md"),
    "ci": ("CI, step by step", "../how-to/ci.md"),
    "ci init": ("What it writes and why", "../adr/0024-ci-in-one-command.md"),
    "cost": ("How a month is priced", "../adr/0013-cost.md"),
    "dev": ("How it runs a project", "../adr/0004-local-runtime.md"),
    "destroy": ("What it deletes and what it keeps", "../adr/0008-record-and-teardown.md"),
    "new": ("Patterns from elsewhere", "../adr/0009-patterns-from-elsewhere.md"),
    "patterns": ("How to write a pattern", "patterns.md"),
    "plan": ("How it compares", "../adr/0006-plan-and-provision.md"),
    "doctor": ("A token with the least permissions", "../how-to/drift.md"),
    "status": ("Find what somebody changed by hand", "../how-to/drift.md"),
    "preview": ("Preview a branch, step by step", "../how-to/previews.md"),
    "preview down": ("What it deletes and what it keeps", "../adr/0021-previews.md"),
    "promote": ("How it knows the code", "../adr/0022-rollouts.md"),
    "rollback": ("Roll out a version, and go back", "../how-to/rollouts.md"),
    "up": ("Deploy a project, step by step", "../how-to/deploy.md"),
    "update": ("How it merges", "../adr/0011-updates.md"),
}
#: Below the title of the commands.
INTRODUCTION = """\
Commands that work on a project take any Worker with a `wrangler.toml`, `wrangler.jsonc` or
`wrangler.json`, not only those that cfpy created. Without a terminal cfpy asks nothing: pass
`--yes`, and the options that it names.

- `cfpy dev`, and most commands that work on an account, take `--env`. `cfpy preview`, `promote` and
  `backup restore` do not: the preview, the rollout or the backup tells the environment.
- All commands but `test`, `wrangler` and `patterns schema` take `--json`, and print
  [one document](json.md); `cfpy logs --json` prints one for each request.
- If wrangler would use another configuration file with other content, cfpy refuses to run;
  `--config` chooses the file ([why](../adr/0016-one-configuration-file.md)).
- `cfpy --verbose plan` also prints the commands that it starts, and `cfpy --quiet up` hides
  progress.
- `cfpy --install-completion` completes commands, patterns and environments in bash, zsh and fish.
- [Exit codes](exit-codes.md) tell scripts what happened.
"""


def pages() -> dict[str, str]:
    """The pages of docs/reference, by file name."""
    written = {
        "commands.md": "# Commands\n\n" + "\n".join(_commands()),
        "exit-codes.md": _exit_codes(),
        "json.md": _json(),
        "pattern-toml.md": _schema("pattern.toml", "patterns/pattern.schema.json"),
        "cfpy-toml.md": _schema("cfpy.toml", "project/cfpy.schema.json"),
        "wrangler-keys.md": _stances(),
    }
    return {name: MARK + text.rstrip() + "\n" for name, text in written.items()}


def _commands() -> Iterator[str]:
    group: Any = typer.main.get_command(app)
    yield INTRODUCTION
    yield "| command | |\n|---|---|"
    for name, command in group.commands.items():
        about = inspect.cleandoc(command.help or "").partition("\n")[0]
        yield f"| [`cfpy {name}`](#cfpy-{name}) | {_cell(about)} |"
    yield ""
    yield from _command(("cfpy",), group)
    for name, command in sorted(group.commands.items()):
        yield from _command(("cfpy", name), command)
        for below, inner in sorted(getattr(command, "commands", {}).items()):
            yield from _command(("cfpy", name, below), inner)


def _command(path: tuple[str, ...], command: Any) -> Iterator[str]:
    name = " ".join(path)
    context = command.context_class(command, info_name=name)
    about, _, example = (inspect.cleandoc(command.help or "")).partition("Example: ")
    yield f"## {name}\n"
    yield about.strip() + "\n"
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n"
    rows = [row for item in command.get_params(context) if (row := item.get_help_record(context))]
    yield "| | |\n|---|---|"
    yield from (f"| `{_cell(left)}` | {_cell(right)} |" for left, right in rows)
    yield ""
    if example:
        yield f"For example `{example.strip()}`.\n"
    if more := MORE.get(" ".join(path[1:])):
        yield f"[{more[0]}]({more[1]}).\n"
    picture = MEDIA / ("-".join(path[1:]) + ".svg")
    if picture.is_file():
        yield f"![{name}](../media/commands/{picture.name})\n"


def _exit_codes() -> str:
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.CfpyError) and "code" in vars(kind)
    ]
    rows = [
        (kind.exit_code, kind.code, _cell((kind.__doc__ or "").partition("\n\n")[0]))
        for kind in kinds
        if kind is not errors.CfpyError
    ]
    rows += [*OTHER_CODES, (70, "error", "A bug in cfpy; the message names a log.")]
    lines = [
        f"| {number} | {f'`{code}`' if code else ''} | {what} |"
        for number, code, what in sorted(rows)
    ]
    head = "# Exit codes\n\nExit codes, and the codes of `--json`, never change.\n\n"
    ones = [f"| `cfpy {command}` | {what} |" for command, what in ONES]
    return "\n".join(
        [
            head + "| exit code | `error.code` | meaning |\n|---|---|---|",
            *lines,
            "\n## Exit code 1\n\n| command | meaning |\n|---|---|",
            *ones,
        ]
    )


def _json() -> str:
    schema = json.loads(_data("cli/output.schema.json"))
    parts = [f"# JSON\n\n{schema['description']}\n"]
    parts.append(f"```json\n{json.dumps(schema, indent=2)}\n```\n")
    parts.append("## Keys of `data`\n\nTests check the keys of these commands and their types.\n")
    shapes: dict[str, Any] = {}
    for name in ("json.json", "account.json", "data.json"):
        shapes |= json.loads((SHAPES / name).read_text("utf-8"))
    for command, shape in sorted(shapes.items()):
        parts.append(f"### cfpy {command}\n\n```json\n{json.dumps(shape, indent=2)}\n```\n")
    return "\n".join(parts)


def _stances() -> str:
    lines = [
        "# Keys of wrangler's configuration\n",
        "What cfpy does with each key that wrangler knows. A test reads the schema of the pinned "
        "wrangler and fails if a key is not in this table.\n",
        "| cfpy | meaning |\n|---|---|",
        "| used | cfpy uses it |",
        "| passed on | wrangler reads it; cfpy neither reads nor changes it |",
        "| local only | it only affects local runs |",
        "| refused | cfpy does not support it, and stops with an error |\n",
        "## Bindings\n\n| table | key | cfpy |\n|---|---|---|",
    ]
    for table, keys in BINDINGS.items():
        lines += [f"| `{table}` | `{key}` | {stance} |" for key, stance in keys.items()]
    lines += ["\n## All other keys\n\n| key | cfpy | |\n|---|---|---|"]
    lines += [
        f"| `{key}` | {stance} | {_cell(REFUSED.get(key, ''))} |"
        for key, stance in sorted(OTHERS.items())
    ]
    lines += [
        "\n## Bindings in `cfpy dev --runtime node`\n",
        "With `--runtime workerd`, `wrangler dev` runs all of them, except Workers AI and "
        "Vectorize, which have a stand-in there, too.\n",
        "| in a local run | meaning |\n|---|---|",
        "| real | workerd runs it |",
        "| stand-in | a local Worker of cfpy answers instead |",
        "| fails | code that uses it gets an error with the reason; `cfpy dev` lists it at the "
        "start |\n",
        "| table | in a local run | |\n|---|---|---|",
    ]
    lines += [
        f"| `{kind.table}` | {kind.local.stance} | {_cell(kind.local.why)} |"
        for kind in KINDS
        if kind.local
    ]
    return "\n".join(lines)


def _schema(title: str, name: str) -> str:
    schema = json.loads(_data(name))
    rows = "\n".join(_properties(schema, ""))
    return f"# {title}\n\n{schema['description']}\n\n| key | type | |\n|---|---|---|\n{rows}\n"


def _properties(schema: Mapping[str, Any], above: str) -> Iterator[str]:
    for name, item in schema.get("properties", {}).items():
        inner = item.get("items", {})
        tables = inner.get("type") == "object"
        shown = f"[[{above}{name}]]" if tables else f"{above and above[:-1] + ': '}{name}"
        kind = "tables" if tables else _type(item)
        said = [
            item.get("description", ""),
            "Required." if name in schema.get("required", []) else "",
        ]
        if item.get("default"):
            said.append(f"Default: `{item['default']}`.")
        yield f"| `{shown}` | {kind} | {_cell(' '.join(part for part in said if part))} |"
        if tables:
            yield from _properties(inner, f"{above}{name}.")


def _type(item: Mapping[str, Any]) -> str:
    if "enum" in item:
        return ", ".join(f"`{value}`" for value in item["enum"])
    if item["type"] == "array":
        return f"list of {item['items']['type']}s"
    if isinstance(item["type"], list):
        return " or ".join(item["type"])
    limits = [str(item[key]) for key in ("minimum", "maximum") if key in item]
    return item["type"] + (f" from {' to '.join(limits)}" if limits else "")


def _data(name: str) -> str:
    return files("cfpy").joinpath(name).read_text("utf-8")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, "utf-8")

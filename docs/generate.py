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
from cfpy.cli.app import app
from cfpy.domain.local_bindings import KINDS
from cfpy.domain.stances import BINDINGS, OTHERS, REFUSED

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"
MEDIA = HERE / "media" / "commands"
SHAPES = HERE.parent / "tests" / "golden" / "cli"
MARK = "<!-- Written by docs/generate.py: change what it reads. -->\n\n"
OTHER_CODES = (
    (0, "", "Done."),
    (1, "", "Something is to do, or is wrong: what that is says each command."),
    (130, "", "Interrupted."),
    (143, "", "Terminated."),
)


def pages() -> dict[str, str]:
    """What is to stand in docs/reference, by file name."""
    written = {
        "commands.md": "# Commands\n\n" + "\n".join(_commands()),
        "exit-codes.md": _exit_codes(),
        "json.md": _json(),
        "pattern-toml.md": _schema("pattern.toml", "pattern.schema.json"),
        "cfpy-toml.md": _schema("cfpy.toml", "cfpy.schema.json"),
        "wrangler-keys.md": _stances(),
    }
    return {name: MARK + text.rstrip() + "\n" for name, text in written.items()}


def _commands() -> Iterator[str]:
    group: Any = typer.main.get_command(app)
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
        (kind.exit_code, kind.code, inspect.cleandoc(kind.__doc__ or "").splitlines()[0])
        for kind in kinds
        if kind is not errors.CfpyError
    ]
    rows += [*OTHER_CODES, (70, "error", "A bug in cfpy; the message names a log.")]
    lines = [
        f"| {number} | {f'`{code}`' if code else ''} | {what} |"
        for number, code, what in sorted(rows)
    ]
    head = "# Exit codes\n\nThey and the codes of `--json` never change.\n\n"
    return head + "| exit code | `error.code` | |\n|---|---|---|\n" + "\n".join(lines)


def _json() -> str:
    schema = json.loads(_data("output.schema.json"))
    parts = [f"# JSON\n\n{schema['description']}\n"]
    parts.append(f"```json\n{json.dumps(schema, indent=2)}\n```\n")
    parts.append(
        "## Keys of `data`\n\nOf each command that is pinned by tests, with their types.\n"
    )
    shapes: dict[str, Any] = {}
    for name in ("json.json", "account.json"):
        shapes |= json.loads((SHAPES / name).read_text("utf-8"))
    for command, shape in sorted(shapes.items()):
        parts.append(f"### cfpy {command}\n\n```json\n{json.dumps(shape, indent=2)}\n```\n")
    return "\n".join(parts)


def _stances() -> str:
    lines = [
        "# Keys of wrangler.toml\n",
        "What cfpy does with each key that wrangler knows. A test reads the schema of the pinned "
        "wrangler and fails on a key that is not here.\n",
        "| stance | means |\n|---|---|",
        "| used | cfpy acts on it |",
        "| passed on | wrangler reads it; cfpy neither reads nor changes it |",
        "| local only | it means something to a local run alone |",
        "| refused | cfpy can't honour it, and says so |\n",
        "## Bindings\n\n| table | key | stance |\n|---|---|---|",
    ]
    for table, keys in BINDINGS.items():
        lines += [f"| `{table}` | `{key}` | {stance} |" for key, stance in keys.items()]
    lines += ["\n## All others\n\n| key | stance | |\n|---|---|---|"]
    lines += [
        f"| `{key}` | {stance} | {_cell(REFUSED.get(key, ''))} |"
        for key, stance in sorted(OTHERS.items())
    ]
    lines += [
        "\n## Bindings in `cfpy dev --runtime node`\n",
        "With `--runtime workerd` each is what `wrangler dev` makes of it, but for Workers AI and "
        "Vectorize, which have a stand-in there, too.\n",
        "| stance | means |\n|---|---|",
        "| real | workerd runs it |",
        "| stand-in | a Worker of cfpy answers for it |",
        "| fails | code that uses it gets an error that says why; `cfpy dev` names it at the start "
        "|\n",
        "| table | stance | |\n|---|---|---|",
    ]
    lines += [f"| `{kind.table}` | {kind.stance} | {_cell(kind.why)} |" for kind in KINDS]
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
    return files("cfpy").joinpath("data", name).read_text("utf-8")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, "utf-8")

"""Secrets as the pinned wrangler reads them, without a Worker: its own function answers."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

from cfpy.local.env_files import find_env_files
from cfpy.project.dotenv_text import parse_dotenv
from cfpy.tools.context import build_context

# Answers each case [directory, vars, environment, required, files, variables] with what
# `wrangler dev` would bind; `files` as cfpy hands them over, or null to let wrangler find them.
ASK = """
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
const [toolchain, cases] = JSON.parse(await new Response(process.stdin).text());
const wrangler = createRequire(`${toolchain}/package.json`).resolve('wrangler');
const { unstable_getVarsForDev: read } = await import(pathToFileURL(wrangler));
console.log(JSON.stringify(cases.map(({ root, vars, environment, required, files, variables }) => {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  const secrets = required ? { required } : undefined;
  const found = read(`${root}/wrangler.toml`, files ?? undefined, vars, environment, true, secrets);
  process.env = before;
  return Object.fromEntries(Object.entries(found).map(([name, { value }]) => [name, value]));
})));
"""
PIECES = [
    *("A", "B_1", "c.d-e", "=", "=", "=", ":", ": ", " ", "\n", "\n", "\r\n", "\t", "#", "'", '"'),
    *("`", "\\", "\\n", "\\r", "\\'", '\\"', "$", "${A}", "export ", "é", "日", "\u00a0", "x", "1"),
]


def ask(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    toolchain = build_context(print).toolchain
    whole = [
        {"vars": {}, "environment": None, "required": None, "files": None, "variables": {}} | case
        for case in cases
    ]
    done = subprocess.run(
        [str(toolchain.node.binary), "--input-type=module", "--eval", ASK],
        input=json.dumps([str(toolchain.directory), whole]),
        capture_output=True,
        text=True,
        check=True,
        env=toolchain.environment() | {"HOME": os.environ.get("HOME", "/")},
    )
    return list(json.loads(done.stdout))


def test_the_reader_is_that_of_wrangler(tmp_path: Path) -> None:
    """Thousands of texts out of the pieces that matter, half of them like real lines."""
    pick = random.Random(14)
    texts = ["".join(pick.choices(PIECES, k=pick.randint(1, 24))) for _ in range(1500)]
    for _ in range(1500):
        lines = [f"K{n}=" + "".join(pick.choices(PIECES, k=pick.randint(0, 9))) for n in range(3)]
        texts.append("\n".join(lines))
    cases = []
    for number, text in enumerate(texts):
        root = tmp_path / str(number)
        root.mkdir()
        (root / ".dev.vars").write_bytes(text.encode())
        cases.append({"root": str(root)})
    for text, found in zip(texts, ask(cases), strict=True):
        assert parse_dotenv(text) == found, text


FILES = {
    ".env": "A=env\nB=$A-${HOME:-none}\nC=env\nD='$A'\nE=a#b\nP=\"$PATH_LIKE\"\n",
    ".env.local": "C=local\n",
    ".env.staging": "A=staging\n",
    ".env.staging.local": "C=staging-local\n",
}
DEV_VARS = {".dev.vars": "A=$HOME#x\n"}
STAGING = {".dev.vars.staging": "A=only staging\n"}


VARIABLES: list[dict[str, str]] = [
    {},
    {"CLOUDFLARE_INCLUDE_PROCESS_ENV": "true", "A": "process", "PATH_LIKE": "/x"},
    {"CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV": "false"},
]
SECRETS: list[tuple[dict[str, Any], list[str] | None]] = [
    ({}, None),
    ({"A": "var"}, ["C"]),
    ({"N": 1}, []),
]


def test_the_files_that_cfpy_hands_over_say_what_wrangler_would_find(tmp_path: Path) -> None:
    layouts = [{}, FILES, FILES | DEV_VARS, FILES | STAGING, DEV_VARS | STAGING, DEV_VARS, STAGING]
    choices = itertools.product(layouts, ["", "staging"], VARIABLES, SECRETS)
    cases: list[dict[str, Any]] = []
    for number, (files, environment, variables, (vars_, required)) in enumerate(choices):
        own, derived = tmp_path / str(number), tmp_path / str(number) / ".wrangler" / "cfpy"
        derived.mkdir(parents=True)
        for name, text in files.items():
            (own / name).write_text(text)
        found = find_env_files(own, environment, variables)
        if found.dev_vars:
            (derived / ".dev.vars").symlink_to(found.dev_vars)
        handed = [str(path) for path in found.env_files] or None
        shared = {"vars": vars_, "required": required, "variables": variables}
        cases.append({"root": str(own), "environment": environment or None, **shared})
        cases.append({"root": str(derived), "files": handed, **shared})
    answers = ask(cases)
    for case, wanted, given in zip(cases[1::2], answers[::2], answers[1::2], strict=True):
        assert given == wanted, case
    assert {"A": "only staging"} in answers
    assert {"A": "env", "B": "env-none", "C": "local", "D": "env", "E": "a", "P": ""} in answers

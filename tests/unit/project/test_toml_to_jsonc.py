"""A wrangler.toml as wrangler.jsonc: the same values, order and comments."""

from __future__ import annotations

import re
import tomllib

import pytest

from cfpy.project import jsonc
from cfpy.project.toml_to_jsonc import to_jsonc
from cfpy.project.toml_values import as_json
from wrangler_shapes import SHAPES

WORKER = """\
#:schema node_modules/wrangler/config-schema.json
name = "shop"
main = "src/entry.py"
# Why this date.
compatibility_date = "2026-11-17" # it
compatibility_flags = [
  "python_workers", # one
  'nodejs_compat',
]

# The orders.
[[d1_databases]]
binding = "DB"
# jurisdiction = "eu"

[[queues.producers]]
queue = "jobs"

# They fail.
[[queues.producers]]
queue = "dead"

[limits]
cpu_ms = 30_000 # 30 s

# Later.
# [vars]
"""
EXPECTED = """\
{
  "$schema": "node_modules/wrangler/config-schema.json",
  "name": "shop",
  "main": "src/entry.py",
  // Why this date.
  "compatibility_date": "2026-11-17", // it
  "compatibility_flags": [
    "python_workers", // one
    "nodejs_compat",
  ],

  // The orders.
  "d1_databases": [
    {
      "binding": "DB"
    }
  ],
  // jurisdiction = "eu"

  "queues": {
    "producers": [
      {
        "queue": "jobs"
      },

      // They fail.
      {
        "queue": "dead"
      }
    ]
  },

  "limits": {
    "cpu_ms": 30000 // 30 s
  }
  // Later.
  // [vars]
}
"""


def test_it_reads_as_if_a_person_had_written_it() -> None:
    assert to_jsonc(WORKER) == EXPECTED


@pytest.mark.parametrize("shape", SHAPES)
def test_it_says_the_same(shape: str) -> None:
    text = SHAPES[shape]
    body = text.removeprefix("\ufeff").replace("\r\n", "\n")
    written = to_jsonc(text)
    found = jsonc.loads(written)
    found.pop("$schema", None)
    assert found == as_json(tomllib.loads(body))
    assert list(found) == [key for key in tomllib.loads(body) if key != "$schema"]
    comments = [line.partition("#")[2].strip() for line in body.split("\n") if " # " in f" {line}"]
    if "text" not in shape:
        assert all(comment.rstrip() in written for comment in comments)


@pytest.mark.parametrize(
    "text",
    [
        'a = { "b.c" = 1, d.e = 2 }',
        "a = 1979-05-27T07:32:00Z",
        '["a.b"]\nc = 1',
        "[a]\n[a.b.c]\nd = 1\n[a.b]\ne = 2",
        "a.b.c = 1\na.b.d = 2",
        'a = """\nb\n# c\n"""',
        "a = [[1, 2], [], {}]",
        "",
    ],
)
def test_odd_ways_to_write_it(text: str) -> None:
    wanted = as_json(tomllib.loads(text))
    assert jsonc.loads(to_jsonc(text)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        '# c\n[vars]\n"x.y" = "1"\n',
        "# c\n[env.'a.b']\nname = 'x'\n",
        "# c\n[a]\n'b'.\"c\" = 1\n",
    ],
)
def test_quoted_keys_keep_the_comments(text: str) -> None:
    written = to_jsonc(text)
    assert jsonc.loads(written) == tomllib.loads(text)
    assert "// c" in written


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00.000Z"),
        ("2026-01-01 10:00:00.25Z", "2026-01-01T10:00:00.250Z"),
        ("2026-01-01t10:00:00z", "2026-01-01T10:00:00.000Z"),
        ("2026-01-01T10:00:00+02:00", "2026-01-01T10:00:00.000+02:00"),
        ("2026-01-01T10:00:00", "2026-01-01T10:00:00.000"),
        ("10:00:00.123456", "10:00:00.123"),
        ("-inf", None),
        ("+nan", None),
        ("1e3", 1000.0),
    ],
)
def test_a_value_is_what_wrangler_reads(written: str, read: object) -> None:
    """As smol-toml 1.9 of wrangler 4.164 and JSON.stringify."""
    text = f"a = {written} # why\nb = [{written}]\nc = {{ d = {written} }}\n"
    assert jsonc.loads(to_jsonc(text)) == {"a": read, "b": [read], "c": {"d": read}}
    assert "// why" in to_jsonc(text)


def test_json_has_no_infinite_number() -> None:
    assert jsonc.loads(to_jsonc("a = inf\nb = -nan\nc = 1.5")) == {"a": None, "b": None, "c": 1.5}


@pytest.mark.parametrize(
    "text",
    [
        "# c0\na = { d.e = 2, d . f = 3, 'x.y'.z = 1 } # c1\n",
        "a = [ # c0\n  { b.c = 1 }, # c1\n] # c2\n",
        "# c0\nd = 2026-11-17 07:32:00 # c1\ne = [2026-11-17 07:32:00, 07:32:00] # c2\n",
        "d = 2026-11-17t07:32:00Z # c0\nf = 07:32:00.5 # c1\ng = 2026-11-17 # c2\n",
        "a = { b = [ # c0\n 1, # c1\n 2], c.d = 1 } # c2\n",
        '"\\u0041"."b\\"" = 1 # c0\n[ "a.b" . c ] # c1\nx = 1\n',
        "s = '''a''''' # c0\nt = \"\"\"a # b\"\"\"\"\" # c1\n",
        "# c0\n[a] # c1\n# c2\n[a.b.c] # c3\nd = 1 # c4\n[a.b] # c5\ne = 1 # c6\n",
        '# c0\n["a]b"] # c1\nx = 1 # c2\n',
        "# c0\n[[a]] # c1\n[a.b] # c2\nc = 1\n[[a]] # c3\n# c4\n",
    ],
)
def test_no_way_to_write_it_loses_a_comment(text: str) -> None:
    written = to_jsonc(text)
    assert jsonc.loads(written) == as_json(tomllib.loads(text))
    wanted = sorted(set(re.findall(r"# (c\d)$", text, re.MULTILINE)))
    assert sorted(re.findall(r"// (c\d)$", written, re.MULTILINE)) == wanted

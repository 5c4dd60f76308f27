"""A wrangler.jsonc as wrangler.toml: the same values and comments."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfpy.project import jsonc
from cfpy.project.jsonc_to_toml import to_toml
from cfpy.project.toml_to_jsonc import to_jsonc
from wrangler_shapes import SHAPES

GOLDEN = Path(__file__).parents[2] / "golden"
WORKER = """\
// A licence.
{
  "$schema": "node_modules/wrangler/config-schema.json",
  /* Two
   * lines. */
  "name": "shop", // it
  "d1_databases": [ // all
    // the first
    { "binding": "DB" }, // b1
    {
      "binding": "MORE", // b2
      "sub": { // s
        "a": 1
      } // e
      // end of the entry
    }
  ],
  "compatibility_flags": [ "python_workers", /* x */ "nodejs_compat" ],
  "durable_objects": {
    // the bindings
    "bindings": [
      { "name": "A", "class_name": "B" }
    ]
  },
  "rules": [
    "one", // r1
    // r2
    "two"
  ],
  "env": { "staging": {
    "name": "x", "vars": { "A": "b//c" }
  } },
  "after": true,
  // the end
}
"""
EXPECTED = """\
#:schema node_modules/wrangler/config-schema.json
# A licence.
# Two
# lines.
name = "shop" # it
# x
compatibility_flags = ["python_workers", "nodejs_compat"]
rules = [
  "one", # r1
  # r2
  "two"
]
after = true

# all
# the first
# b1
[[d1_databases]]
binding = "DB"

[[d1_databases]]
binding = "MORE" # b2

# e
[d1_databases.sub]
# s
a = 1
# end of the entry

# the bindings
[[durable_objects.bindings]]
name = "A"
class_name = "B"

[env.staging]
name = "x"
vars = { A = "b//c" }
# the end
"""


def test_it_reads_as_if_a_person_had_written_it() -> None:
    assert to_toml(WORKER) == EXPECTED


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/*/wrangler.toml")), ids=str)
def test_what_a_pattern_has_comes_back_from_the_other_format(path: Path) -> None:
    text = path.read_text("utf-8")
    # JSON has no `_` in numbers.
    assert to_toml(to_jsonc(text)) == re.sub(r"(?<=\d)_(?=\d{3}$)", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_says_the_same(shape: str) -> None:
    text = to_jsonc(SHAPES[shape])
    wanted = jsonc.loads(text)
    wanted.pop("$schema", None)
    assert tomllib.loads(to_toml(text)) == wanted


@pytest.mark.parametrize("text", ["{}", "// c\n{} // d", "{ /* c */ }\n", '{"a": {}, "b": [\n]}'])
def test_of_nothing_comes_nothing(text: str) -> None:
    assert tomllib.loads(to_toml(text)) == jsonc.loads(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": [1, {"b": null}]}', "`a.1.b` is null, which TOML does not have"),
        ("[]", "is not a JSON object"),
        ('{"a": "\\ud800"}', "surrogates not allowed"),
        ("{", "Expecting"),
    ],
)
def test_what_toml_does_not_have_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        to_toml(text)


_VALUES = st.recursive(
    st.booleans() | st.integers(-9, 99) | st.text('a"\\/#\n\x7fé.', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('ab. "', max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


def _written(value: Any, draw: Any, notes: list[str]) -> str:
    """JSON with comments and line ends wherever they may be."""

    def gap() -> str:
        kind = draw(st.integers(0, 6))
        if kind > 3:
            return " "
        notes.append(f"c{len(notes)}")
        note = notes[-1]
        return ("\n", f" // {note}\n", f"\n// {note}\n", f" /* {note} */ ")[kind]

    if isinstance(value, dict):
        members = [
            f"{gap()}{json.dumps(key)}{gap()}:{gap()}{_written(item, draw, notes)}{gap()}"
            for key, item in value.items()
        ]
        return f"{{{','.join(members)}{gap()}}}"
    if isinstance(value, list):
        return f"[{','.join(gap() + _written(item, draw, notes) + gap() for item in value)}]"
    return json.dumps(value)


@given(st.dictionaries(st.text('ab. "', max_size=3), _VALUES, max_size=4), st.data())
def test_any_document_keeps_its_values_and_its_comments(value: Any, data: st.DataObject) -> None:
    notes: list[str] = []
    text = _written(value, data.draw, notes)
    written = to_toml(text)
    assert tomllib.loads(written) == value
    wanted = re.findall(r"(?:// |/\* )(c\d+)", text)
    found = re.findall(r"# (c\d+)", written)
    assert sorted(found) == sorted(wanted)

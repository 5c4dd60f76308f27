"""Files that name the configuration, in the format that the project has."""

from __future__ import annotations

import pytest

from cfpy.patterns.config_format import ConfigFormat, in_format


@pytest.mark.parametrize(
    ("given", "wanted"), [("wrangler.toml", "jsonc"), ("wrangler.jsonc", "toml")]
)
def test_a_column_stays_where_it_is(given: str, wanted: str) -> None:
    readme = f"In `{given}`.\nsrc/entry.py      code\n{given:<18}bindings\n"
    text = {"wrangler.toml": b'name = "a"\n', "wrangler.jsonc": b'{"name": "a"}\n'}[given]
    found = in_format({"README.md": readme.encode(), given: text}, ConfigFormat(wanted))
    name = f"wrangler.{wanted}"
    expected = f"In `{name}`.\nsrc/entry.py      code\n{name:<18}bindings\n"
    assert found["README.md"].decode() == expected

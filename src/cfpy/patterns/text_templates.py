"""Fills the templates of files that cfpy writes itself.

Their signs differ from those that the files have for other tools.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def text_environment() -> Environment:
    """The environment of these templates: ``<< value >>``, ``<% block %>``, ``<# comment #>``."""
    from jinja2 import Environment, StrictUndefined

    # It writes TOML, YAML and Markdown, never HTML.
    environment = Environment(  # noqa: S701
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"json": json.dumps, "scalar": scalar}
    return environment


def scalar(text: str) -> str:
    """``text`` as a value in YAML: as it is, or quoted if it would mean something else."""
    import yaml

    try:
        plain = yaml.safe_load(f"- {text}") == [text]
    except yaml.YAMLError:
        plain = False
    return text if plain else json.dumps(text)

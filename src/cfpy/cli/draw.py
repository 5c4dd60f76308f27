"""What the views draw with, loaded when the first thing is drawn.

rich takes longer to import than all of ``cfpy --help``, and the module of a command is also
imported for its help and for completion.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    from cfpy.cli.drawing import DIFF_STYLES, table
    from cfpy.cli.tree_view import draw_files

__all__ = ["DIFF_STYLES", "Table", "Text", "draw_files", "escape", "table"]

_MODULES = {
    "DIFF_STYLES": "cfpy.cli.drawing",
    "Table": "rich.table",
    "Text": "rich.text",
    "draw_files": "cfpy.cli.tree_view",
    "escape": "rich.markup",
    "table": "cfpy.cli.drawing",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = found
    return found

"""How large an upload may be, by pattern."""

from __future__ import annotations

# Bytes and modules that wrangler uploads, packages included; each start of a Worker reads them.
BUDGETS = {"rag": (265_000, 68), "pipeline": (280_000, 75), "fullstack": (9_700_000, 350)}

"""Browser Run (once Browser Rendering): a headless browser on Cloudflare."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.kind import BindingKind, Shape, in_workerd, only_local, passed


def _add(asked: Asked) -> Addition:
    return Addition((asked.only_table("browser", binding=asked.binding),), asked.binding)


BROWSER = BindingKind(
    name="browser",
    table="browser",
    label="browser",
    shape=Shape.TABLE,
    keys={**passed("binding"), **only_local("remote")},
    local=in_workerd("fetch", "quickAction"),
    js_class="Fetcher",
    python_type="Browser",
    add=_add,
    example="browser",
    # developers.cloudflare.com/browser-run/quick-actions
    python="""\
# From compatibility_date = "2026-03-24" on.
url = "https://example.com"
screenshot = await self.env.{b}.quickAction("screenshot", {{"url": url}})
""",
    javascript="""\
// From compatibility_date = "2026-03-24" on.
const url = "https://example.com";
const screenshot = await env.{b}.quickAction("screenshot", {{ url }});
""",
)

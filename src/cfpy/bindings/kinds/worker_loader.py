"""Worker loader: runs code that did not exist when the Worker was deployed, each in a sandbox."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.kind import REAL, BindingKind, passed


def _add(asked: Asked) -> Addition:
    return Addition((asked.entry("worker_loaders", binding=asked.binding),), asked.binding)


WORKER_LOADER = BindingKind(
    name="worker-loader",
    table="worker_loaders",
    label="worker loader",
    keys=passed("binding"),
    local=REAL,
    js_class="WorkerLoader",
    python_type="WorkerLoader",
    add=_add,
    example="loader",
    # developers.cloudflare.com/dynamic-workers/api-reference
    python="""\
from js import Object
from pyodide.ffi import to_js

modules = {{"main.js": "export default {{ fetch() {{ return new Response('hi'); }} }}"}}
code = {{"compatibilityDate": "2026-11-17", "mainModule": "main.js", "modules": modules}}
worker = self.env.{b}.load(to_js(code, dict_converter=Object.fromEntries))
answer = await worker.getEntrypoint().fetch("https://worker/")
""",
    javascript="""\
const modules = {{ "main.js": "export default {{ fetch() {{ return new Response('hi'); }} }}" }};
const code = {{ compatibilityDate: "2026-11-17", mainModule: "main.js", modules }};
const answer = await env.{b}.load(code).getEntrypoint().fetch("https://worker/");
""",
)

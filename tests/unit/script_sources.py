"""Scripts whose default export gets a handler."""

from __future__ import annotations

from cfpy.project.edits import NewHandler

NEW = NewHandler(
    *("queue", "batch", "MessageBatch", ("print(1)",)),
    ("for (const x of batch) {", "  log(x);", "}"),
)
IMPORT = 'import { WorkerEntrypoint } from "cloudflare:workers";\n'
CLASS = f"{IMPORT}export default class extends WorkerEntrypoint {{\n  fetch() {{}}\n}}\n"
NAMED = f"{IMPORT}class X extends WorkerEntrypoint {{\n  fetch() {{}}\n}}\n"

#: `@` is where the handler belongs.
EDITED = [
    (".js", "export default {@\n  fetch() {},\n};\n"),
    (".js", "export default {@ fetch() {} };"),
    (".js", "export default {@};\n"),
    (".js", "export default {@ // { queue\n  fetch() {} };"),
    (".js", "export default /* { */ {@ fetch() {} };"),
    (".js", "export default ({@ fetch() {} });"),
    (
        ".js",
        '/* export default { */ const a = "export default {";\nexport default {@ fetch() {} };',
    ),
    (".js", "const a = `\nexport default { ${b} `;\nexport default {@ fetch() {} };"),
    (".js", "const a = /[/{]/.test('{') / 2;\nexport default {@ fetch() {} };"),
    (".js", "export default {@ fetch() { return { queue: 1, ...a }; } };"),
    (".js", "export default {@ fetch() {}, queues() {}, 'on queue': 1 };"),
    (".js", "const app = {@ fetch() {} };\nexport default app;"),
    (".js", "const app = {@ fetch() {} };\nexport { app as default };"),
    (".js", "const app = {@ fetch() {} }, b = { queue() {} };\nexport { b, app as default };"),
    (".mjs", "export const app = {@ fetch() {} };\nexport default app;"),
    (".jsx", "export default {@ fetch: () => <p>{a}</p> };"),
    (".js", "// export default {\nexport const queue = 1;\nexport default {@ fetch() {} };"),
    (".ts", "export default {@ fetch() {} } satisfies ExportedHandler<{ A: string }>;"),
    (".ts", "export default {@ fetch() {} } as ExportedHandler<Env>;"),
    (".ts", "const app = {@ fetch() {} } as const;\nexport default app satisfies Handlers;"),
    (".ts", "const app: ExportedHandler<{ A: string }> = {@ fetch() {} };\nexport default app;"),
    (".mts", "const app = {@ fetch() {} } satisfies ExportedHandler<Env>;\nexport default app;"),
    (".tsx", "export default {@ fetch: () => <p>{a}</p> } satisfies ExportedHandler<Env>;"),
    (".js", CLASS.replace("Entrypoint {\n", "Entrypoint {@\n")),
    (".js", CLASS.replace("class", "class X").replace("Entrypoint {\n", "Entrypoint {@\n")),
    (".js", NAMED.replace("Entrypoint {\n", "Entrypoint {@\n") + "export default X;\n"),
    (".js", NAMED.replace("Entrypoint {\n", "Entrypoint {@\n") + "export { X as default };\n"),
    (".js", CLASS.replace("Entrypoint {\n", "Entrypoint {@\n  static queue() {}\n")),
    (".js", CLASS.replace("Entrypoint {\n", "Entrypoint {@\n  #queue() {}\n")),
    (".js", IMPORT.replace("t }", "t as W }") + "export default class extends W {@}\n"),
    (
        ".js",
        "import * as cf from 'cloudflare:workers';\n"
        "export default class extends cf.WorkerEntrypoint {@}",
    ),
    (".ts", CLASS.replace("Entrypoint {\n", "Entrypoint<{ A: { b: string } }> {@\n")),
    (".ts", CLASS.replace("Entrypoint {\n", "Entrypoint<Env> implements Reads {@\n")),
]

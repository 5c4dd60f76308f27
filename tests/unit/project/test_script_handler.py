"""The handler that `cfpy add` adds to a JavaScript or TypeScript Worker, or does not."""

from __future__ import annotations

import pytest

from cfpy.project.script_handler import with_script_handler
from cfpy.project.script_syntax import first_error, syntax_of
from script_sources import CLASS, EDITED, IMPORT, NAMED, NEW

METHOD = "async queue(batch) {\n    for (const x of batch) {\n      log(x);\n    }\n  }"
ALREADY = [
    (".js", "export default {\n  queue: run,\n};\n"),
    (".js", "export default {\n  fetch, queue };\n"),
    (".js", "export default {\n  queue,\n};\n"),
    (".js", "export default {\n  queue() {},\n};\n"),
    (".js", "export default {\n  async queue(batch) {},\n};\n"),
    (".js", "export default {\n  get queue() { return run; },\n};\n"),
    (".js", "export default {\n  queue: async (batch) => {},\n  ...rest };\n"),
    (".js", 'export default {\n  "queue"() {},\n};\n'),
    (".js", "export default {\n  'queue': run,\n};\n"),
    (".js", 'export default {\n  ["queue"]: run,\n};\n'),
    (".js", 'export default {\n  async ["queue"](batch) {},\n};\n'),
    (".js", "const app = {\n  queue: run,\n};\nexport default app;\n"),
    (".ts", "export default {\n  queue: run,\n} satisfies ExportedHandler<Env>;\n"),
    (".js", CLASS.replace("fetch", "queue")),
    (".js", CLASS.replace("fetch() {}", "queue = run;")),
    (".js", CLASS.replace("fetch() {}", '"queue" = run;')),
    (".ts", CLASS.replace("fetch() {}", "public override async queue(batch: A<{}>) {}")),
    (".js", CLASS.replace("WorkerEntrypoint {", "Base {").replace("fetch", "queue")),
]
UNSURE = [
    # Not an object or a class here.
    (".js", ""),
    (".js", "// export default {\n"),
    (".js", "addEventListener('fetch', () => {});\n"),
    (".js", "module.exports = { fetch() {} };\n"),
    (".js", "export const app = { fetch() {} };\n"),
    (".js", "export default app;\n"),
    (".js", "import app from './app';\nexport default app;\n"),
    (".js", "export { default } from './app';\n"),
    (".js", "export { app as default } from './app';\n"),
    (".js", "export * as default from './app';\n"),
    (".js", "const app = new Hono();\napp.get('/', run);\nexport default app;\n"),
    (".js", "export default wrapped({ fetch() {} });\n"),
    (".js", "export default Object.assign({ fetch() {} }, handlers);\n"),
    (".js", "export default function () { return { fetch() {} }; }\n"),
    (".js", "export default { fetch() {} }.handlers;\n"),
    (".js", "export default a ? { fetch() {} } : b;\n"),
    (".js", "let app = { fetch() {} };\nexport default app;\n"),
    (".js", "const { app } = { fetch() {} };\nexport default app;\n"),
    (".ts", "export = { fetch() {} };\n"),
    (".ts", "export default abstract class extends WorkerEntrypoint {}\n"),
    # An object that may have it.
    (".js", "export default { ...handlers };\n"),
    (".js", "export default { fetch() {}, ...handlers };\n"),
    (".js", "export default { [name]: run };\n"),
    (".js", "export default { [`queue`]: run };\n"),
    (".js", "export default { async [name]() {} };\n"),
    (".js", "export default { __proto__: handlers };\n"),
    (".js", 'export default { "__proto__": handlers };\n'),
    (".js", "export default { qu\\u0065ue: run };\n"),
    (".js", 'export default { "qu\\x65ue": run };\n'),
    (".js", "const app = { fetch() {} };\napp.queue = run;\nexport default app;\n"),
    (".js", "const app = { fetch() {} };\nObject.assign(app, handlers);\nexport default app;\n"),
    (".js", "const app = { fetch() {} };\nexport default app;\nexport { app };\n"),
    (".ts", "const app = { fetch() {} };\ninstall(app);\nexport default app satisfies Handlers;\n"),
    # A class that may have it.
    (".js", CLASS.replace(IMPORT, "")),
    (".js", CLASS.replace("cloudflare:workers", "./base")),
    (".js", CLASS.replace(" { W", " { Base as W")),
    (".js", CLASS.replace("extends WorkerEntrypoint", "extends Reads(WorkerEntrypoint)")),
    (".js", CLASS.replace("extends WorkerEntrypoint", "")),
    (".js", CLASS.replace("extends WorkerEntrypoint", "extends Base")),
    (".js", f"{NAMED}export default class extends X {{}}\n"),
    (".js", CLASS.replace("fetch() {}", "[name]() {}")),
    (".js", CLASS.replace("fetch() {}", "[name] = run;")),
    (".js", CLASS.replace("fetch() {}", "static { this.prototype[name] = run; }")),
    (".js", CLASS.replace("fetch() {}", "constructor(c, e) { super(c, e); this.queue = run; }")),
    (".js", CLASS.replace("fetch() {}", "constructor(c, e) { super(c, e); this[name] = run; }")),
    (".js", CLASS.replace("fetch() {}", "a() { [this.queue] = handlers; }")),
    (".js", CLASS.replace("fetch() {}", "a() { ({ b: this.queue } = handlers); }")),
    (".ts", CLASS.replace("fetch() {}", "constructor(public queue: Run) { super(); }")),
    (".js", CLASS.replace("fetch() {}", "a = Object.assign(this, handlers);")),
    (".js", CLASS + "WorkerEntrypoint.prototype.queue = run;\n"),
    (".js", NAMED + "X.prototype.queue = run;\nexport default X;\n"),
    (".js", NAMED + "install(X);\nexport default X;\n"),
    (".js", CLASS.replace("class", "class X") + "install(X);\n"),
    (".js", CLASS.replace("export default", "@reads export default")),
    (".ts", CLASS.replace("fetch() {}", "@reads fetch() {}")),
    # What can't be read.
    (".js", "export default {\n  fetch() {}\n"),
    (".js", "export default { fetch() {} } satisfies ExportedHandler<Env>;\n"),
    (".js", "export default { a: 1 };\nexport default { b: 2 };\n"),
]


@pytest.mark.parametrize(("suffix", "marked"), EDITED)
def test_a_default_export_gets_the_method(suffix: str, marked: str) -> None:
    source = marked.replace("@", "")
    done = with_script_handler(source, NEW, suffix)
    assert (done.new, done.why) == (True, "")
    before, after = marked.split("@")
    assert done.source.startswith(f"{before}\n  async queue(batch")
    assert done.source.endswith(after)
    assert "async queue(" in done.source.splitlines()[done.line - 1]
    assert ("(batch: MessageBatch)" in done.source) == (suffix in (".ts", ".mts", ".tsx"))
    assert first_error(syntax_of(done.source, suffix)) == 0
    again = with_script_handler(done.source, NEW, suffix)
    assert (again.source, again.line, again.new) == (done.source, done.line, False)


@pytest.mark.parametrize(("suffix", "source"), ALREADY)
def test_a_handler_that_is_there_is_found(suffix: str, source: str) -> None:
    done = with_script_handler(source, NEW, suffix)
    assert (done.source, done.new, done.why) == (source, False, "")
    assert "queue" in source.splitlines()[done.line - 1]


@pytest.mark.parametrize(("suffix", "source"), UNSURE)
def test_what_is_not_sure_stays_with_the_reason(suffix: str, source: str) -> None:
    done = with_script_handler(source, NEW, suffix)
    assert (done.source, done.line, done.new) == (source, 0, False)
    assert done.why
    assert not done.why.endswith(".")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "export default {\n  fetch() {},\n};\n",
            f"export default {{\n  {METHOD},\n  fetch() {{}},\n}};\n",
        ),
        ("export default {};", f"export default {{\n  {METHOD},\n}};"),
        (
            "export default { a: 'é' };",
            f"export default {{\n  {METHOD}, a: 'é' }};",
        ),
        (
            "const é = 'é';\nexport default {\n\tfetch() {},\n};\n",
            "const é = 'é';\nexport default {\n"
            + f"  {METHOD}".replace("  ", "\t")
            + ",\n\tfetch() {},\n};\n",
        ),
        (CLASS, CLASS.replace("point {\n", f"point {{\n  {METHOD}\n\n")),
    ],
)
def test_it_is_written_like_the_rest(source: str, expected: str) -> None:
    assert with_script_handler(source, NEW, ".js").source == expected


def test_the_reason_names_the_line() -> None:
    for source, why in (
        ("\nexport default { ...handlers };", "`...handlers` in line 2 may define queue"),
        ("\nexport default {\n", "cfpy can't read line 2 of it"),
        ("const a = {};", "it has no default export"),
        (
            "\nexport default wrapped();",
            "its default export in line 2 is not a plain object or class",
        ),
    ):
        assert with_script_handler(source, NEW, ".js").why == why

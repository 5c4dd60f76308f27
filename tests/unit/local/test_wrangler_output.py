"""The lines of `wrangler dev`, as wrangler 4.164.0 printed them."""

from __future__ import annotations

import pytest

from cfpy.local.wrangler_output import Ready, Reload, Request, Said, WranglerOutput


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[wrangler:info] Ready on http://127.0.0.1:8787", Ready("http://127.0.0.1:8787/")),
        ("[wrangler:info] GET / 200 OK (17ms)", Request("GET", "/", 200, 17)),
        ("[wrangler:info] POST /a?b=c 500 Internal Server Error (1200ms)", None),
        ("a log line", Said("log", "a log line")),
        ("⎔ Reloading local server...", Reload(done=False)),
        ("⎔ Local server updated and ready", Reload(done=True)),
        ("", None),
        ("┌───┐", None),
        ("Using secrets defined in .dev.vars", None),
    ],
)
def test_standard_output(line: str, said: object) -> None:
    found = WranglerOutput().read(line, on_stderr=False)
    if isinstance(found, Request) and said is None:
        said = Request("POST", "/a?b=c", 500, 1200)
    assert found == said


COMPLAINTS = """\
▲ [WARNING] a warning line

✘ [ERROR] an error line
    at fetch (index.js:1:1)

✘ [ERROR] Build failed with 1 error:

  ✘ [ERROR] Expected identifier but found end of file

      ../../src/index.js:2:0:
        2 │
          ╵ ^
If you think this is a bug then please create an issue at https://x
🪵  Logs were written to "/x.log"
"""


UNCAUGHT = """\
✘ [ERROR] Uncaught Error: late Error

      at null.<anonymous> (file:///p/src/index.js:6:95)

✘ [ERROR] cfpy: Uncaught Error: late
      at null.<anonymous> (file:///p/src/index.js:6:95)
      at x (file:///p/.wrangler/cfpy/.wrangler/tmp/bundle-x/middleware-loader.entry.ts:54:17)

✘ [ERROR] Uncaught exceptions are a bad thing
"""


def test_an_uncaught_exception_is_shown_once() -> None:
    """wrangler may show it or not, according to which of its Workers was ready last."""
    output = WranglerOutput()
    found = [output.read(line, on_stderr=True) for line in UNCAUGHT.splitlines()]
    assert [item.text for item in found if isinstance(item, Said)] == [
        "Uncaught Error: late",
        "      at null.<anonymous> (file:///p/src/index.js:6:95)",
        "Uncaught exceptions are a bad thing",
    ]


def test_what_wrangler_logs_has_its_level() -> None:
    output = WranglerOutput()
    lines = ["[wrangler:error] Error: no", "    at fetch (a.js:1:1)", "x", "[wrangler:warn] y"]
    found = [output.read(line, on_stderr=False) for line in lines]
    assert [item.level for item in found if isinstance(item, Said)] == [
        "error",
        "error",
        "log",
        "warning",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "Missing required secrets: KEY. Add them to .dev.vars, .env, or set as environment "
            "variables.",
            False,
        ),
        ("Missing required secrets: KEY", True),
    ],
)
def test_only_what_wrangler_says_of_missing_secrets_is_hidden(text: str, shown: bool) -> None:
    found = WranglerOutput().read(f"▲ [WARNING] {text}", on_stderr=True)
    assert found == (Said("warning", text) if shown else None)


@pytest.mark.parametrize("mark", ["", "✘ [ERROR] "])
def test_what_workerd_tells_its_authors_is_hidden(mark: str) -> None:
    """It follows the error of a stream, which is shown."""
    text = "NOSENTRY reporting trace with exception outcome, but no actual exceptions; trace-> ..."
    assert WranglerOutput().read(mark + text, on_stderr=True) is None


def test_what_a_build_prints_is_shown_below_the_table_of_bindings() -> None:
    output = WranglerOutput()
    lines = [
        "w-cfpy-page has access to the following bindings:",
        "env.A (x)      Environment Variable      local",
        "",
        "[custom build] Running: make",
        "[custom build] warning: deprecated",
        "[custom build] ",
        "w is sending Tail events to the following Workers:",
    ]
    found = [output.read(line, on_stderr=False) for line in lines]
    assert [item for item in found if item] == [
        Said("log", "[build] Running: make"),
        Said("log", "[build] warning: deprecated"),
    ]


def test_standard_error() -> None:
    output = WranglerOutput()
    found = [output.read(line, on_stderr=True) for line in COMPLAINTS.splitlines()]
    assert [item for item in found if item] == [
        Said("warning", "a warning line"),
        Said("error", "an error line"),
        Said("error", "    at fetch (index.js:1:1)"),
        Said("error", "Build failed with 1 error:"),
        Said("error", "  Expected identifier but found end of file"),
        Said("error", "      src/index.js:2:0:"),
        Said("error", "        2 │"),
        Said("error", "          ╵ ^"),
    ]
    assert output.not_built


def test_a_build_command_that_failed_is_said_without_the_dump_of_an_error() -> None:
    dump = """\
✘ [ERROR] k [Error]: Process exited with non-zero status (3)
      at runCommand (/x/cli.js:1:1) {
    result: I {
      _process: ChildProcess {},
✘ [ERROR] Running custom build `exit 3` failed. There are likely more logs above.
"""
    output = WranglerOutput()
    found = [output.read(line, on_stderr=True) for line in dump.splitlines()]
    assert [item.text for item in found if isinstance(item, Said)] == [
        "The build failed with status 3.",
        "Running custom build `exit 3` failed. There are likely more logs above.",
    ]
    assert output.not_built


def test_a_build_that_succeeds_again_makes_up_for_it() -> None:
    output = WranglerOutput()
    output.read("✘ [ERROR] Build failed with 2 errors:", on_stderr=True)
    output.read("[wrangler:info] Ready on http://x:1", on_stderr=False)
    assert not output.not_built


NOISE = """\
Your Worker has access to the following bindings:
Binding                 Resource                  Mode
env.A ("(hidden)")      Environment Variable      local

env.D ("(hidden)")      Environment Variable      local
env.KEY ("-----BEGIN
abc

-----END")              Environment Variable      local
env.Z ("z")             Environment Variable      local

\u2394 Starting local server...
env.A is what the Worker prints
"""


def test_a_table_of_bindings_is_not_shown() -> None:
    output = WranglerOutput()
    found = [output.read(line, on_stderr=False) for line in NOISE.splitlines()]
    texts = [item.text for item in found if isinstance(item, Said)]
    assert texts == ["env.A is what the Worker prints"]


@pytest.mark.parametrize(
    "line",
    [
        "*** Uncaught exception ***",
        "The Workers runtime failed to start. There was likely a problem with the workerd binary.",
        "  Runtime stderr:",
        '  {"timestamp":"1795654837692","level":"error","source":"x","message":"failed"}',
    ],
)
def test_the_same_again_is_not_shown(line: str) -> None:
    assert WranglerOutput().read(line, on_stderr=True) is None


NO_BUNDLE = """\
✘ [ERROR] *** Uncaught exception ***

  workerd/server/bridge.rs:843: failed: Request for Pyodide bundle failed; url = https://x; failed

✘ [ERROR] The Workers runtime failed to start. There was likely a problem with the workerd binary.

  Runtime stderr:
  {"timestamp":"1795682698472","level":"error","message":"Request for Pyodide bundle failed"}
"""


def test_why_workerd_can_not_start_is_shown_once() -> None:
    output = WranglerOutput()
    found = [output.read(line, on_stderr=True) for line in NO_BUNDLE.splitlines()]
    [said] = [item for item in found if isinstance(item, Said)]
    assert "Request for Pyodide bundle failed" in said.text


# With unknown keys, a cron trigger and a class that `exports` does not have.
START = """\
▲ [WARNING] Processing .wrangler/cfpy/worker.json configuration:

    - Unexpected fields found in top-level field: "kv_namespace"

▲ [WARNING] Scheduled Workers are not automatically triggered during local development.

  To manually trigger a scheduled event, run:
    curl "http://127.0.0.1:8787/cdn-cgi/local/scheduled"
  For more details, see https://developers.cloudflare.com/workers

▲ [WARNING] Processing .wrangler/cfpy/worker.json configuration:

    - Unexpected fields found in triggers field: "cron"
    - In your wrangler.json file, you have configured `durable_objects`
      without a migration

✘ [ERROR] service core:user:mine: No such compatibility flag: no
"""


def test_only_what_is_new_about_the_configuration_is_shown() -> None:
    output = WranglerOutput()
    said = [output.read(line, on_stderr=True) for line in START.splitlines()]
    assert [(each.level, each.text) for each in said if isinstance(each, Said)] == [
        (
            "warning",
            "wrangler, about the configuration:\n"
            "    - In your wrangler.json file, you have configured `durable_objects`",
        ),
        ("warning", "      without a migration"),
        ("error", "service core:user:mine: No such compatibility flag: no"),
    ]
    assert output.read("⎔ Starting local server...", on_stderr=False) is None

"""wrangler starts without miniflare, and gets all of it when it asks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from cfpy.tools.context import build_context
from cfpy.tools.toolchain import arguments_of_wrangler

# Named as wrangler's, and with what wrangler does at its start and later.
SCRIPT = """\
require(process.argv[2]);
const miniflare = require('miniflare');
const loaded = () => Object.keys(require.cache).some((name) => /miniflare.dist/.test(name));
const found = { order: [], lines: [] };
class Own extends miniflare.Log {
  log(line) {
    found.lines.push(line);
  }
}
const mutex = new miniflare.Mutex();

async function main() {
  const pause = new Promise((done) => setTimeout(done, 50));
  const slow = mutex.runWith(() => pause.then(() => found.order.push(1)));
  const wrong = mutex.runWith(() => Promise.reject(new Error('wrong')));
  wrong.catch(() => found.order.push(2));
  void mutex.runWith(() => found.order.push(3));
  await mutex.drained();
  await slow;
  found.before = loaded();
  const log = new Own(miniflare.LogLevel.INFO);
  log.info('whales');
  log.debug('not shown');
  found.after = loaded();
  const [first, second] = [new miniflare.Log(), new Own()];
  found.kinds = [log, first, second].map((item) => item instanceof miniflare.Log);
  found.level = log.level;
  console.log(JSON.stringify(found));
}

main();
"""


def test_it_is_loaded_when_it_is_used(tmp_path: Path) -> None:
    toolchain = build_context(print).toolchain
    argv = toolchain.wrangler(tmp_path)
    assert arguments_of_wrangler([*argv, "d1", "list", "--json"]) == ("d1", "list", "--json")
    script = tmp_path / "cli.js"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [*argv[:-1], str(script), argv[-1]],
        env={**os.environ, "NODE_PATH": str(toolchain.directory / "node_modules")},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert (found["before"], found["after"]) == (False, True)
    assert [line for line in found["lines"] if "whales" in line] == found["lines"] != []
    assert found["kinds"] == [True, True, True]
    assert (found["level"], found["order"]) == (3, [1, 2, 3])

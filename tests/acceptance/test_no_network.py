"""What runs on this machine alone tries to reach no other, and does without.

Python says by an audit hook what it connects to, Node by a patched `Socket.connect`; both inherit
into whatever they start. And all of it runs where there is no network but loopback, so that a
program without such a hook, as workerd is, has none either. What one of those would report, it
would keep in the home directory first, where nothing but wrangler's logs may be.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cfpy.tools.toolchain import cache_directory
from dev_process import write_project

CFPY = [sys.executable, "-m", "cfpy"]
HERE = Path(__file__).parent
HOOKS = {
    "sitecustomize.py": """
import os, sys
def hook(event, arguments):
    if event == "socket.connect":
        to = arguments[1][0] if isinstance(arguments[1], tuple) else ""
    elif event == "socket.getaddrinfo":
        to = arguments[0]
    else:
        return
    if to not in ("", None, "127.0.0.1", "::1", "localhost"):
        with open(os.environ["ATTEMPTS"], "a") as file:
            print("python", event, to, sys.argv[:3], file=file)
sys.addaudithook(hook)
""",
    "watch.cjs": """
const net = require('node:net');
const fs = require('node:fs');
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : given;
  const host = typeof options === 'object' ? options.host : given[1];
  if (!(options?.path || [undefined, '127.0.0.1', '::1', 'localhost'].includes(host))) {
    const line = `node ${host} ${process.argv.slice(1, 4).join(' ')}\\n`;
    fs.appendFileSync(process.env.ATTEMPTS, line);
  }
  return connect.apply(this, given);
};
""",
}
# Runs in a network of its own: nothing but loopback, which is to be switched on.
ALONE = """
import fcntl, json, socket, struct, sys
with socket.socket() as any_socket:
    SIOCSIFFLAGS, IFF_UP = 0x8914, 1
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
sys.path[:0] = json.loads(sys.argv[1])
from pathlib import Path
from dev_process import start_dev
headers = {"Authorization": "Bearer local-development-token", "Content-Type": "application/json"}
said = {}
for project, arguments, method, path, body in json.loads(sys.argv[2]):
    dev = start_dev(Path(project), *arguments, forked=False)
    try:
        answer = dev.request(method, path, body, headers)
        said[project] = [answer.status, answer.body.decode()[:200]]
    finally:
        dev.stop()
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
    said["network"] = "there is one"
except OSError:
    pass
print(json.dumps(said))
"""
SCRIPT = {
    "wrangler.toml": 'name = "script"\nmain = "src/index.js"\ncompatibility_date = "2026-11-17"\n',
    "src/index.js": "export default { fetch: () => new Response('hello') };\n",
}


def alone(argv: list[str]) -> list[str]:
    """The command in a network namespace of its own; who is not root needs a user namespace too."""
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", *argv]


@pytest.fixture
def hooked(tmp_path: Path) -> dict[str, str]:
    for name, text in HOOKS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "attempts").touch()
    return {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "NODE_OPTIONS": f"--require={tmp_path / 'watch.cjs'}",
        "ATTEMPTS": str(tmp_path / "attempts"),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_a_local_run_needs_no_network_and_tries_none(
    hooked: dict[str, str], tmp_path: Path
) -> None:
    new = [*CFPY, "new", "rag", "shop", "--defaults", "--no-git"]
    subprocess.run(new, cwd=tmp_path, check=True, capture_output=True)
    rag, script = tmp_path / "shop", write_project(tmp_path / "script", SCRIPT)
    # Once with a network: it vendors, and installs the tools.
    subprocess.run([*CFPY, "test", "-q", "-k", "no_such_test"], cwd=rag, capture_output=True)
    document = {"documents": [{"id": "a", "text": "The blue whale eats krill."}]}
    runs = [
        [str(rag), ["--runtime", "node"], "POST", "/documents", document],
        [str(script), [], "GET", "/", None],
    ]
    (tmp_path / "alone.py").write_text(ALONE)
    folders = json.dumps([str(HERE), str(HERE.parent / "runtime")])
    argv = [sys.executable, str(tmp_path / "alone.py"), folders, json.dumps(runs)]
    # onnxruntime, unless it is told not to, makes an identifier of the machine there.
    hooked |= {"HOME": str(tmp_path / "home"), "CFPY_CACHE_DIR": str(cache_directory())}
    done = subprocess.run(
        alone(argv), env=hooked, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.keys() == {str(rag), str(script)}
    assert said[str(rag)][0] == 200, said
    assert said[str(script)] == [200, "hello"]
    kept = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert [path for path in kept if ".wrangler" not in path.parts] == []
    tried = (tmp_path / "attempts").read_text().splitlines()
    # What the hooks saw is the attempt of this test itself.
    assert {line.split(" ")[2] for line in tried} == {"192.0.2.1"}
    node = shutil.which("node", path=hooked["PATH"]) or "node"
    probe = "require('net').connect(80, '192.0.2.2').on('error', () => {}).destroy()"
    subprocess.run([node, "-e", probe], env=hooked, check=True)
    assert "192.0.2.2" in (tmp_path / "attempts").read_text()

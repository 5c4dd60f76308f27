"""Sphinx builds these pages: `nox -s docs`."""

from __future__ import annotations

import base64
import hashlib
import html
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

from cfpy import __version__
from cfpy.tools.process import SubprocessRunner
from cfpy.tools.toolchain import Toolchain

project = "cfpy"
version = release = __version__
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "cfpy"
html_copy_source = False
html_static_path = ["_build/mermaid"]
html_js_files = ["mermaid.min.js"]
myst_heading_anchors = 3
# GitHub draws these blocks, too.
myst_fence_as_directive = ["mermaid"]
# Links to files of the repository that are no pages: GitHub shows them, the site offers them.
suppress_warnings = ["myst.xref_missing"]

# Diagrams are drawn in the reader's browser, by what lies beside the pages and not on a host.
_MERMAID = "mermaid@11.17.2"
_INTEGRITY = (
    "sha512-V6K3C8EBdEsPFZXSKMJe6ppQOENxuHARr9GvHX4hh47lAbhMRD9qf"
    "4oEK7LoaRQxULMa80/qt5gHO73aCleBBg=="
)


class Mermaid(Directive):
    """A diagram."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        text = html.escape("\n".join(self.content))
        return [nodes.raw("", f'<pre class="mermaid">{text}</pre>', format="html")]


def fetch_mermaid(app: Any, _config: Any) -> None:
    """Put mermaid into the build, once, checked against its hash."""
    target = Path(app.srcdir) / "_build" / "mermaid" / "mermaid.min.js"
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    toolchain = Toolchain(SubprocessRunner(), print)
    argv = [*toolchain.node.npm, "pack", _MERMAID, "--silent"]
    done = subprocess.run(
        argv, cwd=target.parent.parent, env=toolchain.environment(), check=True, capture_output=True
    )
    archive = target.parent.parent / done.stdout.decode().strip()
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != _INTEGRITY:
        raise RuntimeError(f"{_MERMAID} is not what it was")
    with tarfile.open(archive) as tar:
        member = tar.extractfile("package/dist/mermaid.min.js")
        assert member is not None
        target.write_bytes(member.read())


def setup(app: Any) -> None:
    app.add_directive("mermaid", Mermaid)
    app.connect("config-inited", fetch_mermaid)

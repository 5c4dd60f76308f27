"""Wheels as small as they can be."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping


def wheel(name: str, version: str, files: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a wheel, the same each time; ``files`` are further files by their path."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    content = {
        **(files or {}),
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content[f"{folder}/RECORD"] = "".join(f"{path},,\n" for path in (*content, f"{folder}/RECORD"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return packed.getvalue()


def file_name(name: str, version: str) -> str:
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

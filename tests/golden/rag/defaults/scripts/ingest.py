"""Sends a folder of Markdown or text files to the Worker.

    python scripts/ingest.py corpus
    API_TOKEN=... python scripts/ingest.py corpus --url https://example.workers.dev

A file's path is the document's id, its first heading the title, its first folder the `section`, and
`page.de.md` has the `lang` "de". Run it as often as you like: unchanged files cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from client import argument_parser, make_client

_SUFFIXES = {".md", ".txt"}
_DEFAULT_LANGUAGE = "en"
# Small enough for progress to show, and for a request to stay far from every limit.
_BATCH = 10


def documents_in(folder: Path) -> Iterator[dict[str, Any]]:
    """The documents of a folder, as ``POST /documents`` takes them."""
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _SUFFIXES or not path.is_file():
            continue
        name = path.relative_to(folder)
        title, text = _split_title(path.read_text("utf-8"), default=path.stem)
        metadata = {"lang": Path(path.stem).suffix.removeprefix(".") or _DEFAULT_LANGUAGE}
        if len(name.parts) > 1:
            metadata["section"] = name.parts[0]
        yield {
            "id": name.as_posix(),
            "title": title,
            "source": name.as_posix(),
            "text": text,
            "metadata": metadata,
        }


def _split_title(text: str, default: str) -> tuple[str, str]:
    first, _, rest = text.strip().partition("\n")
    if first.startswith("# "):
        return first.removeprefix("# ").strip(), rest.strip()
    return default, text


def main() -> None:
    """Run the script."""
    parser = argument_parser("Send a folder of Markdown or text files to the Worker.")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    client = make_client(options.url)
    documents = list(documents_in(options.folder))
    if not documents:
        parser.error(f"{options.folder} holds no .md or .txt files")
    for start in range(0, len(documents), _BATCH):
        batch = {"documents": documents[start : start + _BATCH]}
        for outcome in client.call("POST", "/documents", batch)["documents"]:
            print(f"{outcome['status']:<9}  {outcome['id']}")


if __name__ == "__main__":
    main()

"""Sends files, or folders of them, to the Worker: text, Markdown, HTML, PDF, Word, spreadsheets.

    python3 scripts/ingest.py corpus --wait
    python3 scripts/ingest.py corpus --url https://example.workers.dev

The Worker reads the files, and converts what is neither text nor Markdown. Images in folders are
left out without `--images`: to tell what one shows costs a call of a model. So are names that begin
with a dot or ~$, and folders of tools, such as node_modules.

A file that can't be ingested is named at the end, and the exit status is 1; the others go in. Run
it as often as you like: unchanged files cost next to nothing. `--again` indexes them all the same:
after D1 or the index went back in time, or lost something.

`--prune` also deletes the documents of files that are not there any more: of all that this script
has sent, from whichever folder, those that are in none of the named ones, of which none may be
empty. It shows and counts them, and asks first, or needs `--yes`. `--dry-run` shows what would
happen.

Searches find a document when Vectorize has processed it: after seconds, seldom minutes. With
`--wait`, the script ends when they find all.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from client import CallError, Client, Form, argument_parser, make_client
from documents import SUFFIXES, Document, Skipped, find, read, shown

# Small enough for progress to show, and for a request to stay far from every limit: the Worker
# takes 4 MB, and a few seconds of CPU for each.
_BATCH = 10
_BATCH_BYTES = 500_000
# So many requests that fail one after the other are not the fault of what is in them.
_MAX_FAILURES = 3
_SHOWN = 10
# Seconds between two looks at what is pending, and until waiting is given up.
_PAUSE = 1
_LONGEST_WAIT = 600
# What the metadata of each document says that this script sends: it deletes no others.
_MARK = {"sent_by": "scripts/ingest.py"}


class Ingestion:
    """Sends documents, and keeps count. ``metadata`` is what all of them get. With ``again``, the
    Worker indexes also those that are unchanged."""

    def __init__(self, client: Client, metadata: dict[str, str], *, again: bool = False) -> None:
        self._client = client
        self._about = {"metadata": metadata, **({"again": True} if again else {})}
        self._failures = 0
        self.counts = {"indexed": 0, "unchanged": 0}
        self.pruned = 0
        # The names of files that are there, and the ids of their documents.
        self.seen: set[str] = set()
        self.skipped: list[Skipped] = []
        self.others: list[str] = []

    def skip(self, name: str, reason: str) -> None:
        """Note that something does not go in."""
        self.skipped.append(Skipped(name, reason))

    def send(self, batch: Sequence[Document]) -> None:
        """Send documents. If they are refused, find out which of them it is about.

        Raises:
            CallError: It is about none of them.
        """
        form = Form([(item.name, item.content) for item in batch], self._about)
        try:
            outcomes = _outcomes(self._client.call("POST", "/documents", form), len(batch))
        except CallError as error:
            if error.everywhere:
                raise
            self._send_less(batch, error)
            return
        self._failures = 0
        for document, outcome in zip(batch, outcomes, strict=True):
            status = outcome["status"]
            self.seen.add(outcome["id"])
            if status == "busy":
                # On its own it is refused until it is free, and that is waited for.
                self.send([document])
            elif status == "refused":
                self.skip(document.name, f"the Worker refuses it: {outcome['detail'].rstrip('.')}")
            else:
                self.counts[status] += 1
                note = "" if document.encoding == "UTF-8" else f" (read as {document.encoding})"
                print(f"{status:<9}  {document.name}{note}", flush=True)

    def _send_less(self, batch: Sequence[Document], error: CallError) -> None:
        if len(batch) > 1:
            for document in batch:
                self.send([document])
        elif error.refusal:
            self._failures = 0
            self.skip(batch[0].name, f"the Worker refuses it: {error.refusal}")
        else:
            self.skip(batch[0].name, str(error))
            self._failures += 1
            if self._failures == _MAX_FAILURES:
                raise error

    def gone(self) -> Iterator[str]:
        """The ids of documents that this script has sent, and whose files are not there any more.

        Raises:
            CallError: The Worker does not answer.
        """
        seen = self.seen.union(self.others)
        cursor: str | None = ""
        while cursor is not None:
            page = self._client.call("GET", f"/documents?{urlencode({'cursor': cursor})}")
            cursor = page["next_cursor"]
            for document in page["documents"]:
                if _MARK.items() <= document["metadata"].items() and not (
                    seen & {document["id"], document["source"]}
                ):
                    yield document["id"]

    def prune(self, paths: Sequence[Path], *, agreed: bool, dry_run: bool) -> None:
        """Delete what is in none of ``paths`` any more, if somebody agrees.

        Raises:
            CallError: The Worker does not answer.
        """
        if self.skipped:
            self.skip("--prune", "nothing was deleted, since not every file could be read")
            return
        for path in paths:
            if not path.is_dir():
                self.skip("--prune", f"nothing was deleted: {shown(str(path))} is no folder")
                return
            # It is more likely not the one that was meant.
            if next(iter(find([path], [], images=True)), None) is None:
                self.skip("--prune", f"nothing was deleted: {shown(str(path))} is empty")
                return
        ids = list(self.gone()) if self.seen else []
        for id_ in ids:
            print(f"{'gone':<9}  {shown(id_)}")
        if not ids or dry_run:
            return
        if not agreed and not sys.stdin.isatty():
            self.skip("--prune", f"nothing was deleted: to delete {len(ids)}, add --yes")
        elif agreed or _confirmed(f"Delete these documents ({len(ids)})?"):
            for id_ in ids:
                self._client.call("DELETE", f"/documents/{quote(id_)}")
                self.pruned += 1
                print(f"{'deleted':<9}  {shown(id_)}", flush=True)

    def summary(self) -> str:
        """What went in and what did not, in words."""
        counts = self.counts
        deleted = f", {self.pruned} deleted" if self.pruned else ""
        lines = [
            f"{counts['indexed']} ingested, {counts['unchanged']} unchanged, "
            f"{len(self.skipped)} skipped{deleted}"
        ]
        lines += [f"  {item.name}: {item.reason}" for item in self.skipped]
        return "\n".join(lines)


def left_out(others: Sequence[str]) -> str:
    """Which files of folders do not go in because of their kind, in a line."""
    names = list(dict.fromkeys(others))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"Left out: {', '.join(names[:_SHOWN])}{more}"


def documents(
    paths: Sequence[Path], ingestion: Ingestion, *, images: bool = False
) -> Iterator[Document]:
    """What can be sent, read when it is asked for; the rest is noted."""
    seen: dict[str, Path] = {}
    # A folder may be named twice, or with a file in it.
    for file in dict.fromkeys(find(paths, ingestion.others, images=images)):
        document = file if isinstance(file, Skipped) else read(file)
        if isinstance(document, Skipped):
            ingestion.skip(document.name, document.reason)
            continue
        assert not isinstance(file, Skipped)
        other = seen.setdefault(document.name, file.path)
        if other is file.path:
            ingestion.seen.add(document.name)
            yield document
        elif other.resolve() != file.path.resolve():
            reason = f"it would have the name of {shown(str(other))}: rename one of them"
            ingestion.skip(shown(str(file.path)), reason)


def batches(items: Iterator[Document]) -> Iterator[list[Document]]:
    """As many at once as a request takes; a large one goes alone."""
    batch: list[Document] = []
    size = 0
    for document in items:
        more = len(document.content)
        if batch and (len(batch) == _BATCH or size + more > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += more
    if batch:
        yield batch


def wait(client: Client) -> bool:
    """Wait until no document is pending any more; return ``False`` if it takes too long.

    Raises:
        CallError: The Worker does not answer.
    """
    deadline = time.monotonic() + _LONGEST_WAIT
    while client.call("GET", "/documents?state=pending&limit=1")["documents"]:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def _outcomes(reply: Any, count: int) -> list[dict[str, str]]:
    """What became of each document of a batch."""
    try:
        outcomes: list[dict[str, str]] = reply["documents"]
        statuses = {item["status"] for item in outcomes if item["id"]}
    except (TypeError, KeyError):
        outcomes, statuses = [], set()
    known = {"indexed", "unchanged", "busy", "refused"}
    if not statuses <= known or len(outcomes) != count:
        message = "POST /documents gave an answer that is none of this Worker's. Is --url right?"
        raise CallError(message, everywhere=True)
    return outcomes


def _confirmed(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def main() -> int:
    """Run the script.

    Returns:
        The exit status: 0 if everything went in, 130 after Ctrl-C, else 1.
    """
    parser = argument_parser("Send files, or folders of them, to the Worker.")
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="path",
        help=f"a folder, or a file that ends in {', '.join(SUFFIXES)}",
    )
    parser.add_argument("--lang", help="the language of all these files, whatever they say")
    parser.add_argument(
        "--prune", action="store_true", help="delete documents whose files are not there any more"
    )
    parser.add_argument("--yes", action="store_true", help="let --prune delete without a question")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be sent and deleted, do neither"
    )
    parser.add_argument(
        "--again", action="store_true", help="index also what is unchanged, as after Time Travel"
    )
    parser.add_argument("--images", action="store_true", help="send the images in folders, too")
    parser.add_argument("--wait", action="store_true", help="end when searches find all documents")
    options = parser.parse_args()
    # A terminal that can't show a letter of a name still gets the line.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    client = make_client(options.url)
    metadata = _MARK | ({"lang": options.lang} if options.lang else {})
    ingestion = Ingestion(client, metadata, again=options.again)
    found = documents(options.paths, ingestion, images=options.images)
    stopped, searchable = 0, False
    try:
        for batch in batches(found):
            if options.dry_run:
                print(*(f"{'to send':<9}  {document.name}" for document in batch), sep="\n")
            else:
                ingestion.send(batch)
        if options.prune:
            ingestion.prune(options.paths, agreed=options.yes, dry_run=options.dry_run)
        searchable = options.dry_run or (options.wait and wait(client))
    except CallError as error:
        stopped = 1
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        stopped = 130
    print(ingestion.summary())
    if ingestion.others:
        print(left_out(ingestion.others), file=sys.stderr)
    if stopped:
        print("It stopped early. Run it again to continue.", file=sys.stderr)
    elif not ingestion.skipped and not ingestion.seen:
        print(f"There is no file of {', '.join(SUFFIXES)}.", file=sys.stderr)
        return 1
    elif options.wait and not searchable:
        print("Some documents are still pending: searches don't find them yet.", file=sys.stderr)
        return 1
    return stopped or (1 if ingestion.skipped else 0)


if __name__ == "__main__":
    sys.exit(main())

"""What a backup has: its ``manifest.json``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

VERSION = 1
#: What no backup has, and what to do instead.
LEFT_OUT = (
    "secrets: Cloudflare gives no secret back; keep them in a store of their own",
    "queues: messages that are not delivered yet",
    "Durable Objects and Workflows: Cloudflare has no API that reads their data",
    "the Worker's code: it is in your repository",
)


@dataclass(frozen=True)
class Item:
    """The data of one resource.

    Attributes:
        kind: ``d1``, ``kv``, ``r2`` or ``vectorize``.
        binding: By which a restore finds the resource of another environment.
        name: Its name in the account, or the title of a namespace.
        id: Its id in the account; its name for a kind without ids.
        files: The SHA-256 of each file, by its path in the folder.
        count: Rows, keys, objects or vectors.
        bookmark: The Time Travel bookmark of a database, from just before it was read.
        how: How a database was read: ``export`` (a snapshot) or ``queries``.
        notes: What was not read, and why.
        missed: The keys of what is there, and could not be copied.
    """

    kind: str
    binding: str
    name: str
    id: str
    files: Mapping[str, str]
    count: int
    bookmark: str = ""
    how: str = ""
    notes: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.binding}"

    @property
    def index(self) -> str:
        """The file that describes the objects of a bucket."""
        return index_of(self.binding)


def index_of(binding: str) -> str:
    """The file that describes the objects of a bucket."""
    return f"r2/{binding}.json"


@dataclass(frozen=True)
class BackupManifest:
    """A backup. ``created`` is a time in UTC, as RFC 3339; ``skipped`` are the keys of resources
    that were left out on request, ``too_large`` those that a backup can't have, each with the
    reason."""

    created: str
    cfpy: str
    worker: str
    environment: str
    account_id: str
    items: tuple[Item, ...]
    skipped: tuple[str, ...] = ()
    left_out: tuple[str, ...] = field(default=LEFT_OUT)
    too_large: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether everything that was chosen is in it."""
        return not self.missing

    @property
    def missing(self) -> tuple[str, ...]:
        """What was chosen and could not be copied, for people."""
        missed = (f"{len(item.missed)} of {item.key}" for item in self.items if item.missed)
        return (*missed, *(reason.partition(" ")[0] for reason in self.too_large))

    @property
    def described(self) -> str:
        """What it has and what it does not have, for people."""
        without = ", ".join((*self.missing, *self.skipped))
        has = ", ".join(item.key for item in self.items)
        return f"{has}, without {without}" if without else has

    @property
    def source(self) -> str:
        """What it is of, for people."""
        where = f"the environment {self.environment}" if self.environment else "the top level"
        return f"{self.worker} ({where}) in the account {self.account_id}, of {self.created}"

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"version": VERSION, **asdict(self)}


def parse(data: Any) -> BackupManifest:
    """A manifest from its JSON.

    Raises:
        ValueError: It is not one, or that of a later version of cfpy. The message has the reason.
    """
    if not isinstance(data, dict) or not isinstance(data.get("version"), int):
        raise ValueError("it is not the manifest of a backup")
    if data["version"] > VERSION:
        raise ValueError(f"a later cfpy wrote it (format {data['version']}): update cfpy")
    try:
        items = tuple(
            Item(**{**item, **{name: tuple(item.get(name) or ()) for name in ("notes", "missed")}})
            for item in data["items"]
        )
        names = ("created", "cfpy", "worker", "environment", "account_id")
        texts = {name: str(data[name]) for name in names}
        _check_time(texts["created"])
        for item in items:
            _check(item)
        for text in (*texts.values(), *(item.key for item in items)):
            if not text.isprintable():
                raise ValueError(f"it is damaged: {text!r} is not a name")
        return BackupManifest(
            **texts,
            items=items,
            skipped=tuple(data.get("skipped") or ()),
            left_out=tuple(data.get("left_out") or ()),
            too_large=tuple(data.get("too_large") or ()),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is damaged: {error}") from None


def _check_time(text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"it is damaged: {text!r} is not a time") from None


def _check(item: Item) -> None:
    """Refuse an item that a restore could not read: it knows which files each kind has, and takes
    none that is not in the folder."""
    for name, digest in item.files.items():
        inside = {"", ".", ".."}.isdisjoint(name.split("/")) and "\\" not in name
        if not (inside and name.isprintable() and isinstance(digest, str)):
            raise ValueError(f"it names a file outside of the backup: {name!r}")
    if item.kind in ("d1", "vectorize") and len(item.files) != 1:
        raise ValueError(f"it is damaged: {item.key} does not have one file")
    if item.kind == "r2" and item.index not in item.files:
        raise ValueError(f"it is damaged: {item.key} has no {item.index}")

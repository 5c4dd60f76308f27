"""Pins and requirements in the forms that pip reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cfpy.project.pylock import Pin


def requirement_lines(pins: Sequence[Pin]) -> str:
    """The pins with a hash as a requirements file: by version, or by the URL that named them."""
    return "".join(
        f"{pin.name} @ {_fragment(pin)} --hash={pin.hash}\n"
        if pin.direct
        else f"{pin.name}=={pin.version} --hash={pin.hash}\n"
        for pin in pins
        if not pin.built
    )


def built_lines(pins: Sequence[Pin], root: Path) -> str:
    """The pins that are built on this machine as a requirements file."""
    return "".join(f"{pin.name} @ {_built_from(pin, root)}\n" for pin in pins if pin.built)


def constraint_lines(pins: Sequence[Pin]) -> str:
    """The pins as a constraints file."""
    return "".join(
        f"{pin.name}=={pin.version}\n"
        for pin in pins
        if pin.version and not pin.built and not pin.direct
    )


def arguments_next_to(kept: Sequence[Pin], arguments: Sequence[str], root: Path) -> list[str]:
    """Requirements for pip, with what is built on this machine exactly as a lock has it: pip checks
    the hash in an address, and builds nothing else."""
    exact = {
        pin.name: _built_from(pin, root) if pin.built else _fragment(pin, pin.hash)
        for pin in kept
        if pin.built or pin.direct or not pin.url.endswith(".whl")
    }
    needed = [Requirement(text) for text in arguments]
    extras: dict[str, set[str]] = {
        canonicalize_name(item.name): item.extras for item in needed if item.extras
    }
    others = [
        text
        for text, item in zip(arguments, needed, strict=True)
        if canonicalize_name(item.name) not in exact
    ]
    named = {name: f"[{','.join(sorted(extras[name]))}]" for name in exact if name in extras}
    return others + [f"{name}{named.get(name, '')} @ {url}" for name, url in exact.items()]


def _fragment(pin: Pin, hashed: str = "") -> str:
    """The URL of a pin, with what pip has to know about it."""
    parts = [f"subdirectory={pin.subdirectory}"] if pin.subdirectory else []
    parts += [hashed.replace(":", "=")] if hashed else []
    return f"{pin.url}#{'&'.join(parts)}" if parts else pin.url


def _built_from(pin: Pin, root: Path) -> str:
    if pin.directory:
        return (root / pin.directory).resolve().as_uri()
    folder = f"#subdirectory={pin.subdirectory}" if pin.subdirectory else ""
    return f"git+{pin.url}@{pin.commit}{folder}"

"""Installs a ``pylock.toml`` of another tool, such as pywrangler, which cfpy never overwrites.

What the file has is installed by its hashes. Requirements that it does not have are resolved, each
time that packages are installed, because only the other tool writes the file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from cfpy.errors import ProjectError, ToolNotFoundError
from cfpy.project.package_indexes import find_pyodide_index
from cfpy.project.pylock import NAME, Lock, Pin
from cfpy.project.python_requirements import Requirements
from cfpy.project.python_target import PythonTarget, holds
from cfpy.project.worker_pip import WorkerPip


def install_foreign(
    pip: WorkerPip,
    target: PythonTarget,
    wanted: Requirements,
    lock: Lock,
    modules: Path,
    progress: Callable[[str], None],
) -> None:
    """Install another tool's lock into ``modules``, and what it does not have of ``wanted``.

    Raises:
        ProjectError: The lock is for another Python, or has only sources.
        ToolNotFoundError: A package can't be resolved or downloaded, or is not the locked one.
    """
    _refuse_unfit(target, wanted, lock)
    pins = lock.pins
    unmet = _unmet(lock, wanted, target)
    # Of these the file only has the version.
    bare = [pin.name for pin in pins if pin.name not in unmet and not _is_whole(pin)]
    if unmet or bare:
        limits = [pin for pin in pins if pin.name not in unmet]
        kept = [pin for pin in limits if pin.name not in bare]
        pins = _completed(pip, target, kept, limits, [*unmet, *bare], progress)
    try:
        # A file in the project has no address: pip finds it again through --find-links.
        direct = [dataclasses.replace(pin, direct="://" in pin.url) for pin in pins]
        pip.install_pins(direct, modules)
    except ToolNotFoundError as error:
        if "does not match its hash" in error.message:
            raise
        # Another machine may reach these files only through its own index.
        index = find_pyodide_index(target, pip.environment())
        try:
            pip.install_pins(pins, modules, index=index)
        except ToolNotFoundError:
            raise error from None


def _completed(
    pip: WorkerPip,
    target: PythonTarget,
    kept: Sequence[Pin],
    limits: Sequence[Pin],
    missing: Sequence[str],
    progress: Callable[[str], None],
) -> tuple[Pin, ...]:
    """The pins of a lock, and those of what it does not have."""
    hashed = sum(bool(pin.hash) for pin in kept)
    progress(
        f"{NAME} does not have {', '.join(missing)}: cfpy resolves what is missing, with no hash "
        f"to compare it with. {_counted(hashed)} checked by the hashes in {NAME}. To lock all, "
        "run `pywrangler sync`"
    )
    names = {pin.name for pin in kept}
    found = pip.resolve_more(find_pyodide_index(target, pip.environment()), kept, limits)
    return (*kept, *(pin for pin in found if pin.name not in names))


def _counted(number: int) -> str:
    if number == 1:
        return "One package is"
    return f"{number} packages are" if number else "No package is"


def _refuse_unfit(target: PythonTarget, wanted: Requirements, lock: Lock) -> None:
    """Refuse a lock that has nothing for this Python, or only sources that may not be built."""
    if lock.unfit:
        raise ProjectError(
            f"{NAME} has no wheel of {', '.join(lock.unfit)} for a Worker with Python "
            f"{target.python}",
            hint="Run `pywrangler sync` again, or delete the file: cfpy creates it, too.",
        )
    sources = [
        pin.name
        for pin in lock.pins
        if pin.url and not pin.commit and not pin.direct and not pin.url.endswith(".whl")
    ]
    if sources and not wanted.build:
        raise ProjectError(
            f"{NAME} has only the sources of {', '.join(sources)}",
            hint="Set allow-build = true in [tool.pywrangler] of pyproject.toml to build them.",
        )


def _unmet(lock: Lock, wanted: Requirements, target: PythonTarget) -> list[str]:
    """The packages that are required, and that a lock does not have in a version that fits."""
    pins = {pin.name: pin for pin in lock.pins}
    unmet = []
    for text in wanted.arguments:
        requirement = Requirement(text)
        if requirement.marker and not holds(str(requirement.marker), target):
            continue
        name = canonicalize_name(requirement.name)
        pin = pins.get(name)
        if pin is None or not (pin.built or requirement.url or _allows(requirement, pin)):
            unmet.append(name)
    return list(dict.fromkeys(unmet))


def _is_whole(pin: Pin) -> bool:
    """Whether a lock has the package itself, not only its version."""
    return pin.built or bool(pin.url and pin.hash)


def _allows(requirement: Requirement, pin: Pin) -> bool:
    try:
        return requirement.specifier.contains(Version(pin.version), prereleases=True)
    except InvalidVersion:
        return False

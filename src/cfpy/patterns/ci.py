"""``cfpy ci init``: writes a project's CI, for GitHub or GitLab."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from cfpy.bindings.wrangler_config import load_project
from cfpy.errors import FilesystemError, ProjectError, UsageError
from cfpy.patterns.base_archive import read_base
from cfpy.patterns.ci_facts import read_facts
from cfpy.patterns.ci_text import CiText, Provider, directory_of, is_as_written
from cfpy.patterns.merge import digest
from cfpy.project.changes import NewContent, apply
from cfpy.project.line_ends import plain
from cfpy.tools.context import Context
from cfpy.tools.installation import Installation
from cfpy.tools.installed import installation


@dataclass(frozen=True)
class CiRequest:
    """What to write. ``production`` and ``staging`` are as in
    :func:`cfpy.patterns.ci_facts.read_facts`."""

    root: Path
    provider: Provider
    production: str | None = None
    staging: str | None = None
    dry_run: bool = False
    config: Path | None = None


@dataclass(frozen=True)
class CiResult:
    """The files of a project's CI.

    Attributes:
        repository: The directory that the names of the files are relative to.
        before: The texts of the files that exist and change.
        after: The texts of all files that are new or change.
        unchanged: The files that are as they should be.
        variables: The names of the secrets to create there, by environment.
        default_branch_only: The environments whose secrets no other branch may get.
        left_out: What is not in the files, each with the reason.
        written: Whether the files were written.
    """

    repository: Path
    before: Mapping[str, str]
    after: Mapping[str, str]
    unchanged: tuple[str, ...]
    variables: Mapping[str, tuple[str, ...]]
    default_branch_only: tuple[str, ...]
    left_out: tuple[str, ...]
    written: bool = False


def run(ctx: Context, request: CiRequest, confirm: Callable[[CiResult], bool]) -> CiResult:
    """Write a project's CI.

    ``confirm`` is called before anything is written; if it returns false, nothing is.

    Raises:
        ProjectError: The directory has no project, or its files can't be read.
        UsageError: A name in it can't be in a command of CI, or a file exists that cfpy did not
            write, or that was edited. Nothing was changed.
        FilesystemError: A file can't be read or written.
    """
    project = load_project(request.root, request.config)
    top = ctx.git.read(project.root, "rev-parse", "--show-toplevel")
    repository = Path(top).resolve() if top else project.root.resolve()
    directory = project.root.resolve().relative_to(repository).as_posix()
    directory = "" if directory == "." else directory
    _refuse_odd(directory)
    cfpy, why = cfpy_of_ci(installation())
    facts = read_facts(project, request.production, request.staging)
    text = CiText(request.provider, facts, cfpy, directory)
    wanted = text.files()
    before = _existing(repository, wanted, _rendered(project.root, directory))
    changed = {name: new for name, new in wanted.items() if before.get(name) != new}
    result = CiResult(
        repository,
        {name: before[name] for name in changed if name in before},
        changed,
        tuple(name for name in wanted if name not in changed),
        variables_of(text),
        text.default_branch_only,
        tuple(_left_out(text, why)),
    )
    if request.dry_run or not changed or not confirm(result):
        return result
    apply(repository, {name: NewContent(new.encode()) for name, new in changed.items()})
    return CiResult(**{**vars(result), "written": True})


def cfpy_of_ci(found: Installation) -> tuple[str, str]:
    """The requirement by which CI installs this cfpy, and otherwise why it can't."""
    if found.pinned_requirement:
        return found.pinned_requirement, ""
    if re.match(r"([a-z]+\+)?file:", found.address):
        return "", (
            f"this cfpy was installed from {found.address}, and CI can't reach a file: address of "
            "this machine"
        )
    if found.directory:
        return "", f"this cfpy was installed from the directory {found.directory}"
    return "", "it is not known where this cfpy was installed from"


def variables_of(text: CiText) -> dict[str, tuple[str, ...]]:
    """The secrets that the jobs of each environment read."""
    account = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID")
    return {
        name: (*account, *(text.secrets if name.startswith("preview") else ()))
        for name in text.environments
    }


def _left_out(text: CiText, why: str) -> list[str]:
    if text.cfpy:
        return []
    return [
        "previews, backups and the check for drift need cfpy, and CI may only install the very "
        f"cfpy that wrote its files: {why}. Install it from a git repository at a commit, or from "
        "a file at an address with its hash, and run this again"
    ]


def _refuse_odd(directory: str) -> None:
    if any(sign in directory for sign in ("\n", "\r", "${{", "'")):
        raise UsageError(
            f"the project's directory {directory!r} can't be in a file of CI",
            hint="Rename it.",
        )


def _rendered(root: Path, directory: str) -> dict[str, set[str]]:
    """Hashes of the files that cfpy's other commands write, by their path in the repository."""
    if directory:
        return {}
    known: dict[str, set[str]] = {}
    try:
        for name, file in read_base(root).items():
            known.setdefault(name, set()).add(file.digest)
    except ProjectError:
        # It was not rendered by cfpy.
        pass
    return known


def _existing(
    repository: Path, wanted: Mapping[str, str], rendered: Mapping[str, set[str]]
) -> dict[str, str]:
    """The texts of the files that exist and may be replaced, with the line ends of ``wanted``.

    Raises:
        UsageError: There is another one.
        FilesystemError: One can't be read.
    """
    found = {}
    for name in wanted:
        path = repository / name
        if not path.exists() and not path.is_symlink():
            continue
        text = _text(path)
        known = text is not None and (
            is_as_written(text)
            or digest(text.encode()) in rendered.get(name, ())
            or text == wanted[name]
            or _is_adopted(text)
        )
        if text is None or not known:
            raise UsageError(
                f"{path} exists, and is not as cfpy wrote it",
                hint="Nothing was changed. Rename it, run this again, and copy what you need from "
                "one to the other.",
            )
        theirs, ours = directory_of(text), directory_of(wanted[name])
        if theirs != ours and (repository / theirs).is_dir():
            raise UsageError(
                f"{path} is the CI of the project in {theirs}, and that in {ours} gets the same "
                "name for its own",
                hint="Rename one of the two directories. Nothing was changed.",
            )
        found[name] = text
    return found


def _text(path: Path) -> str | None:
    """What a file has, with ``\\n`` as line end; ``None`` if it is no file of text.

    Raises:
        FilesystemError: It can't be read.
    """
    if not path.is_file():
        return None  # A folder, or a link to nothing.
    try:
        return plain(path.read_bytes().decode())
    except UnicodeDecodeError:
        return None
    except OSError as error:
        raise FilesystemError(f"can't read {path}: {error}") from None


def _is_adopted(text: str) -> bool:
    """Whether ``cfpy adopt --ci`` wrote it."""
    before, _, after = (
        files("cfpy").joinpath("adopted", "ci.yml").read_text("utf-8").partition("REQUIREMENT")
    )
    middle = text.removeprefix(before).removesuffix(after)
    return text == f"{before}{middle}{after}" and "\n" not in middle

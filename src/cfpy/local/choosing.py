"""Chooses the runtime of a local run."""

from __future__ import annotations

from collections.abc import Iterator

from cfpy.errors import LocalRuntimeError, ProjectError
from cfpy.local import bundle
from cfpy.local.preparation import Runtime
from cfpy.local.workerd_runtime import BundleUnavailableError
from cfpy.project.project import OPTED_OUT_OF_313, PYTHON_313_SINCE, Project
from cfpy.tools.toolchain import pythons


def choose_runtime(project: Project, wanted: Runtime) -> tuple[Runtime, str]:
    """Where the project's code runs, and why; ``AUTO`` if both runtimes are to be tried.

    Raises:
        ProjectError: The node runtime is wanted, and does not have the project's Python.
    """
    if not project.is_python:
        note = "a JavaScript Worker"
        if wanted is Runtime.NODE:
            note += ", which always runs in workerd: --runtime node is not used"
        return Runtime.WORKERD, note
    if project.python_version not in pythons():
        if wanted is Runtime.NODE:
            raise ProjectError(
                f"the compatibility date requires Python {project.python_version}; "
                f"--runtime node has {_node_pythons()}",
                path=project.config_path,
                hint=_newer_python(project)
                + ("" if bundle.was_missing() else " Or use --runtime workerd."),
            )
        return Runtime.WORKERD, f"Python {project.python_version}"
    if wanted is not Runtime.AUTO:
        return wanted, "as requested"
    if bundle.was_missing():
        return Runtime.NODE, bundle.NOT_DOWNLOADED
    return Runtime.AUTO, ""


def _newer_python(project: Project) -> str:
    """How to change a project to a Python version of the node runtime."""
    steps = []
    if OPTED_OUT_OF_313 in (project.wrangler.get("compatibility_flags") or ()):
        steps.append(f"remove {OPTED_OUT_OF_313} from compatibility_flags")
    if str(project.wrangler.get("compatibility_date")) < PYTHON_313_SINCE.isoformat():
        steps.append(f"set compatibility_date to {PYTHON_313_SINCE} or later")
    words = " and ".join(steps)
    return f"{words[:1].upper()}{words[1:]}."


def _node_pythons() -> str:
    return " and ".join(sorted(pythons()))


def without_bundle(project: Project, error: BundleUnavailableError) -> LocalRuntimeError:
    """The same error with a useful hint: not the other runtime if that can't run the project."""
    if project.python_version in pythons():
        return error
    return LocalRuntimeError(
        f"{error.message}; --runtime node only has Python {_node_pythons()}, and the compatibility "
        f"date requires {project.python_version}",
        hint=f"{_newer_python(project)} Then use --runtime node, which needs no download. Or check "
        "the network.",
    )


def attempts(runtime: Runtime, note: str) -> Iterator[tuple[Runtime, str]]:
    """The runtimes to try, each with the reason."""
    if runtime is Runtime.AUTO:
        yield Runtime.WORKERD, "as on Cloudflare"
        yield Runtime.NODE, bundle.NOT_DOWNLOADED
    else:
        yield runtime, note

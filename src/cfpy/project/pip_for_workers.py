"""Runs pip as if on the Python of a Worker: ``python pip_for_workers.py install ...``.

pip's ``--platform`` and ``--python-version`` select wheels, but markers such as
``sys_platform == 'emscripten'`` are still evaluated for this machine (pip.pypa.io, "pip install").
``CFPY_PIP`` is a JSON object:

``markers``
    The environment in which markers are evaluated.
``second``
    The address of an index that is asked after the others: of two files with the same version, pip
    prefers the one from the last address.
``more``
    Addresses of further indexes.
``build``
    Whether packages without a wheel may be built on this machine.

Imports nothing of cfpy: it runs without its dependencies.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from typing import Any

# How often the resolver may reject one version of a package because of another package that has no
# usable file. Once is normal: it tries older versions. But it comes back to the same ones for each
# version of the packages above, hundreds of thousands of times for some requirements.
_MOST_REJECTIONS = 20
# How many versions of a package it may reject so while Pyodide's index, which may have the other
# package, does not answer: each costs a request, and an old version is not what is wanted.
_MOST_VERSIONS = 40


def stop_hopeless_search(*, asked: bool) -> None:
    """Let pip's resolver report a package without a usable file after a limited search.

    pip's error is the one that it raises if it finds this out at once.

    Args:
        asked: Whether Pyodide's index answers.
    """
    from pip._internal.resolution.resolvelib.reporter import PipReporter
    from pip._vendor.resolvelib import ResolutionImpossible

    rejections: Counter[tuple[str, str]] = Counter()
    versions: Counter[tuple[str, str]] = Counter()
    report = PipReporter.rejecting_candidate

    def rejecting_candidate(self: PipReporter, criterion: Any, candidate: Any) -> None:
        report(self, criterion, candidate)
        causes = list(criterion.information)
        # With several causes, the versions that others ask for are in conflict: pip's own task.
        if len(causes) != 1:
            return
        rejected = candidate.name, str(candidate.version)
        rejections[rejected] += 1
        absent = causes[0].requirement
        # Of an exact version, another version may have a file.
        if not asked and rejections[rejected] == 1 and "==" not in str(absent):
            versions[candidate.name, absent.name] += 1
        too_many = versions[candidate.name, absent.name] > _MOST_VERSIONS
        if too_many or rejections[rejected] > _MOST_REJECTIONS:
            raise ResolutionImpossible(causes)

    setattr(PipReporter, "rejecting_candidate", rejecting_candidate)  # noqa: B010 (a method)


def main() -> int:
    """Run pip, and return its exit status."""
    settings: dict[str, Any] = json.loads(os.environ.pop("CFPY_PIP"))

    from pip._internal.cli import cmdoptions
    from pip._internal.cli.main import main as pip
    from pip._internal.models.index import PyPI
    from pip._vendor.packaging import markers

    here = markers.default_environment
    # pip adds "extra" by itself.
    markers.default_environment = lambda: {**here(), **settings["markers"]}
    if settings["build"]:
        # pip refuses source distributions for another platform, because it can't know whether what
        # it builds runs there. cfpy looks at the tags of what was built.
        cmdoptions.check_dist_restriction = lambda *_, **__: None
    stop_hopeless_search(asked=bool(settings["second"]))
    first = os.environ.get("PIP_INDEX_URL") or os.environ.get("PIP_PYPI_URL") or PyPI.simple_url
    more = [*settings["more"], first, *os.environ.get("PIP_EXTRA_INDEX_URL", "").split()]
    if settings["second"]:
        more.insert(0, settings["second"])
    os.environ["PIP_INDEX_URL"] = more[0]
    os.environ["PIP_EXTRA_INDEX_URL"] = " ".join(more[1:])
    if not more[1:]:
        del os.environ["PIP_EXTRA_INDEX_URL"]
    return pip(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

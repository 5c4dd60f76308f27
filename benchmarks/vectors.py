"""Queries of the local Vectorize stand-in, against brute force in numpy and the exact search of
usearch, an index library.

The ten nearest of 1,000 to 100,000 vectors of 768 floats by cosine, all in memory. The stand-in's
own code runs in Node here, as it does in workerd: both are V8.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from comparison import Target
from usearch.index import MetricKind, search

from cfpy.tools.process import SubprocessRunner
from cfpy.tools.toolchain import Toolchain

HERE = Path(__file__).parent
SIZES, DIMENSIONS, TOP = (1_000, 10_000, 100_000), 768, 10
TARGETS = tuple(
    target
    for size in SIZES
    for target in (
        Target(f"a query of {size:,} vectors", f"numpy, {size:,}", 3.0 if size == 10_000 else None),
        Target(f"a query of {size:,} vectors", f"usearch, exact, {size:,}", None),
    )
)


def measure(rounds: int) -> dict[str, float]:
    """Median seconds a query: short ones, so many of them."""
    rounds *= 10
    node = Toolchain(SubprocessRunner(), print).node.binary
    options = json.dumps({"sizes": SIZES, "dimensions": DIMENSIONS, "rounds": rounds})
    argv = [str(node), "--no-warnings", str(HERE / "vectors.mjs"), options]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    found = {
        f"a query of {int(size):,} vectors": seconds
        for size, seconds in json.loads(done.stdout).items()
    }
    random = np.random.default_rng(1)
    for size in SIZES:
        vectors = random.random((size, DIMENSIONS), dtype=np.float32) - 0.5
        norms = np.linalg.norm(vectors, axis=1)

        def brute(
            asked: np.ndarray, vectors: np.ndarray = vectors, norms: np.ndarray = norms
        ) -> int:
            scores = vectors @ asked / (norms * np.linalg.norm(asked))
            best = np.argpartition(scores, -TOP)[-TOP:]
            return len(best[np.argsort(scores[best])])

        def exact(asked: np.ndarray, vectors: np.ndarray = vectors) -> int:
            return len(search(vectors, asked, TOP, MetricKind.Cos, exact=True))

        asked = random.random((rounds, DIMENSIONS), dtype=np.float32) - 0.5
        found[f"numpy, {size:,}"] = median(brute, asked)
        found[f"usearch, exact, {size:,}"] = median(exact, asked)
    return found


def median(query: Callable[[np.ndarray], int], asked: np.ndarray) -> float:
    seconds = []
    for one in asked:
        start = time.perf_counter()
        assert query(one) == TOP
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)

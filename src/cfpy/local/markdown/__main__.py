"""Converts the document on standard input: a process of its own, which may be killed.

The input is the JSON ``{"name", "mimeType", "data", "options"}`` with the document in Base64, the
output a result of ``env.AI.toMarkdown()`` without its id.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys

#: Bytes of memory, and seconds of processor time.
_MEMORY = 1024**3
_SECONDS = 30


def main() -> None:
    """Read, convert and answer, with limits for this process."""
    _limit()
    # What a library prints does not belong to the answer.
    with contextlib.redirect_stdout(sys.stderr):
        result = answer(sys.stdin.read())
    sys.stdout.write(result)


def answer(question: str) -> str:
    """The output for an input."""
    from cfpy.local.markdown.conversion import convert

    asked = json.loads(question)
    data = base64.b64decode(asked["data"])
    return json.dumps(convert(asked["name"], asked["mimeType"], data, asked["options"]))


def _limit() -> None:
    # numpy, which openpyxl imports, otherwise reserves memory for each core.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    if sys.platform == "win32":
        return
    import resource

    # Some systems refuse one of them; the limit of time around this process is enough then.
    for kind, amount in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _SECONDS)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (amount, amount))


if __name__ == "__main__":
    main()

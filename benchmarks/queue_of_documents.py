"""A thousand small documents through the queue of a running rag project, while questions are asked.

    python benchmarks/queue_of_documents.py [--documents 1000]

Renders the pattern `rag` with a queue, runs it with `cfpy dev --runtime node`, sends the documents,
waits for their jobs, and then sends all of them once more, changed, and asks for one after the
other meanwhile. Prints the counts as JSON; ends with 1 if a document was lost, or if a question did
not find the document that it asks for, in its old or its new edition. Of the project's settings
the rate limit alone is lifted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "runtime"))

import bulk  # noqa: E402

from dev_process import start_dev  # noqa: E402

TOKEN = {"Authorization": "Bearer local-development-token", "Content-Type": "application/json"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=1000)
    count = parser.parse_args().documents
    with tempfile.TemporaryDirectory() as scratch:
        new = [sys.executable, "-m", "cfpy", "new", "rag", "shop", "--defaults", "--no-git"]
        subprocess.run([*new, "--answer", "queue=true"], cwd=scratch, check=True)
        project = Path(scratch, "shop")
        config = project / "wrangler.toml"
        config.write_text(config.read_text().replace("limit = ", "limit = 10000"))
        dev = start_dev(project, "--runtime", "node", "--vectorize-delay", "2", forked=False)

        def call(method: str, path: str, body: Any) -> tuple[int, Any]:
            answer = dev.request(method, path, body, TOKEN)
            return answer.status, answer.json()

        try:
            first = bulk.send(call, count, "old", [])
            bulk.settle(call)
            second = bulk.send(call, count, "new", bulk.ids(count))
            bulk.settle(call)
            wanted = bulk.ids(count)
            texts = {id_: bulk.found(call, id_, "text").get(id_, "") for id_ in wanted}
        finally:
            dev.stop()
    lost = [id_ for id_, text in texts.items() if "new register" not in text]
    report = {
        "documents": count,
        "documents_a_second": round(count / first.seconds, 1),
        "documents_a_second_while_questions_are_asked": round(count / second.seconds, 1),
        "questions": second.asked,
        "blank": second.blank,
        "lost": lost,
        "not_indexed": [s for s in first.statuses + second.statuses if s != "indexed"],
    }
    print(json.dumps(report, indent=2))
    sys.exit(bool(lost or second.blank or report["not_indexed"]))


if __name__ == "__main__":
    main()

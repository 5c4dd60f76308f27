"""Send a folder of Markdown or text files to the Worker.

    python scripts/ingest.py corpus
    API_TOKEN=... python scripts/ingest.py corpus --url https://myapp.example.workers.dev

Run it as often as you like: files that have not changed cost nothing.
"""

from pathlib import Path

from client import client, documents_in, parser

BATCH = 10


def main() -> None:
    arguments = parser((__doc__ or "").splitlines()[0])
    arguments.add_argument("folder", type=Path)
    options = arguments.parse_args()
    api = client(options)
    documents = documents_in(options.folder)
    if not documents:
        raise SystemExit(f"{options.folder} holds no .md or .txt files")
    for start in range(0, len(documents), BATCH):
        batch = documents[start : start + BATCH]
        results = api.call("POST", "/documents", {"documents": batch})["documents"]
        for document, result in zip(batch, results, strict=True):
            print(f"{result['status']:<10} {result['chunks']:>3} chunks  {document['source']}")


if __name__ == "__main__":
    main()

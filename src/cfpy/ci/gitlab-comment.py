import json
import os
from pathlib import Path
from urllib.request import Request, urlopen

MARK = "<!-- cfpy preview -->"
NOTES = (
    f"{os.environ['CI_API_V4_URL']}/projects/{os.environ['CI_PROJECT_ID']}"
    f"/merge_requests/{os.environ['CI_MERGE_REQUEST_IID']}/notes"
)


def call(method, address, data=None):
    headers = {"PRIVATE-TOKEN": os.environ["COMMENT_TOKEN"], "Content-Type": "application/json"}
    body = json.dumps(data).encode() if data else None
    with urlopen(Request(address, body, headers, method=method)) as answer:
        return json.load(answer)


def note():
    page = 1
    while found := call("GET", f"{NOTES}?per_page=100&page={page}"):
        for item in found:
            if item["body"].startswith(MARK):
                return item["id"]
        page += 1


data = json.loads(Path("preview.json").read_text())["data"]
Path("preview.env").write_text(f"PREVIEW_URL={data['url']}\n")
lines = [MARK, f"Preview: {data['url']}"]
shared = [f"{kind} {', '.join(names)}" for kind, names in data.get("shared", {}).items()]
if shared:
    lines.append(f"Shared, not copied: {'; '.join(shared)}")
if "COMMENT_TOKEN" in os.environ:
    body = {"body": "\n".join(lines)}
    if old := note():
        call("PUT", f"{NOTES}/{old}", body)
    else:
        call("POST", NOTES, body)

import json
import os
from pathlib import Path
from urllib.request import Request, urlopen

MARK = "<!-- cfpy preview -->"
COMMENTS = f"/issues/{os.environ['NUMBER']}/comments"


def call(method, path, data=None):
    address = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}{path}"
    headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}"}
    body = json.dumps(data).encode() if data else None
    with urlopen(Request(address, body, headers, method=method)) as answer:
        return json.load(answer)


def comment():
    page = 1
    while found := call("GET", f"{COMMENTS}?per_page=100&page={page}"):
        for item in found:
            if item["user"]["login"] == "github-actions[bot]" and item["body"].startswith(MARK):
                return item["id"]
        page += 1


preview = Path(os.environ["RUNNER_TEMP"], "preview.json")
data = json.loads(preview.read_text())["data"] if preview.exists() else {}
lines = [MARK, f"Preview: {data['url']}" if data.get("url") else "The preview was deleted."]
shared = [f"{kind} {', '.join(names)}" for kind, names in data.get("shared", {}).items()]
if shared:
    lines.append(f"Shared, not copied: {'; '.join(shared)}")
body = {"body": "\n".join(lines)}
if old := comment():
    call("PATCH", f"/issues/comments/{old}", body)
elif data.get("url"):
    call("POST", COMMENTS, body)

"""What a token must be allowed to do, in the words of the dashboard's token page."""

from __future__ import annotations

#: By the first part of an API path, and by wrangler's subcommand where that has another name.
PERMISSIONS = {
    "d1": "D1: Edit",
    "storage": "Workers KV Storage: Edit",
    "kv": "Workers KV Storage: Edit",
    "r2": "Workers R2 Storage: Edit",
    "queues": "Queues: Edit",
    "vectorize": "Vectorize: Edit",
    "workers": "Workers Scripts: Edit",
    "secret": "Workers Scripts: Edit",
    "deploy": "Workers Scripts: Edit",
    "delete": "Workers Scripts: Edit",
    "rollback": "Workers Scripts: Edit",
}

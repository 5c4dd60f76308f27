"""Gradual rollouts with the real wrangler. One project and account for all: each test goes on where
the one before it stopped."""

from __future__ import annotations

from cloudflare_api import CloudflareApi


def shares(api: CloudflareApi, worker: str = "shop") -> list[float]:
    return [item["percentage"] for item in api.rollouts.releases[worker][-1]["versions"]]

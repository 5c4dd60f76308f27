"""Starts what stands in for Workers AI in a run, and describes it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator

from cfpy.local import configuration, embeddings
from cfpy.local.ai_endpoint import read_endpoint
from cfpy.local.local_runtime import Event
from cfpy.local.markdown.server import MarkdownServer
from cfpy.project.project import Project
from cfpy.tools.context import Context


@contextlib.contextmanager
def local_ai(
    ctx: Context, projects: tuple[Project, ...], on_event: Callable[[Event], None]
) -> Iterator[tuple[configuration.LocalAI, str]]:
    """Where the embeddings and conversions of all these projects come from, and a description of
    the embeddings.

    The model on this machine is loaded when one of them embeds, and not before.
    """
    if not any(configuration.needs_local_services(project) for project in projects):
        yield configuration.LocalAI(), ""
        return
    with contextlib.ExitStack() as stack:
        ai = read_endpoint(os.environ)
        if any(project.wrangler.get("ai") for project in projects):
            documents = stack.enter_context(MarkdownServer(ctx.runner))
            ai = dataclasses.replace(ai, markdown_url=documents.url, markdown_key=documents.key)
        missing = embeddings.why_unavailable()
        if ai.base_url and ai.embed_model:
            note = f"{ai.embed_model} at {ai.base_url}"
        elif missing:
            note = f"hashed n-grams: word overlap, no meaning ({missing})"
        else:
            loading = Event("log", {"level": "info", "text": "Loading the local embedding model"})
            server = embeddings.EmbeddingServer(lambda: on_event(loading))
            stack.enter_context(server)
            ai = dataclasses.replace(ai, embeddings_url=server.url, embeddings_key=server.key)
            note = "all-MiniLM-L6-v2 on this machine (384 dimensions, padded with zeros)"
        yield ai, note


def chat_note(project: Project, ai: configuration.LocalAI) -> str:
    """What stands in for chat models; empty if the project does not bind Workers AI."""
    if not project.wrangler.get("ai"):
        return ""
    if ai.base_url:
        return f"{ai.chat_model or 'the default model'} at {ai.base_url}"
    return "a stand-in that quotes the nearest passage (no language model)"


def documents_note(project: Project) -> str:
    """What converts documents; empty if the project does not bind Workers AI."""
    return (
        "pypdf, mammoth, openpyxl; no model describes images" if project.wrangler.get("ai") else ""
    )

"""What ``wrangler.toml`` configures: the Worker's variables and its secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from web.cors import allowed_origins
from web.problems import misconfigured
from web.settings import Variable, items, text

# Vectors of different pooling can't be compared. Cloudflare recommends "cls" for the BGE models
# and defaults to "mean" for the sake of old indexes.
POOLING = "cls"
# Advice of the BGE authors for their English v1.5 models: mark what is a query. Passages are
# embedded as they are.
_QUERY_PREFIX = "Represent this sentence for searching relevant passages: "

# Of a tenant. Vectorize takes namespaces of up to 64 bytes; a slash ends the name in the ids of D1.
_NAME = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """The configuration of one deployment.

    ``chat_models`` are tried in their order. ``ai_gateway`` is empty where there is none.
    ``min_score`` is the reranker's score, 0 to 1, below which a passage is ignored.
    ``tokens`` are by the names of their tenants, and none where the secret is not set.
    ``origins`` are those of the web pages that may call.
    ``allowed_hosts`` is empty where documents may be fetched from any public host.
    """

    embedding_model: str
    reranker_model: str
    chat_models: tuple[str, ...]
    ai_gateway: str
    min_score: float
    tokens: Mapping[str, str] = field(repr=False)
    origins: frozenset[str]
    allowed_hosts: frozenset[str]

    @property
    def query_prefix(self) -> str:
        """What to put before a query when embedding it."""
        return _QUERY_PREFIX if self.embedding_model.endswith("-en-v1.5") else ""


def read_settings(variable: Variable) -> Settings:
    """Read the settings; a 503 if one is missing or makes no sense."""
    score = text(variable, "MIN_SCORE")
    try:
        min_score = float(score)
    except ValueError:
        raise misconfigured(f"MIN_SCORE is {score!r}, not a number.") from None
    return Settings(
        embedding_model=text(variable, "EMBEDDING_MODEL"),
        reranker_model=text(variable, "RERANKER_MODEL"),
        chat_models=(text(variable, "CHAT_MODEL"), *items(variable("CHAT_FALLBACKS"))),
        ai_gateway=str(variable("AI_GATEWAY") or ""),
        min_score=min_score,
        tokens=_tokens(variable("API_TOKENS")),
        origins=allowed_origins(variable("CORS_ORIGINS")),
        allowed_hosts=frozenset(host.lower() for host in items(variable("ALLOWED_HOSTS"))),
    )


def _tokens(variable: object) -> dict[str, str]:
    """Read ``acme:token,globex:token``."""
    tokens: dict[str, str] = {}
    for item in items(variable):
        tenant, _, token = (part.strip() for part in item.partition(":"))
        taken = tenant in tokens or token in tokens.values()
        if not _NAME.fullmatch(tenant) or not token or taken:
            # Nothing of the secret itself in the message.
            raise misconfigured("The secret API_TOKENS is not of the form name:token,name:token.")
        tokens[tenant] = token
    return tokens

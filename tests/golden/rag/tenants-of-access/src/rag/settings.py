"""What ``wrangler.toml`` configures: the Worker's variables."""

import hashlib
import re

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
_SERVICE = "service:"


class Settings:
    """The configuration of one deployment; a 503 if something is missing or makes no sense."""

    def __init__(self, variable: Variable) -> None:
        self.embedding_model = text(variable, "EMBEDDING_MODEL")
        self.reranker_model = text(variable, "RERANKER_MODEL")
        # What to put before a query when embedding it.
        self.query_prefix = _QUERY_PREFIX if self.embedding_model.endswith("-en-v1.5") else ""
        # Tried in their order.
        self.chat_models = (text(variable, "CHAT_MODEL"), *items(variable("CHAT_FALLBACKS")))
        # Empty where there is none.
        self.ai_gateway = str(variable("AI_GATEWAY") or "")
        # The reranker's, 0 to 1: a passage below it is ignored.
        self.min_score = _number(text(variable, "MIN_SCORE"))
        # The tenants, by the emails, domains and service tokens that belong to them.
        self.members = _members(variable("TENANTS"))
        # Of the web pages that may call.
        self.origins = frozenset(items(variable("CORS_ORIGINS")))

    def tenant_of(self, caller: str) -> str:
        """The tenant of a caller, as Access knows them: that of their email or service token, else
        that of the email's domain. Whoever is not named is a tenant alone: nothing is shared by
        accident."""
        domain = "" if caller.startswith(_SERVICE) else caller.rpartition("@")[2]
        named = self.members.get(caller) or self.members.get(domain)
        # An email may be longer than a namespace; no name has an underscore.
        return named or f"_{hashlib.sha256(caller.encode()).hexdigest()[:40]}"


def _number(said: str) -> float:
    try:
        return float(said)
    except ValueError:
        raise misconfigured(f"MIN_SCORE is {said!r}, not a number.") from None


def _members(variable: object) -> dict[str, str]:
    """Read ``acme:acme.com,acme:service:ID,globex:ada@globex.com``."""
    members: dict[str, str] = {}
    for item in items(variable):
        tenant, _, said = (part.strip() for part in item.partition(":"))
        member = said if said.startswith(_SERVICE) else said.lower()
        if not _NAME.fullmatch(tenant) or not member or member in members:
            raise misconfigured("The variable TENANTS is not of the form name:member,name:member.")
        members[member] = tenant
    return members

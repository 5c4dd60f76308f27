"""What ``wrangler.toml`` configures: the Worker's variables."""

from web.problems import misconfigured
from web.settings import Variable, items, text

# Vectors of different pooling can't be compared. Cloudflare recommends "cls" for the BGE models
# and defaults to "mean" for the sake of old indexes.
POOLING = "cls"
# Advice of the BGE authors for their English v1.5 models: mark what is a query. Passages are
# embedded as they are.
_QUERY_PREFIX = "Represent this sentence for searching relevant passages: "


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
        # Of the web pages that may call.
        self.origins = frozenset(items(variable("CORS_ORIGINS")))


def _number(said: str) -> float:
    try:
        return float(said)
    except ValueError:
        raise misconfigured(f"MIN_SCORE is {said!r}, not a number.") from None

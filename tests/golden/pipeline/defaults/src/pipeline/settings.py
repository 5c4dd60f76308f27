"""What ``wrangler.toml`` configures: the Worker's variables and its secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.operations import OPERATIONS
from web.problems import misconfigured
from web.settings import Variable, items, text


@dataclass(frozen=True)
class Settings:
    """The configuration of one deployment.

    ``tokens`` are by the names of their owners, and none where the secret is not set.
    ``allowed_hosts`` is empty where files may be fetched from any public host. ``webhook_secret``
    is empty where it is not set.
    """

    summary_model: str
    operation: str
    tokens: Mapping[str, str] = field(repr=False)
    allowed_hosts: frozenset[str]
    webhook_secret: str = field(repr=False)


def read_settings(variable: Variable) -> Settings:
    """Read the settings.

    Raises:
        Problem: One is missing or makes no sense.
    """
    return Settings(
        summary_model=text(variable, "SUMMARY_MODEL"),
        operation=_operation(text(variable, "OPERATION")),
        tokens=_tokens(str(variable("API_TOKENS") or "")),
        allowed_hosts=frozenset(items(str(variable("ALLOWED_HOSTS") or "").lower())),
        webhook_secret=str(variable("WEBHOOK_SECRET") or ""),
    )


def _operation(name: str) -> str:
    if name not in OPERATIONS:
        raise misconfigured(f"The variable OPERATION is not one of {', '.join(OPERATIONS)}.")
    return name


def _tokens(secret: str) -> dict[str, str]:
    """Read ``name:token, name:token``."""
    tokens: dict[str, str] = {}
    for item in items(secret):
        name, colon, token = item.partition(":")
        if not colon or not name.strip() or not token.strip() or name.strip() in tokens:
            # Nothing of the secret itself in the message.
            raise misconfigured("The secret API_TOKENS is not of the form name:token,name:token.")
        tokens[name.strip()] = token.strip()
    return tokens

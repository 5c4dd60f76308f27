"""What ``wrangler.toml`` configures: the Worker's variables and its secret."""

from dataclasses import dataclass, field

from pipeline.operations import OPERATIONS
from web.problems import misconfigured
from web.settings import Variable, items, text


@dataclass(frozen=True)
class Settings:
    """The configuration of one deployment.

    ``allowed_hosts`` is empty where files may be fetched from any public host. ``webhook_secret``
    is empty where it is not set.
    """

    summary_model: str
    operation: str
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
        allowed_hosts=frozenset(items(str(variable("ALLOWED_HOSTS") or "").lower())),
        webhook_secret=str(variable("WEBHOOK_SECRET") or ""),
    )


def _operation(name: str) -> str:
    if name not in OPERATIONS:
        raise misconfigured(f"The variable OPERATION is not one of {', '.join(OPERATIONS)}.")
    return name

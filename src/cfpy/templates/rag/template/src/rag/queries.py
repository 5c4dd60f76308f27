"""Questions as clients send them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from rag.documents import FILTERABLE
from rag.problems import invalid

MAX_QUERY = 2_000
MAX_TOP_K = 20
DEFAULT_TOP_K = 5

_FIELDS = {"query", "top_k", "filter", "stream"}
_OPERATORS = {"$eq", "$ne", "$in", "$nin"}


@dataclass(frozen=True)
class Query:
    """A valid question. `filter` is in Vectorize's own syntax."""

    text: str
    top_k: int = DEFAULT_TOP_K
    filter: dict[str, Any] | None = None
    stream: bool = False


def parse_query(body: Any) -> Query:
    """Read the body of `POST /query`.

    Raises:
        Problem: 422 that names the field.
    """
    if not isinstance(body, dict):
        raise invalid("body", "not an object")
    unknown = sorted(set(body) - _FIELDS)
    if unknown:
        raise invalid(unknown[0], f"unknown; known are {', '.join(sorted(_FIELDS))}")
    stream = body.get("stream", False)
    if not isinstance(stream, bool):
        raise invalid("stream", "true or false")
    return Query(
        text=_question(body.get("query"), "query"),
        top_k=_top_k(body.get("top_k", DEFAULT_TOP_K)),
        filter=_filter(body.get("filter")),
        stream=stream,
    )


def parse_search(query_string: str) -> Query:
    """Read `GET /search?q=...&top_k=...&lang=...`.

    Raises:
        Problem: 422 that names the parameter.
    """
    parameters = dict(parse_qsl(query_string, keep_blank_values=True))
    text = _question(parameters.pop("q", None), "q")
    top_k = parameters.pop("top_k", str(DEFAULT_TOP_K))
    return Query(
        text=text,
        top_k=_top_k(int(top_k) if top_k.isascii() and top_k.isdigit() else None),
        filter=_filter(parameters or None),
    )


def _question(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_QUERY:
        raise invalid(where, f"a text of 1 to {MAX_QUERY} characters")
    return value.encode("utf-8", "replace").decode("utf-8").strip()


def _top_k(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_TOP_K:
        raise invalid("top_k", f"a whole number from 1 to {MAX_TOP_K}")
    return value


def _filter(value: Any) -> dict[str, Any] | None:
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        raise invalid("filter", "not an object")
    for key, condition in value.items():
        if key not in FILTERABLE:
            raise invalid(f"filter.{key}", f"can't be filtered on; only {', '.join(FILTERABLE)}")
        _check_condition(f"filter.{key}", condition)
    return value


def _check_condition(where: str, condition: Any) -> None:
    if isinstance(condition, str):
        return
    if not isinstance(condition, dict) or not condition:
        raise invalid(where, "a text, or an operator such as {'$in': [...]}")
    for operator, operand in condition.items():
        if operator not in _OPERATORS:
            raise invalid(f"{where}.{operator}", f"unknown; use {', '.join(sorted(_OPERATORS))}")
        values = operand if operator in ("$in", "$nin") else [operand]
        if not isinstance(values, list) or not 1 <= len(values) <= 20:
            raise invalid(f"{where}.{operator}", "a list of 1 to 20 texts")
        if not all(isinstance(item, str) for item in values):
            raise invalid(f"{where}.{operator}", "texts only")

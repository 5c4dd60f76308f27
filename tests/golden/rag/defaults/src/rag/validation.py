"""Checks what clients send against JSON Schema, or says all that is wrong with it at once.

Of JSON Schema (json-schema.org) it knows what the schemas in ``requests.py`` use.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from rag.limits import MAX_ERRORS, MAX_METADATA_KEY_CHARS
from web.problems import FieldError, Problem, invalid

Schema = dict[str, Any]

_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "object": (dict, "an object"),
    "array": (list, "a list"),
    "string": (str, "a string"),
    "integer": (int, "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": (bool, "true or false"),
}
# CPython puts the marks of a letter in order in a time that grows with the square of their number.
# So after 30 (UAX #15 takes that many for enough) they start again; to \w a mark is a symbol.
_TOO_MANY_MARKS = re.compile(r"(?<=[^\w\s\x00-\x7f]{30})")


class _Errors(list[FieldError]):
    def add(self, pointer: str, detail: str) -> None:
        """Note what is wrong. The rest of a body that is full of errors is not even looked at."""
        if len(self) == MAX_ERRORS:
            raise invalid(*self, FieldError("#", "has more errors than these"))
        self.append(FieldError(pointer, detail))


def check(value: object, schema: Schema, at: str = "#") -> Any:
    """``value`` with its strings cleaned, and with the defaults of what is not there; a 422 that
    names every wrong field. ``at`` is where it is: ``#`` is a body, ``?`` are parameters."""
    errors = _Errors()
    checked = _check(value, schema, at, errors)
    if errors:
        raise invalid(*errors)
    return checked


def explained(problem: Problem, separator: str) -> str:
    """What a problem is, and what is wrong with each field."""
    errors = (f"{error.pointer} {error.detail}" for error in problem.errors)
    return separator.join((problem.detail, *errors))


def check_parameters(parameters: Mapping[str, str], schema: Schema) -> Any:
    """The parameters of an address, checked; what should be a number becomes one."""
    numbers = {name for name, rule in schema["properties"].items() if rule["type"] == "integer"}
    values = {
        name: int(text) if name in numbers and re.fullmatch("[0-9]{1,9}", text) else text
        for name, text in parameters.items()
    }
    return check(values, schema, "?")


def _check(value: Any, schema: Schema, at: str, errors: _Errors) -> Any:
    if choices := schema.get("oneOf"):
        # The first with all that it requires; or the last, which then tells what is missing.
        given = set(value) if isinstance(value, dict) else set()
        schema = next((one for one in choices if given >= {*one["required"]}), choices[-1])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        value = int(value)
    if not any(
        isinstance(value, _TYPES[kind][0]) and (kind == "boolean" or not isinstance(value, bool))
        for kind in kinds
    ):
        errors.add(at, f"must be {' or '.join(_TYPES[kind][1] for kind in kinds)}")
        return None
    if isinstance(value, str):
        value = _string(value, schema, at, errors)
    elif isinstance(value, dict):
        value = _object(value, schema, at, errors)
    elif isinstance(value, list):
        least, most = schema["minItems"], schema["maxItems"]
        if least <= len(value) <= most:
            items = enumerate(value)
            return [_check(item, schema["items"], f"{at}/{i}", errors) for i, item in items]
        errors.add(at, f"must have {least} to {most} items")
    elif "minimum" in schema and not schema["minimum"] <= value <= schema["maximum"]:
        errors.add(at, f"must be from {schema['minimum']} to {schema['maximum']}")
    if value not in schema.get("enum", (value,)):
        errors.add(at, f"must be one of {', '.join(schema['enum'])}")
    return value


def _string(value: str, schema: Schema, at: str, errors: _Errors) -> str:
    # JSON can escape half a surrogate pair, which no UTF-8 holds.
    encoded = value.encode(errors="replace")
    for limit, size, unit in (
        ("maxLength", len(value), "characters"),
        ("x-maxBytes", len(encoded), "bytes"),
    ):
        if size > schema.get(limit, size):
            errors.add(at, f"must have at most {schema[limit]} {unit}")
            return ""
    # SQLite ends a text at NUL.
    text = encoded.decode().replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(unicodedata.normalize("NFC", part) for part in _TOO_MANY_MARKS.split(text))
    if not re.search(schema.get("pattern", ""), text):
        errors.add(at, f"must have {schema['x-pattern']}")
    return text


def _object(value: dict[str, Any], schema: Schema, at: str, errors: _Errors) -> dict[str, Any]:
    rules, others = schema["properties"], schema["additionalProperties"]
    inside = "?" if at == "?" else f"{at}/"
    checked = {name: rule["default"] for name, rule in rules.items() if "default" in rule}
    for name in schema.get("required", ()):
        if name not in value:
            errors.add(f"{inside}{name}", "is missing")
    if len(value) > schema.get("maxProperties", len(value)):
        errors.add(at, f"must have at most {schema['maxProperties']} keys")
        return checked
    for name, item in value.items():
        # A client's key may be as long as the body.
        shown = repr(name[:MAX_METADATA_KEY_CHARS])
        if not others and name not in rules:
            errors.add(at, f"has no field {shown}; its fields are {', '.join(sorted(rules))}")
        elif not re.search(schema.get("propertyNames", {}).get("pattern", ""), name):
            errors.add(at, f"{shown} can't be a key: use letters, digits, - and _")
        else:
            checked[name] = _check(item, rules.get(name, others), f"{inside}{name}", errors)
    return checked

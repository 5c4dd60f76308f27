"""The price book, and what a month's usage costs. All arithmetic is decimal and exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

#: A month is 30 days here, as Cloudflare counts storage: developers.cloudflare.com/r2/pricing.
DAYS = 30
_FRESH = timedelta(days=90)

#: The usage of a month, by meter.
Usage = Mapping[str, Decimal]


@dataclass(frozen=True)
class Price:
    """The page where a price was read, and the date."""

    source: str
    checked: date


@dataclass(frozen=True)
class Meter:
    """Something that Cloudflare counts.

    ``price`` is in US dollars for ``per`` units, beyond ``included`` units a month. ``whole``: a
    part of ``per`` costs as much as all of it. Not ``billed``: priced, but not charged yet.
    ``free`` is the monthly limit of the Free plan, ``free_request`` its limit per request; ``None``
    if it has no such limit.
    """

    id: str
    service: str
    what: str
    unit: str
    price: Decimal
    per: int
    included: int
    whole: bool
    billed: bool
    free: Decimal | None
    free_request: Decimal | None
    note: str
    read: Price


@dataclass(frozen=True)
class ModelPrice:
    """Neurons for a million tokens, input and output."""

    name: str
    input: Decimal
    output: Decimal
    read: Price


@dataclass(frozen=True)
class PriceBook:
    """Every price that cfpy knows. ``plan`` is the monthly price of the Workers Paid plan."""

    plan: Decimal
    plan_read: Price
    meters: Mapping[str, Meter]
    models: Mapping[str, ModelPrice]

    def stale(self, today: date) -> tuple[str, ...]:
        """The prices that were read more than 90 days ago."""
        read = {"the plan": self.plan_read}
        read |= {meter.id: meter.read for meter in self.meters.values()}
        read |= {model.name: model.read for model in self.models.values()}
        return tuple(name for name, price in read.items() if today - price.checked > _FRESH)


@dataclass(frozen=True)
class Line:
    """The cost of a meter. ``billable`` is the usage beyond the included amount, in units."""

    meter: Meter
    quantity: Decimal
    billable: Decimal
    cost: Decimal

    @property
    def free_share(self) -> Decimal:
        """The share of the Free plan's limit that this uses: more than 1 is too much."""
        if self.meter.free is None:
            return Decimal(0)
        return self.quantity / self.meter.free


@dataclass(frozen=True)
class Bill:
    """A month on the Workers Paid plan. ``total`` includes the plan."""

    plan: Decimal
    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        return self.plan + sum((line.cost for line in self.lines), Decimal(0))

    @property
    def dominant(self) -> Line | None:
        """The line that costs the most; ``None`` if nothing costs anything."""
        costly = [line for line in self.lines if line.cost]
        return max(costly, key=lambda line: line.cost, default=None)

    @property
    def too_much_for_free(self) -> tuple[Line, ...]:
        """The lines that exceed the Free plan, if the usage is the same every day."""
        return tuple(line for line in self.lines if line.free_share > 1)


def price(book: PriceBook, usage: Usage) -> Bill:
    """Compute what ``usage`` costs.

    Raises:
        KeyError: The price book has no such meter.
    """
    lines = [_line(book.meters[meter], quantity) for meter, quantity in usage.items()]
    order = list(book.meters)
    lines.sort(key=lambda line: order.index(line.meter.id))
    return Bill(book.plan, tuple(lines))


def neurons(book: PriceBook, model: str, tokens_in: Decimal, tokens_out: Decimal) -> Decimal:
    """The neurons that a model uses for tokens.

    Raises:
        KeyError: The price book has no such model.
    """
    rate = book.models[model]
    return (tokens_in * rate.input + tokens_out * rate.output) / 1_000_000


def parse_book(data: Mapping[str, Any]) -> PriceBook:
    """Read a parsed ``prices.toml``, which ``prices.schema.json`` describes."""
    meters = [_meter(item) for item in data["meters"]]
    models = [
        ModelPrice(item["name"], Decimal(item["input"]), Decimal(item["output"]), _read(item))
        for item in data["models"]
    ]
    return PriceBook(
        plan=Decimal(data["plan"]["price"]),
        plan_read=_read(data["plan"]),
        meters={meter.id: meter for meter in meters},
        models={model.name: model for model in models},
    )


def _meter(item: Mapping[str, Any]) -> Meter:
    free = item.get("free", {})
    amount = Decimal(free.get("amount", 0))
    months = {"day": DAYS, "month": 1}
    return Meter(
        id=item["id"],
        service=item["service"],
        what=item["what"],
        unit=item["unit"],
        price=Decimal(item["price"]),
        per=item["per"],
        included=item["included"],
        whole=item.get("whole", False),
        billed=item.get("billed", True),
        free=amount * months[free["each"]] if free.get("each") in months else None,
        free_request=amount if free.get("each") == "request" else None,
        note=item.get("note", ""),
        read=_read(item),
    )


def _read(item: Mapping[str, Any]) -> Price:
    return Price(item["source"], item["checked"])


def _line(meter: Meter, quantity: Decimal) -> Line:
    beyond = max(quantity - meter.included, Decimal(0))
    units = beyond / meter.per
    if meter.whole:
        units = units.to_integral_value(ROUND_CEILING)
    cost = units * meter.price if meter.billed else Decimal(0)
    return Line(meter, quantity, beyond, cost)

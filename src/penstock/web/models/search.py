"""Looking for models: what an address asks for, which entries of the index match it, and in which order they come.

Names are those of `GET /api/v1/models` where that has the same. What cannot be understood counts as not asked for, and
a note says so.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlencode

from penstock.core.price import BINARY_MEGAPIXEL
from penstock.web.models.index import CAPABILITIES, Entry, Index, Sold

INPUTS = {"text": "Text", "image": "Pictures", "audio": "Sound", "file": "Documents"}
OUTPUTS = {"image": "Pictures", "text": "Text", "embeddings": "Vectors"}
HERE = {"": "All, connected ones first", "yes": "Can be called here", "no": "Not connected"}
WEIGHTS = {"": "Any", "open": "Open weights", "closed": "Not open", "unknown": "Not known"}
PRICE_UNITS = {
    "picture": "per picture of 1024x1024",
    "in": "per million tokens in",
    "out": "per million tokens out",
}
SORTS = {
    "": "Suggested",
    "price": "Price of a picture",
    "text-price": "Price of 1,000 tokens in, 500 out",
    "speed": "Speed here",
    "uptime": "Uptime here",
    "rating": "Rating",
    "newest": "Newest",
    "name": "Name",
}
_LONGEST = 200
_MOST_OFFSET = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSearch:
    """What is looked for. Empty: anything."""

    q: str = ""
    output_modalities: tuple[str, ...] = ()
    """Any of them."""
    input_modalities: tuple[str, ...] = ()
    """All of them."""
    providers: str = ""
    model_authors: str = ""
    here: str = ""
    price_unit: str = "picture"
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    can: tuple[str, ...] = ()
    """All of `CAPABILITIES` that one provider must offer together."""
    weights: str = ""
    megapixels: Decimal | None = None
    """Of the largest picture, at least; of 2^20 pixels."""
    sort: str = ""
    offset: int = 0
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return replace(self, sort="", offset=0, price_unit="picture") != ModelSearch()

    def address(self, **changed: Any) -> str:
        """The page's address for it, without what is as usual."""
        usual, asked = ModelSearch(), replace(self, **changed)
        given = {}
        for name in _FIELDS:
            value = getattr(asked, name)
            if value != getattr(usual, name):
                given[name] = ",".join(value) if isinstance(value, tuple) else str(value)
        return f"/models?{urlencode(given, safe=',')}" if given else "/models"


_FIELDS = tuple(name for name in ModelSearch.__dataclass_fields__ if name != "notes")


def read_search(query: str, providers: Collection[str], makers: Collection[str]) -> ModelSearch:
    """What an address's query asks for."""
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, max_num_fields=100) if query.count("&") < 100 else ():
        given.setdefault(name, []).append(value.strip()[:_LONGEST])
    return _Reading(given).search(providers, makers)


class _Reading:
    """One query, and what in it makes no sense."""

    def __init__(self, given: Mapping[str, list[str]]) -> None:
        self._given = given
        self._notes: list[str] = []

    def search(self, providers: Collection[str], makers: Collection[str]) -> ModelSearch:
        known: dict[str, Any] = {
            "q": " ".join(self._last("q").split()),
            "output_modalities": self._several("output_modalities", OUTPUTS, also=("all",)),
            "input_modalities": self._several("input_modalities", INPUTS),
            "providers": self._one("providers", providers),
            "model_authors": self._one("model_authors", makers),
            "here": self._one("here", HERE),
            "price_unit": self._one("price_unit", PRICE_UNITS) or "picture",
            "price_from": self._number("price_from"),
            "price_to": self._number("price_to"),
            "can": self._several("can", CAPABILITIES),
            "weights": self._one("weights", WEIGHTS),
            "megapixels": self._number("megapixels"),
            "sort": self._one("sort", SORTS),
            "offset": self._offset(),
        }
        for name in [name for name in self._given if name not in known][:3]:
            self._notes.append(f"Models cannot be narrowed by “{name[:40]}”; it was left out.")
        return ModelSearch(**known, notes=tuple(self._notes))

    def _last(self, name: str) -> str:
        return self._given.get(name, [""])[-1]

    def _one(self, name: str, known: Collection[str]) -> str:
        value = self._last(name).lower()
        if value and value not in known:
            self._notes.append(f"“{value[:40]}” is not known as {_called(name)}; it was left out.")
            return ""
        return value

    def _several(self, name: str, known: Collection[str], also: Collection[str] = ()) -> tuple[str, ...]:
        asked = [part.strip().lower() for value in self._given.get(name, ()) for part in value.split(",")]
        for value in dict.fromkeys(asked):
            if value and value not in known and value not in also:
                self._notes.append(f"“{value[:40]}” is not known as {_called(name)}; it was left out.")
        return tuple(value for value in known if value in asked)

    def _number(self, name: str) -> Decimal | None:
        text = self._last(name).removeprefix("$").replace(",", ".")
        if not text:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or not 0 <= value < 10**9 or len(f"{value:f}") > 20:
            self._notes.append(f"“{text[:40]}” is no number for {_called(name)}; it was left out.")
            return None
        return value

    def _offset(self) -> int:
        text = self._last("offset")
        return min(int(text[:9]), _MOST_OFFSET) if text.isascii() and text.isdigit() else 0


def _called(name: str) -> str:
    return {
        "output_modalities": "something models make",
        "input_modalities": "something models take",
        "providers": "a provider",
        "model_authors": "a maker",
        "here": "a choice of where it can be called",
        "price_unit": "a unit of price",
        "price_from": "the lowest price",
        "price_to": "the highest price",
        "can": "something models can do",
        "weights": "a kind of licence",
        "megapixels": "the size",
        "sort": "an order",
    }[name]


# Which match.


def found(index: Index, search: ModelSearch, measured: "Measured") -> list[Entry]:
    """The entries that match, in the order asked for."""
    words = search.q.lower().split()
    matching = [entry for entry in index.entries.values() if _matches(entry, search, words)]
    return _sorted(matching, search, measured)


def _matches(entry: Entry, search: ModelSearch, words: list[str]) -> bool:
    model = entry.model
    return (
        all(word in entry.words for word in words)
        and (not search.output_modalities or bool({*search.output_modalities} & {*model.output_modalities}))
        and {*search.input_modalities} <= {*model.input_modalities}
        and (not search.model_authors or model.slug.partition("/")[0] == search.model_authors)
        and (not search.here or entry.here == (search.here == "yes"))
        and (not search.weights or entry.weights is _WEIGHTS[search.weights])
        and (not _asks_of_offers(search) or any(_sells(sold, search) for sold in entry.sold))
    )


_WEIGHTS = {"open": True, "closed": False, "unknown": None}


def _asks_of_offers(search: ModelSearch) -> bool:
    bounds = (search.price_from, search.price_to, search.megapixels)
    return bool(search.providers or search.can) or any(bound is not None for bound in bounds)


def _sells(sold: Sold, search: ModelSearch) -> bool:
    """Whether this one offer is all that is asked for."""
    if search.here == "yes" and not sold.here:
        return False
    if search.providers and sold.offer.provider != search.providers:
        return False
    if not sold.can.issuperset(search.can):
        return False
    if search.megapixels is not None and (
        sold.largest is None or Decimal(sold.largest) / BINARY_MEGAPIXEL < search.megapixels
    ):
        return False
    if search.price_from is None and search.price_to is None:
        return True
    price = _price(sold, search.price_unit)
    return (
        price is not None
        and (search.price_from is None or price >= search.price_from)
        and (search.price_to is None or price <= search.price_to)
    )


def _price(sold: Sold, unit: str) -> Decimal | None:
    if unit == "picture":
        return sold.picture.usd if sold.picture else None
    return sold.per_million_in if unit == "in" else sold.per_million_out


# In which order.


@dataclass(frozen=True, slots=True)
class Measured:
    """How models did here within the last day; asked only where the order needs it."""

    seconds: Callable[[Entry], float | None]
    """The median time to a result."""
    uptime: Callable[[Entry], float | None]
    """The part of the calls that succeeded."""


def _sorted(entries: list[Entry], search: ModelSearch, measured: Measured) -> list[Entry]:
    match search.sort:
        case "price":
            return _by(entries, lambda entry: entry.picture.usd if entry.picture else None)
        case "text-price":
            return _by(entries, lambda entry: entry.text)
        case "speed":
            return _by(entries, measured.seconds)
        case "uptime":
            return _by(entries, lambda entry: _negative(measured.uptime(entry)))
        case "rating":
            return _by(entries, lambda entry: _negative(entry.rating))
        case "newest":
            return _by(entries, lambda entry: -entry.model.created.toordinal() if entry.model.created else None)
        case "name":
            return sorted(entries, key=lambda entry: (entry.model.name.lower(), entry.place))
        case _:
            return sorted(entries, key=lambda entry: _suggested(entry, search.q.lower()))


def _by(entries: list[Entry], key: Callable[[Entry], Any]) -> list[Entry]:
    """The lowest first, what is not known last."""
    known = [(key(entry), entry) for entry in entries]
    first = sorted((row for row in known if row[0] is not None), key=lambda row: (row[0], row[1].place))
    return [entry for _, entry in first] + [entry for value, entry in known if value is None]


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _suggested(entry: Entry, q: str) -> tuple[Any, ...]:
    """What is called so, then what can be called here, makes pictures, is rated best and has a price."""
    names = entry.words.split("\n")
    called = 0 if not q or q in names else 1 if any(name.startswith(q) for name in names) else 2
    pictures = "image" not in entry.model.output_modalities
    ended = all(sold.over for sold in entry.sold)
    unpriced = entry.picture is None and entry.text is None
    return called, not entry.here, ended, pictures, -(entry.rating or 0), unpriced, entry.place

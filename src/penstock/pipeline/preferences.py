"""The `provider` object as it is written: in requests, in policies of the configuration, and in the config header.

What its fields mean for an offer is said in `prefer`.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from penstock.core.errors import BadRequest
from penstock.pipeline.request import ANY, Preferences

QUANTIZATIONS = ("int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32", "unknown")
PERCENTILES = ("p50", "p75", "p90", "p99")
_SORTS = ("price", "throughput", "latency")
_PARTITIONS = ("model", "none")
_PRICES = ("prompt", "completion", "request", "image", "megapixel")
_FIELDS: dict[str, tuple[str, ...]] = {
    "order": (),
    "only": (),
    "ignore": (),
    "allow_fallbacks": (),
    "require_parameters": (),
    "data_collection": (),
    "zdr": (),
    "quantizations": (),
    "sort": ("by", "partition"),
    "max_price": _PRICES,
    "preferred_min_throughput": PERCENTILES,
    "preferred_max_latency": PERCENTILES,
    "options": (),
}
"""What is acted on, and the fields within; `options` are the providers' own."""

_LARGEST = 1e12
"""Of anything a second, or in seconds."""
_LONGEST_AMOUNT = 40
_DIGITS = range(-18, 16)
"""Where the first digit of an amount may stand, as a power of ten: a price is written out in messages."""


def preferences_of(value: Any, lock: str | None = None) -> tuple[Preferences, tuple[str, ...]]:
    """What a `provider` object asks for, and the names of its fields that are not acted on, as `provider.NAME`.

    `lock` is the one provider named by the provider-lock header. Raises BadRequest for what has a wrong type.
    """
    if value is not None and not isinstance(value, Mapping):
        raise BadRequest("`provider` must be an object.", param="provider")
    given: Mapping[str, Any] = {name: item for name, item in (value or {}).items() if item is not None}
    if not given and not lock:
        return ANY, ()
    sort, partition = _sort(given)
    wish = Preferences(
        order=_strings(given, "order"),
        only=frozenset([lock] if lock else _strings(given, "only")),
        ignore=frozenset(_strings(given, "ignore")),
        allow_fallbacks=_flag(given, "allow_fallbacks", True) and not lock,
        locked=bool(lock),
        require_parameters=_flag(given, "require_parameters", False),
        no_collection=_one_of(given.get("data_collection"), "data_collection", ("allow", "deny")) == "deny",
        zero_retention=_flag(given, "zdr", False),
        quantizations=_quantizations(given),
        sort=sort,
        partition=partition,
        max_price=_prices(given),
        min_throughput=_cutoffs(given, "preferred_min_throughput"),
        max_latency=_cutoffs(given, "preferred_max_latency"),
        options=_options(given),
    )
    return wish, tuple(f"provider.{name}" for name in _unknown(given))


def _unknown(given: Mapping[str, Any]) -> Iterator[str]:
    """Fields that are not acted on; those within another as `max_price.audio`."""
    for name, item in given.items():
        if name not in _FIELDS:
            yield name
        elif _FIELDS[name] and isinstance(item, Mapping):
            yield from (
                f"{name}.{inner}" for inner, each in item.items() if inner not in _FIELDS[name] and each is not None
            )


def _wrong(name: str, must: str) -> BadRequest:
    return BadRequest(f"`provider.{name}` must be {must}.", param="provider")


def _strings(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    names = given.get(name, [])
    if not isinstance(names, list | tuple) or not all(isinstance(each, str) for each in names):
        raise _wrong(name, "a list of provider names")
    return tuple(names)


def _flag(given: Mapping[str, Any], name: str, otherwise: bool) -> bool:
    flag = given.get(name, otherwise)
    if not isinstance(flag, bool):
        raise _wrong(name, "true or false")
    return flag


def _one_of(value: Any, name: str, allowed: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in allowed:
        raise _wrong(name, " or ".join((", ".join(allowed[:-1]), allowed[-1])))
    return value


def _quantizations(given: Mapping[str, Any]) -> frozenset[str]:
    names = given.get("quantizations", [])
    if not isinstance(names, list | tuple) or not all(isinstance(each, str) for each in names):
        raise _wrong("quantizations", f"a list of {', '.join(QUANTIZATIONS)}")
    return frozenset(name for each in names if (name := _one_of(each, "quantizations", QUANTIZATIONS)))


def _sort(given: Mapping[str, Any]) -> tuple[str | None, str]:
    value = given.get("sort")
    if isinstance(value, Mapping):
        by = _one_of(value.get("by"), "sort.by", _SORTS)
        return by, _one_of(value.get("partition"), "sort.partition", _PARTITIONS) or "model"
    return _one_of(value, "sort", _SORTS), "model"


def _prices(given: Mapping[str, Any]) -> dict[str, Decimal]:
    value = given.get("max_price", {})
    if not isinstance(value, Mapping):
        raise _wrong("max_price", f"an object with {', '.join(_PRICES)}")
    return {name: _dollars(value[name], f"max_price.{name}") for name in _PRICES if value.get(name) is not None}


def _dollars(value: Any, name: str) -> Decimal:
    wrong = _wrong(name, "US dollars, at least 0, as a number or a decimal string")
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise wrong
    if isinstance(value, str) and len(value) > _LONGEST_AMOUNT:
        raise wrong
    try:
        amount = Decimal(str(value) if isinstance(value, float) else value)
    except InvalidOperation as error:
        raise wrong from error
    if not amount.is_finite() or amount < 0 or amount.adjusted() not in _DIGITS:
        raise wrong
    return amount


def _cutoffs(given: Mapping[str, Any], name: str) -> dict[str, float]:
    """Percentiles to values; a bare number is meant of the median."""
    value = given.get(name, {})
    if not isinstance(value, Mapping):
        return {"p50": _measure(value, name)}
    return {each: _measure(value[each], f"{name}.{each}") for each in PERCENTILES if value.get(each) is not None}


def _measure(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST:
        inside = "" if "." in name else f", or an object with {', '.join(PERCENTILES)}"
        raise _wrong(name, f"a number, at least 0{inside}")
    return float(value)


def _options(given: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    options = given.get("options", {})
    if not isinstance(options, Mapping) or not all(isinstance(item, Mapping) for item in options.values()):
        raise BadRequest("`provider.options` must map provider names to objects.", param="provider")
    return dict(options)

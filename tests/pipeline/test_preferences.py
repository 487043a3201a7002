"""The `provider` object as it is read: every field, every wrong type, and what is said to be left out."""

from decimal import Decimal
from typing import Any

import pytest

from penstock.core.errors import BadRequest
from penstock.pipeline.preferences import QUANTIZATIONS, preferences_of
from penstock.pipeline.request import ANY, Preferences

READ: dict[str, tuple[Any, Preferences]] = {
    "an order": ({"order": ["bfl", "fal"]}, Preferences(order=("bfl", "fal"))),
    "only": ({"only": ["bfl"]}, Preferences(only=frozenset({"bfl"}))),
    "ignore": ({"ignore": ["bfl"]}, Preferences(ignore=frozenset({"bfl"}))),
    "no fallbacks": ({"allow_fallbacks": False}, Preferences(allow_fallbacks=False)),
    "parameters": ({"require_parameters": True}, Preferences(require_parameters=True)),
    "no collection": ({"data_collection": "deny"}, Preferences(no_collection=True)),
    "collection": ({"data_collection": "allow"}, Preferences()),
    "retention": ({"zdr": True}, Preferences(zero_retention=True)),
    "quantizations": ({"quantizations": ["fp8", "unknown"]}, Preferences(quantizations=frozenset({"fp8", "unknown"}))),
    "all quantizations": (
        {"quantizations": list(QUANTIZATIONS)},
        Preferences(quantizations=frozenset(QUANTIZATIONS)),
    ),
    "a sort": ({"sort": "price"}, Preferences(sort="price")),
    "a sort as an object": ({"sort": {"by": "latency"}}, Preferences(sort="latency")),
    "a partition": (
        {"sort": {"by": "throughput", "partition": "none"}},
        Preferences(sort="throughput", partition="none"),
    ),
    "a partition alone": ({"sort": {"by": None, "partition": "none"}}, Preferences(partition="none")),
    "prices": (
        {"max_price": {"prompt": 1, "completion": "2.50", "request": 0, "image": 0.045, "megapixel": "1e-2"}},
        Preferences(
            max_price={
                "prompt": Decimal(1),
                "completion": Decimal("2.50"),
                "request": Decimal(0),
                "image": Decimal("0.045"),
                "megapixel": Decimal("0.01"),
            }
        ),
    ),
    "a throughput": ({"preferred_min_throughput": 50}, Preferences(min_throughput={"p50": 50.0})),
    "throughputs": (
        {"preferred_min_throughput": {"p90": 50, "p99": None}},
        Preferences(min_throughput={"p90": 50.0}),
    ),
    "a latency": ({"preferred_max_latency": 1.5}, Preferences(max_latency={"p50": 1.5})),
    "latencies": (
        {"preferred_max_latency": {"p50": 1, "p75": 2, "p90": 3, "p99": 4}},
        Preferences(max_latency={"p50": 1.0, "p75": 2.0, "p90": 3.0, "p99": 4.0}),
    ),
    "options": ({"options": {"bfl": {"steps": 4}}}, Preferences(options={"bfl": {"steps": 4}})),
}


@pytest.mark.parametrize(("given", "wish"), READ.values(), ids=READ)
def test_each_field_is_read(given: Any, wish: Preferences) -> None:
    assert preferences_of(given) == (wish, ())


@pytest.mark.parametrize("given", [None, {}, dict.fromkeys(("only", "sort", "max_price", "zdr", "unknown"))])
def test_what_is_null_was_not_given(given: Any) -> None:
    wish, ignored = preferences_of(given)
    assert wish is ANY and ignored == ()


def test_a_lock_leaves_one_provider_and_no_fallback() -> None:
    wish, _ = preferences_of({"only": ["fal"], "allow_fallbacks": True, "zdr": True}, lock="bfl")
    assert (wish.only, wish.allow_fallbacks, wish.locked, wish.zero_retention) == ({"bfl"}, False, True, True)
    assert preferences_of(None, "bfl")[0].only == {"bfl"}


def test_fields_that_are_not_acted_on_are_named() -> None:
    given = {
        "enforce_distillable_text": True,
        "weight": 3,
        "nothing": None,
        "max_price": {"audio": "1", "image": "1", "video": None},
        "sort": {"by": "price", "order": "asc"},
        "preferred_max_latency": {"p42": 1},
        "options": {"bfl": {"anything": 1}},
    }
    wish, ignored = preferences_of(given)
    assert ignored == (
        "provider.enforce_distillable_text",
        "provider.weight",
        "provider.max_price.audio",
        "provider.sort.order",
        "provider.preferred_max_latency.p42",
    )
    assert (wish.sort, wish.max_price, wish.max_latency) == ("price", {"image": Decimal(1)}, {})


AMOUNT = "must be US dollars, at least 0, as a number or a decimal string"
WRONG: list[tuple[Any, str]] = [
    (5, "`provider` must be an object"),
    (["bfl"], "`provider` must be an object"),
    *(({name: "bfl"}, f"`provider.{name}` must be a list of provider names") for name in ("order", "only", "ignore")),
    ({"only": [5]}, "`provider.only` must be a list of provider names"),
    *(
        ({name: "yes"}, f"`provider.{name}` must be true or false")
        for name in ("allow_fallbacks", "require_parameters", "zdr")
    ),
    ({"data_collection": "never"}, "`provider.data_collection` must be allow or deny"),
    ({"data_collection": False}, "`provider.data_collection` must be allow or deny"),
    ({"quantizations": "fp8"}, "`provider.quantizations` must be a list of int4,"),
    ({"quantizations": ["fp9"]}, "`provider.quantizations` must be int4, int8,"),
    ({"quantizations": [8]}, "`provider.quantizations` must be a list of int4,"),
    ({"sort": "best"}, "`provider.sort` must be price, throughput or latency"),
    ({"sort": 1}, "`provider.sort` must be price, throughput or latency"),
    ({"sort": {"by": "best"}}, "`provider.sort.by` must be price, throughput or latency"),
    ({"sort": {"partition": "all"}}, "`provider.sort.partition` must be model or none"),
    ({"max_price": 1}, "`provider.max_price` must be an object with prompt,"),
    *(
        ({"max_price": {"image": amount}}, f"`provider.max_price.image` {AMOUNT}")
        for amount in (-1, "-0.1", True, "a", "", "NaN", "Infinity", "1e99999", "0." + "0" * 50 + "1", 10**400, [], {})
    ),
    ({"preferred_min_throughput": "fast"}, "`provider.preferred_min_throughput` must be a number, at least 0, or an"),
    ({"preferred_min_throughput": True}, "`provider.preferred_min_throughput` must be a number"),
    ({"preferred_max_latency": -1}, "`provider.preferred_max_latency` must be a number"),
    ({"preferred_max_latency": 10**400}, "`provider.preferred_max_latency` must be a number"),
    ({"preferred_max_latency": float("nan")}, "`provider.preferred_max_latency` must be a number"),
    ({"preferred_max_latency": {"p90": "1"}}, "`provider.preferred_max_latency.p90` must be a number, at least 0."),
    ({"options": []}, "`provider.options` must map"),
    ({"options": {"bfl": 5}}, "`provider.options` must map"),
]


@pytest.mark.parametrize(("given", "says"), WRONG, ids=[str(given)[:60] for given, _ in WRONG])
def test_a_wrong_type_is_told_with_its_field(given: Any, says: str) -> None:
    with pytest.raises(BadRequest) as refused:
        preferences_of(given)
    assert says in refused.value.message and len(refused.value.message) < 200
    assert refused.value.param == "provider"

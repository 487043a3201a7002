"""A strategy out of what a configuration or a header says."""

from typing import Any

import pytest

from penstock.routing.price_weighted import PriceWeighted
from penstock.routing.priority import Priority
from penstock.routing.race import Race
from penstock.routing.read import read
from penstock.routing.round_robin import RoundRobin


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("round-robin", RoundRobin()),
        ("round_robin", RoundRobin()),
        ({"name": "race", "width": "3", "then": "price-weighted"}, Race(width=3, then=PriceWeighted())),
        ({"name": "race", "then": {"name": "priority"}}, Race(then=Priority())),
        (Race(width=4), Race(width=4)),
    ],
)
def test_a_name_or_a_mapping_is_a_strategy(given: Any, expected: Any) -> None:
    assert read(given) == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "a strategy is a name, such as `least-latency`, or a mapping"),
        ({"width": 3}, "a strategy is a name, such as `least-latency`, or a mapping"),
        ("least-latencies", "there is no strategy `least-latencies`; did you mean `least-latency`?"),
        ("xyz", "there is no strategy `xyz`; there are priority, round-robin"),
        ({"name": "weighted"}, "weighted: object missing required field `weights`"),
        (
            {"name": "race", "then": "prioritee"},
            "race: `then`: there is no strategy `prioritee`; did you mean `priority`?",
        ),
        ({"name": "race", "widht": 3}, "race: object contains unknown field `widht`"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(given: Any, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(given)
    assert str(caught.value).startswith(sentence)

"""The strategies that keep people where they were: sticky and split."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.routing.offers import candidates, dice, facts, providers, strategy

USERS = [f"user-{number}" for number in range(10_000)]


def sent(shares: list[float], users: list[str], **settings: Any) -> dict[str, str]:
    """Each user's first provider, where the first share goes to `p1`, the second to `p2`, and all others to `p9`."""
    parts = [{"to": {"model": f"own/{place}"}, "percent": percent} for place, percent in enumerate(shares, 1)]
    made = strategy("split", shares=parts, **settings)
    offers = [candidates(1, f"own/{place}")[0] for place in range(1, len(shares) + 1)]
    asked = candidates(1)[0]
    plans = {user: made.plan([asked, *offers], facts(models=("own/picture",), user=user), dice()) for user in users}
    return {user: plan.order[0].model.slug for user, plan in plans.items()}


def test_everyone_is_spread_and_stays() -> None:
    offers, made = candidates(5), strategy("sticky")
    plans = {user: made.plan(offers, facts(user=user), dice()) for user in USERS[:2000]}
    first = Counter(plan.order[0].offer.provider for plan in plans.values())
    assert all(320 < count < 480 for count in first.values())
    shuffled = tuple(reversed(offers))
    assert all(made.plan(shuffled, facts(user=user), dice()).order == plans[user].order for user in USERS[:200])


def test_where_somebody_is_does_not_change_with_a_release() -> None:
    placed = {user: providers(strategy("sticky").plan(candidates(4), facts(user=user), dice())) for user in USERS[:3]}
    assert placed == {"user-0": "p1 p2 p4 p3", "user-1": "p4 p2 p3 p1", "user-2": "p2 p4 p1 p3"}


@given(st.integers(2, 8), st.integers(0, 7), st.lists(st.text(min_size=1), min_size=1, max_size=20))
def test_when_an_offer_goes_only_its_own_people_move(number: int, gone: int, people: list[str]) -> None:
    offers = candidates(number)
    left = [offer for place, offer in enumerate(offers) if place != gone % number]
    for person in people:
        before = strategy("sticky").plan(offers, facts(user=person), dice()).order
        after = strategy("sticky").plan(left, facts(user=person), dice()).order
        assert after == tuple(offer for offer in before if offer in left)


@pytest.mark.parametrize(
    ("by", "subject", "trait"),
    [
        (None, {"session": "s", "user": "u", "seed": 1}, "session"),
        (None, {"user": "u", "seed": 1}, "user"),
        (None, {"seed": 0}, "seed"),
        (["key"], {"key_id": "key_1", "user": "u"}, "key"),
        (["prompt"], {"prompt": lambda: "A lighthouse", "user": "u"}, "prompt"),
        (["seed", "user"], {"user": "u", "seed": None}, "user"),
    ],
)
def test_the_first_that_a_request_has_counts(by: list[str] | None, subject: dict[str, Any], trait: str) -> None:
    made = strategy("sticky", **({} if by is None else {"by": by}))
    assert made.plan(candidates(3), facts(**subject), dice()).why == f"The same {trait} goes to the same offer."


def test_a_request_that_has_none_is_ordered_by_another_strategy() -> None:
    made = strategy("sticky", then="cost-optimized")
    plan = made.plan(candidates(2), facts(prices={"p1": "2", "p2": "1"}, user=""), dice())
    assert providers(plan) == "p2 p1"
    assert plan.why.startswith("The request has no session or user or seed. p2/picture is the cheapest")


@pytest.mark.parametrize("text", ["\udc80", "\0", "x" * 100_000])
def test_strange_names_do_no_harm(text: str) -> None:
    for made in (strategy("sticky"), strategy("split")):
        assert len(made.plan(candidates(3), facts(user=text), dice()).order) == 3


@pytest.mark.parametrize("wrong", [[], ["model"]])
def test_what_nobody_can_be_known_by_is_refused(wrong: list[str]) -> None:
    with pytest.raises(ValueError, match="sticky: "):
        strategy("sticky", by=wrong)


@pytest.mark.parametrize("shares", [[5.0], [5.0, 20.0], [0.5], [50.0, 50.0]])
def test_the_shares_are_kept_among_many_users(shares: list[float]) -> None:
    first = Counter(sent(shares, USERS).values())
    for place, percent in enumerate(shares, 1):
        assert first[f"own/{place}"] / 100 == pytest.approx(percent, abs=1.5)
    assert first["own/picture"] / 100 == pytest.approx(100 - sum(shares), abs=1.5)


def test_nobody_leaves_a_share_that_grows() -> None:
    inside = set[str]()
    for percent in (1.0, 5.0, 25.0, 60.0, 100.0):
        now = {user for user, model in sent([percent], USERS[:2000]).items() if model == "own/1"}
        assert inside <= now
        inside = now
    assert len(inside) == 2000


def test_another_salt_deals_anew() -> None:
    one, other = (
        {user for user, model in sent([10.0], USERS[:2000], salt=salt).items() if model == "own/1"}
        for salt in ("", "autumn")
    )
    assert len(one & other) < 60


def test_without_anybody_to_know_again_chance_decides() -> None:
    made, roll = strategy("split"), random.Random(4).random
    first = Counter(made.plan(candidates(2)[::-1], facts(), roll).order[0].offer.provider for _ in range(2000))
    assert first["p1"] / 2000 == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ([], "split: `shares`: expected `array` of length >= 1"),
        ([("p1", 60), ("p2", 41)], "split: expected the percents of the `shares` to be 100 or less together"),
        ([("p1", 0)], "expected `float` > 0"),
        ([("p1", 101)], "expected `float` <= 100"),
    ],
)
def test_shares_that_cannot_be_meant_are_refused(shares: list[tuple[str, float]], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        strategy("split", shares=[{"to": {"provider": to}, "percent": percent} for to, percent in shares])


def test_thirds_may_be_written_as_floats() -> None:
    parts = [("p1", 33.4), ("p2", 33.3), ("p3", 33.3)]
    strategy("split", shares=[{"to": {"provider": to}, "percent": percent} for to, percent in parts])

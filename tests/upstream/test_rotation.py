"""Several keys: who is chosen, who rests and for how long, and how each comes back."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from itertools import cycle

import pytest

from penstock.core.target import Account, AccountKey, Provider, Secret
from penstock.settings import Rotation as RotationSettings
from penstock.upstream.rotation import Reason, Resting, Rotation, using, with_key

PROVIDER = Provider(slug="p", name="P", adapter="x")
ONE = Account(provider=PROVIDER, key=Secret("only"))
DAY = 20_000
SETTINGS = RotationSettings(no_credit_seconds=300.0, refused_seconds=60.0, rate_limited_seconds=5.0)


def key(name: str, **limits: object) -> AccountKey:
    return AccountKey(name=name, key=Secret(f"secret-{name}"), **limits)  # type: ignore[arg-type]


def account(*keys: AccountKey) -> Account:
    return Account(provider=PROVIDER, key=keys[0].key, key_name=keys[0].name, keys=keys)


def rotation(settings: RotationSettings = SETTINGS) -> Rotation:
    return Rotation(settings)


def lowest() -> float:
    return 0.0


def name(chosen: AccountKey | None) -> str | None:
    return None if chosen is None else chosen.name


TWO = account(key("a"), key("b"))


def evenly(steps: int) -> Callable[[], float]:
    numbers = cycle(number / steps for number in range(steps))
    return lambda: next(numbers)


def test_the_only_key_of_an_account_has_no_name() -> None:
    chosen = rotation().choose(ONE, 0.0, DAY, lowest)
    assert chosen is not None
    assert (chosen.name, str(chosen.key)) == ("", "only")
    assert with_key(ONE, chosen) is ONE


def test_an_account_that_needs_no_key_has_an_empty_one() -> None:
    keyless = Account(provider=PROVIDER)
    chosen = rotation().choose(keyless, 0.0, DAY, lowest)
    assert chosen is not None and not chosen.key
    assert with_key(keyless, chosen).key is None


def test_keys_take_turns_by_weight() -> None:
    asked, dice = account(key("a", weight=1), key("b", weight=3)), evenly(400)
    turns, found = rotation(), Counter[str | None]()
    for second in range(400):
        found[name(turns.choose(asked, float(second), DAY, dice))] += 1
    assert found == {"a": 100, "b": 300}


@pytest.mark.parametrize("chance", [0.0, 0.5, 1 - 2**-53])
def test_every_chance_finds_a_key(chance: float) -> None:
    asked = account(*(key(str(number), weight=7) for number in range(9)))
    assert rotation().choose(asked, 0.0, DAY, lambda: chance) is not None


def test_a_chosen_key_is_the_account_s() -> None:
    chosen = with_key(TWO, TWO.keys[1])
    assert (chosen.key, chosen.key_name, chosen.keys) == (TWO.keys[1].key, "b", TWO.keys)
    assert using(TWO, "b") == chosen
    assert using(TWO, "") is using(TWO, "c") is None
    assert using(ONE, "") is ONE


def test_a_key_takes_so_many_calls_in_any_minute() -> None:
    asked, turns = account(key("a", requests_per_minute=2)), rotation()
    taken = [turns.choose(asked, now, DAY, lowest) is not None for now in (0.0, 30.0, 59.9, 60.0, 61.0, 89.9, 90.0)]
    assert taken == [True, True, False, True, False, False, True]


def test_calls_go_to_the_key_that_has_room() -> None:
    asked, turns = account(key("a", requests_per_minute=1), key("b")), rotation()
    assert [name(turns.choose(asked, 0.0, DAY, lowest)) for _ in range(3)] == ["a", "b", "b"]


def test_looking_counts_nothing() -> None:
    asked, turns = account(key("a", requests_per_minute=1)), rotation()
    assert all(turns.available(asked, 0.0, DAY) for _ in range(5))
    assert turns.choose(asked, 0.0, DAY, lowest) is not None
    assert not turns.available(asked, 0.0, DAY)


def test_a_key_is_used_until_its_dollars_of_the_day_are_spent() -> None:
    asked, turns = account(key("a", usd_per_day=Decimal(1)), key("b")), rotation()
    turns.spent(asked, "a", Decimal("0.99"), DAY)
    assert name(turns.choose(asked, 0.0, DAY, lowest)) == "a"
    turns.spent(asked, "a", Decimal("0.01"), DAY)
    assert name(turns.choose(asked, 0.0, DAY, lowest)) == "b"
    assert name(turns.choose(asked, 0.0, DAY + 1, lowest)) == "a"
    turns.spent(asked, "a", Decimal("0.50"), DAY + 1)
    turns.spent(asked, "a", Decimal(5), DAY)
    assert name(turns.choose(asked, 0.0, DAY + 1, lowest)) == "a", "yesterday's call, told late, is yesterday's"


@pytest.mark.parametrize(
    ("reason", "retry_after", "seconds"),
    [
        ("no_credit", None, 300.0),
        ("no_credit", 7.0, 300.0),
        ("refused", None, 60.0),
        ("rate_limited", None, 5.0),
        ("rate_limited", 7.0, 7.0),
        ("rate_limited", 3600.0, 60.0),
        ("rate_limited", 0.0, 0.0),
    ],
)
@pytest.mark.parametrize("asked", [ONE, TWO], ids=["one key", "two keys"])
def test_a_key_rests_for_its_reason_s_time(
    asked: Account, reason: Reason, retry_after: float | None, seconds: float
) -> None:
    turns, first = rotation(), asked.key_name
    turns.rest(asked, first, reason, 100.0, retry_after)
    others = bool(asked.keys)
    if seconds:
        assert turns.resting(100.0) == [Resting("p", first, reason, seconds)]
        before = 100.0 + seconds - 0.01
        assert turns.available(asked, before, DAY) is others
        assert name(turns.choose(asked, before, DAY, lowest)) == ("b" if others else None)
    assert turns.available(asked, 100.0 + seconds, DAY)
    assert name(turns.choose(asked, 100.0 + seconds, DAY, lowest)) == first


@pytest.mark.parametrize("reason", ["no_credit", "refused", "rate_limited"])
def test_a_time_of_zero_is_no_rest(reason: Reason) -> None:
    turns = rotation(RotationSettings(no_credit_seconds=0, refused_seconds=0, rate_limited_seconds=0))
    turns.rest(ONE, "", reason, 0.0, None)
    assert turns.available(ONE, 0.0, DAY)
    assert turns.resting(0.0) == []


def test_new_settings_count_from_the_next_rest_on() -> None:
    turns = rotation()
    turns.rest(ONE, "", "refused", 0.0, None)
    turns.settings = RotationSettings(refused_seconds=10.0)
    assert not turns.available(ONE, 59.0, DAY)
    turns.works(ONE, "")
    turns.rest(ONE, "", "refused", 100.0, None)
    assert turns.available(ONE, 110.0, DAY)


def test_after_its_time_one_call_is_let_through_and_the_others_wait_for_it() -> None:
    turns = rotation()
    turns.rest(ONE, "", "refused", 0.0, None)
    assert turns.choose(ONE, 60.0, DAY, lowest) is not None
    assert turns.resting(60.0) == [Resting("p", "", "refused", 0.0)]
    for later in (60.0, 119.9):
        assert not turns.available(ONE, later, DAY)
        assert turns.choose(ONE, later, DAY, lowest) is None
    assert turns.choose(ONE, 120.0, DAY, lowest) is not None, "a call that is not heard of again holds nobody up"
    assert not turns.available(ONE, 120.0, DAY)


def test_a_key_that_works_is_back_at_once() -> None:
    turns = rotation()
    turns.rest(TWO, "a", "no_credit", 0.0, None)
    turns.works(TWO, "b")
    assert name(turns.choose(TWO, 1.0, DAY, lowest)) == "b"
    turns.works(TWO, "a")
    assert name(turns.choose(TWO, 1.0, DAY, lowest)) == "a"
    assert turns.resting(1.0) == []


def test_a_key_that_still_does_not_work_rests_as_long_again() -> None:
    turns = rotation()
    for start in (0.0, 60.0, 120.0):
        turns.rest(ONE, "", "refused", start, None)
        assert not turns.available(ONE, start + 59.9, DAY)
        assert turns.choose(ONE, start + 60.0, DAY, lowest) is not None


def test_a_call_that_was_under_way_does_not_shorten_a_rest() -> None:
    turns = rotation()
    turns.rest(ONE, "", "no_credit", 0.0, None)
    turns.rest(ONE, "", "rate_limited", 1.0, 10.0)
    assert turns.resting(1.0) == [Resting("p", "", "no_credit", 299.0)]


def test_nobody_is_chosen_where_every_key_rests() -> None:
    turns = rotation()
    turns.rest(TWO, "a", "no_credit", 0.0, None)
    assert turns.available(TWO, 1.0, DAY)
    turns.rest(TWO, "b", "refused", 0.0, None)
    assert not turns.available(TWO, 1.0, DAY)
    assert turns.choose(TWO, 1.0, DAY, lowest) is None
    assert turns.available(TWO, 60.0, DAY)


def test_the_keys_of_another_provider_are_not_touched() -> None:
    turns, other = rotation(), Account(provider=Provider(slug="q", name="Q", adapter="x"))
    turns.rest(ONE, "", "no_credit", 0.0, None)
    assert turns.available(other, 1.0, DAY)


def test_no_secret_shows_itself() -> None:
    turns = rotation()
    turns.rest(TWO, "a", "no_credit", 0.0, None)
    turns.spent(TWO, "a", Decimal(1), DAY)
    shown = repr((turns, vars(turns), turns.resting(0.0), turns.choose(TWO, 1.0, DAY, lowest)))
    assert "secret-" not in shown

"""Names to models, and models to the offers that can carry a call out, in the order that was asked for."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from penstock.core.call import ImageCall, Size
from penstock.core.errors import BadRequest, Forbidden, NotFound
from penstock.core.target import Limits
from penstock.pipeline.request import Life, Preferences
from penstock.pipeline.resolve import find_model, resolve, today, variant_of
from tests.pipeline.lives import PICTURE, gateway, life, offer, on_its_way, provider

PROVIDERS = (provider("one"), provider("two", key_variable="TWO_KEY"), provider("three", key_variable="THREE_KEY"))
SMALL = Limits(free_size=True, max_pixels=64 * 64)
ALL = gateway(offer("one"), offer("two"), offer("three"), providers=PROVIDERS, on=("one", "two", "three"))
CALL = ImageCall(model="own/picture", prompt="p", size=Size(128, 128))


def served(wish: Preferences, call: ImageCall = CALL) -> list[str]:
    of = on_its_way(life())
    of.preferences = wish
    resolve(of, call, ALL)
    return [candidate.offer.provider for candidate in of.candidates]


@pytest.mark.parametrize("name", ["own/picture", "picture", "OWN/Picture", "Picture"])
def test_a_model_is_found_by_its_slug_and_its_aliases(name: str) -> None:
    assert find_model(name, ALL.catalogue) is PICTURE


@pytest.mark.parametrize("name", ["own/pictures", "own/pictur", "pictures"])
def test_an_unknown_name_is_answered_with_the_nearest(name: str) -> None:
    with pytest.raises(NotFound, match=r"Did you mean `own/picture`") as refused:
        find_model(name, ALL.catalogue)
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")


def test_a_long_name_is_not_repeated_whole() -> None:
    with pytest.raises(NotFound) as refused:
        find_model("x" * 100_000, ALL.catalogue)
    assert len(refused.value.message) < 200


WISHES: dict[str, tuple[Preferences, list[str]]] = {
    "none": (Preferences(), ["one", "two", "three"]),
    "only two": (Preferences(only=frozenset({"two", "three"})), ["two", "three"]),
    "not the first": (Preferences(ignore=frozenset({"one"})), ["two", "three"]),
    "only two and not one of them": (
        Preferences(only=frozenset({"two", "three"}), ignore=frozenset({"two"})),
        ["three"],
    ),
}


@pytest.mark.parametrize(("wish", "providers"), WISHES.values(), ids=WISHES)
def test_the_caller_s_wishes_choose_the_candidates(wish: Preferences, providers: list[str]) -> None:
    assert served(wish) == providers


def test_offers_that_cannot_are_excluded_with_their_reason() -> None:
    there = gateway(offer("one", limits=SMALL), offer("two"), providers=PROVIDERS, on=("one", "two"))
    of = on_its_way(life())
    resolve(of, CALL, there)
    assert [candidate.offer.provider for candidate in of.candidates] == ["two"]
    assert [(exclusion.offer.provider, exclusion.field) for exclusion in of.exclusions] == [("one", "size")]


def test_where_nobody_can_every_reason_is_told_once() -> None:
    there = gateway(offer("one", limits=SMALL), offer("two", limits=SMALL), providers=PROVIDERS, on=("one", "two"))
    with pytest.raises(BadRequest) as refused:
        resolve(on_its_way(life()), CALL, there)
    assert (refused.value.code, refused.value.param) == ("unsupported_request", "size")
    assert "picture at one makes" in refused.value.message
    assert "picture at two makes" in refused.value.message


def test_where_the_caller_wants_nobody_who_is_there_that_is_told() -> None:
    with pytest.raises(BadRequest, match="two is not among the providers asked for") as refused:
        served(Preferences(only=frozenset({"nobody"})))
    assert refused.value.param == "provider"


def test_where_nobody_is_switched_on_the_variables_that_would_are_named() -> None:
    there = gateway(offer("two"), offer("three"), providers=PROVIDERS, on=())
    with pytest.raises(NotFound, match="Setting TWO_KEY or THREE_KEY switches one on") as refused:
        resolve(on_its_way(life()), CALL, there)
    assert refused.value.code == "model_not_available"


def test_where_nobody_can_be_called_yet_that_is_told() -> None:
    unspoken = provider("mute", adapter="", key_variable="MUTE_KEY")
    there = gateway(offer("mute"), providers=(unspoken,), on=())
    with pytest.raises(NotFound, match="no provider that serves it can be called"):
        resolve(on_its_way(life()), CALL, there)


# Variants


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("own/picture", None),
        ("own/picture:floor", "floor"),
        ("Picture:NITRO", "nitro"),
        ("picture: floor ", "floor"),
        ("llama2:13b", None),
    ],
)
def test_a_variant_is_told_from_what_belongs_to_a_name(name: str, variant: str | None) -> None:
    assert variant_of(name) == variant


@pytest.mark.parametrize("name", ["own/picture:floor", "Picture:NITRO", "picture: floor "])
def test_a_name_with_a_variant_is_that_of_its_model(name: str) -> None:
    assert find_model(name, ALL.catalogue) is PICTURE


def test_an_unknown_variant_is_answered_with_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"no variant `:free`.*`:floor`.*`:nitro`") as refused:
        find_model("own/picture:free", ALL.catalogue)
    assert refused.value.code == "model_not_found"


def test_a_colon_may_belong_to_a_name() -> None:
    colon = replace(PICTURE, slug="own/picture-2", aliases=("picture:floor",))
    assert find_model("picture:floor", ALL.catalogue.updated(models=[colon])) is colon


def test_an_unknown_name_with_a_variant_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="Did you mean `own/picture`"):
        find_model("own/pictur:floor", ALL.catalogue)


# Models that end

DAY = today(life())


def ending(*days: int | None, successor: str = "", on: int = 2) -> Life:
    """A call resolved, whose offers end so many days from today; so many providers are on, from the first."""
    offers = [
        replace(offer(at), deprecates=None if day is None else DAY + timedelta(day))
        for at, day in zip(("one", "two", "three"), days, strict=False)
    ]
    there = gateway(*offers, providers=PROVIDERS, on=("one", "two", "three")[:on])
    of = life()
    resolve(on_its_way(of, None, replace(PICTURE, successor=successor)), CALL, there)
    return of


def test_an_offer_that_has_ended_is_not_a_candidate() -> None:
    of = ending(0, 1)
    assert [candidate.offer.provider for candidate in of.candidates] == ["two"]
    assert [exclusion.reason for exclusion in of.exclusions] == [f"picture at one ended on {DAY}."]


@pytest.mark.parametrize(
    ("days", "end"), [((None, None), None), ((5, None), None), ((5, 9), 9), ((-1, 9), 9), ((-1, None), None)]
)
def test_the_end_is_told_where_every_offer_has_one(days: tuple[int | None, ...], end: int | None) -> None:
    told = ending(*days, successor="own/next").deprecation
    assert (told and told.day) == (None if end is None else DAY + timedelta(end))
    assert told is None or told.successor == "own/next"


def test_a_model_that_has_ended_is_answered_with_the_day_and_what_comes_after() -> None:
    with pytest.raises(NotFound) as refused:
        ending(-9, -3, successor="own/next")
    assert refused.value.code == "model_deprecated"
    assert refused.value.message == f"`own/picture` ended on {DAY - timedelta(3)}. Use `own/next` instead."


def test_a_model_that_has_ended_here_is_answered_with_who_still_serves_it() -> None:
    with pytest.raises(NotFound, match=r"Others still serve it\. Setting THREE_KEY switches one on") as refused:
        ending(-9, -3, None)
    assert refused.value.code == "model_deprecated"


def test_the_day_is_that_of_utc() -> None:
    assert date(2023, 11, 14) == DAY


# What a key may call


def test_a_key_may_be_kept_to_some_models() -> None:
    of = life()
    of.principal = replace(of.principal, models=("openai/*",))
    with pytest.raises(Forbidden, match="may not call `own/picture`") as refused:
        resolve(on_its_way(of), CALL, ALL)
    assert (refused.value.status, refused.value.code) == (403, "model_not_allowed")


def test_a_key_may_be_kept_to_some_providers() -> None:
    of = life()
    of.principal = replace(of.principal, models=("own/*",), providers=("t*",))
    resolve(on_its_way(of), CALL, ALL)
    assert [candidate.offer.provider for candidate in of.candidates] == ["two", "three"]
    assert [exclusion.reason for exclusion in of.exclusions] == ["This key may not use one."]

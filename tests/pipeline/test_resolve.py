"""Names to models, and models to the offers that can carry a call out, in the order that was asked for."""

import pytest

from penstock.core.call import ImageCall, Size
from penstock.core.errors import BadRequest, NotFound
from penstock.core.target import Limits
from penstock.pipeline.request import Preferences
from penstock.pipeline.resolve import find_model, resolve
from tests.pipeline.lives import PICTURE, gateway, life, offer, provider

PROVIDERS = (provider("one"), provider("two", key_variable="TWO_KEY"), provider("three", key_variable="THREE_KEY"))
SMALL = Limits(free_size=True, max_pixels=64 * 64)
ALL = gateway(offer("one"), offer("two"), offer("three"), providers=PROVIDERS, on=("one", "two", "three"))
CALL = ImageCall(model="own/picture", prompt="p", size=Size(128, 128))


def served(wish: Preferences, call: ImageCall = CALL) -> list[str]:
    of = life()
    of.preferences = wish
    resolve(of, call, PICTURE, ALL)
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
    "an order": (Preferences(order=("three", "two")), ["three", "two", "one"]),
    "an order with somebody unknown": (Preferences(order=("nobody", "two")), ["two", "one", "three"]),
    "only two": (Preferences(only=frozenset({"two", "three"})), ["two", "three"]),
    "not the first": (Preferences(ignore=frozenset({"one"})), ["two", "three"]),
    "an order and no fallback": (Preferences(order=("two",), allow_fallbacks=False), ["two"]),
    "no fallback": (Preferences(allow_fallbacks=False), ["one"]),
    "only two and not one of them": (
        Preferences(only=frozenset({"two", "three"}), ignore=frozenset({"two"})),
        ["three"],
    ),
    "a name": (Preferences(only=frozenset({"Provider Two"})), ["two"]),
    "a name with a hyphen": (Preferences(order=("provider-three",)), ["three", "one", "two"]),
}


@pytest.mark.parametrize(("wish", "providers"), WISHES.values(), ids=WISHES)
def test_the_caller_s_wishes_choose_and_order_the_candidates(wish: Preferences, providers: list[str]) -> None:
    assert served(wish) == providers


def test_offers_that_cannot_are_excluded_with_their_reason() -> None:
    there = gateway(offer("one", limits=SMALL), offer("two"), providers=PROVIDERS, on=("one", "two"))
    of = life()
    resolve(of, CALL, PICTURE, there)
    assert [candidate.offer.provider for candidate in of.candidates] == ["two"]
    assert [(exclusion.offer.provider, exclusion.field) for exclusion in of.exclusions] == [("one", "size")]


def test_where_nobody_can_every_reason_is_told_once() -> None:
    there = gateway(offer("one", limits=SMALL), offer("two", limits=SMALL), providers=PROVIDERS, on=("one", "two"))
    with pytest.raises(BadRequest) as refused:
        resolve(life(), CALL, PICTURE, there)
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
        resolve(life(), CALL, PICTURE, there)
    assert refused.value.code == "model_not_available"


def test_where_nobody_can_be_called_yet_that_is_told() -> None:
    unspoken = provider("mute", adapter="", key_variable="MUTE_KEY")
    there = gateway(offer("mute"), providers=(unspoken,), on=())
    with pytest.raises(NotFound, match="no provider that serves it can be called"):
        resolve(life(), CALL, PICTURE, there)

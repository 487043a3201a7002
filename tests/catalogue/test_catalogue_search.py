"""Finding models by the names people type, and laying rows over a catalogue."""

from dataclasses import replace
from datetime import date

import pytest

from penstock.catalogue.load import load
from penstock.catalogue.schema import Benchmark, BenchmarkRow, CatalogueError, RatingRow
from penstock.catalogue.search import Catalogue
from penstock.core.call import Operation
from penstock.core.target import Model, Offer, Provider

CATALOGUE = load()
PRO = "black-forest-labs/flux.2-pro"
MINE = Model(slug="me/mine", name="Mine", maker="Me", aliases=("mine",))
HERE = Provider(slug="here", name="Here", adapter="openai_compatible")
OFFER = Offer(model="me/mine", provider="here", upstream="m", operations=frozenset({Operation.CHAT}))


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        (PRO, PRO),
        ("black-forest-labs/flux-2-pro", PRO),
        ("bfl/flux-2-pro", PRO),
        ("flux-2-pro", PRO),
        ("  Black-Forest-Labs/FLUX.2-Pro ", PRO),
        ("flux-pro-1.1", "black-forest-labs/flux.1.1-pro"),
        ("flux-kontext-max", "black-forest-labs/flux.1-kontext-max"),
        ("gpt-image-2", "openai/gpt-image-2"),
        ("gemini/gemini-3-pro-image", "google/gemini-3-pro-image"),
        ("claude-sonnet-5-5", "anthropic/claude-sonnet-5.5"),
        ("sandbox/image", "sandbox/image"),
    ],
)
def test_a_model_is_found_by_slug_and_alias_in_any_case(name: str, slug: str) -> None:
    found = CATALOGUE.find(name)
    assert found is not None
    assert found.slug == slug


@pytest.mark.parametrize("name", ["", "flux", "flux-2-por", "nobody/nothing"])
def test_an_unknown_name_finds_nothing(name: str) -> None:
    assert CATALOGUE.find(name) is None


def test_the_nearest_names_are_slugs_best_first_and_each_once() -> None:
    near = CATALOGUE.nearest("black-forest-labs/flux-2-por")
    assert near[0] == PRO
    assert len(near) == len(set(near)) == 3
    assert set(near) <= set(CATALOGUE.models)
    assert CATALOGUE.nearest("zzzzzzzz") == ()
    assert len(CATALOGUE.nearest("flux-2-pro", count=1)) == 1


def test_a_model_nobody_sells_has_no_offers() -> None:
    assert CATALOGUE.updated(models=[MINE]).offers("me/mine") == ()


def test_updating_makes_another_catalogue_and_leaves_the_old_one() -> None:
    updated = CATALOGUE.updated(models=[MINE], providers=[HERE], offers=[OFFER])
    assert updated.offers("me/mine") == (OFFER,)
    assert updated.find("mine") == MINE
    assert CATALOGUE.find("mine") is None
    assert CATALOGUE.updated().all_offers == CATALOGUE.all_offers
    assert updated.units == CATALOGUE.units


def test_a_row_with_a_known_slug_replaces_the_old_one() -> None:
    fast = replace(CATALOGUE.offers(PRO)[0], note="ours")
    updated = CATALOGUE.updated(
        providers=[replace(CATALOGUE.providers["bfl"], base_url="https://api.eu.bfl.ai")], offers=[fast]
    )
    assert updated.providers["bfl"].base_url == "https://api.eu.bfl.ai"
    assert updated.offers(PRO)[0] == fast
    assert len(updated.all_offers) == len(CATALOGUE.all_offers)


def test_an_alias_goes_to_the_model_that_named_it_last_but_never_over_a_slug() -> None:
    greedy = replace(MINE, aliases=("flux-2-pro", PRO))
    updated = CATALOGUE.updated(models=[greedy])
    assert updated.find("flux-2-pro") == greedy
    assert updated.find(PRO) == CATALOGUE.models[PRO]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({"offers": [OFFER], "models": [MINE]}, "no provider 'here'"),
        ({"offers": [OFFER], "providers": [HERE]}, "no model with the slug 'me/mine'"),
        ({"models": [MINE, replace(MINE, slug="me/other")]}, "both claim the name 'mine'"),
    ],
)
def test_rows_that_do_not_fit_together_are_refused(rows: dict[str, list[object]], sentence: str) -> None:
    with pytest.raises(CatalogueError, match=sentence):
        CATALOGUE.updated(**rows)


def test_an_empty_catalogue_says_that_there_is_nothing() -> None:
    with pytest.raises(CatalogueError, match="none yet"):
        Catalogue().updated(offers=[OFFER])


def test_the_catalogue_cannot_be_changed_in_place() -> None:
    with pytest.raises(TypeError):
        CATALOGUE.models["me/mine"] = MINE


def benchmark(*ratings: tuple[str, float, int]) -> Benchmark:
    """Ratings by slug, score and day of November."""
    about = BenchmarkRow(name="Somebody", page="https://somebody.example", measures="Something.")
    rows = (
        RatingRow(model=slug, operation="chat", score=score, checked=date(2026, 11, day))
        for slug, score, day in ratings
    )
    return Benchmark(about, tuple(rows))


@pytest.mark.parametrize(
    ("benchmarks", "rating"),
    [
        ((), None),
        ((benchmark(("me/mine", 5, 1)),), 5),
        ((benchmark(("me/mine", 5, 2), ("me/mine", 6, 1)),), 5),
        ((benchmark(("me/mine", 5, 1)), benchmark(("me/mine", 7, 20))), 5),
        ((benchmark((PRO, 5, 1)), benchmark(("me/mine", 7, 1))), 7),
    ],
    ids=["nobody's", "the only one", "the latest", "of the first benchmark", "of the next benchmark"],
)
def test_the_rating_that_counts(benchmarks: tuple[Benchmark, ...], rating: float | None) -> None:
    named = {str(number): each for number, each in enumerate(benchmarks)}
    catalogue = Catalogue().updated(models=[MINE, replace(MINE, slug=PRO, aliases=())], benchmarks=named)
    assert catalogue.rating("me/mine", Operation.CHAT) == rating
    assert catalogue.rating("me/mine", Operation.IMAGE_GENERATION) is None
    assert catalogue.updated(models=[replace(MINE, name="Other")]).rating("me/mine", Operation.CHAT) == rating


def test_a_rating_of_a_model_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(CatalogueError, match=r"rating of Somebody.*did you mean 'me/mine'"):
        Catalogue().updated(models=[MINE], benchmarks={"b": benchmark(("me/mien", 5, 1))})

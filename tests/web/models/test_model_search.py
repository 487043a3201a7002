"""Looking for models: what addresses mean, which models match them, and in which order they come."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from penstock.catalogue.imported import files
from penstock.catalogue.load import DATA, load
from penstock.core.call import Operation
from penstock.core.price import BINARY_MEGAPIXEL
from penstock.web.models.index import CAPABILITIES, Entry, Index, make_index
from penstock.web.models.search import SORTS, Measured, ModelSearch, found, read_search

PROVIDERS = {"bfl", "fal", "sandbox", "openai"}
MAKERS = {"openai", "black-forest-labs", "sandbox"}
NOTHING = Measured(lambda entry: None, lambda entry: None)
FAST = {"sandbox/image": 0.2, "black-forest-labs/flux.2-pro": 4.0}
MEASURED = Measured(lambda entry: FAST.get(entry.model.slug), lambda entry: FAST.get(entry.model.slug))


@pytest.fixture(scope="module")
def index() -> Index:
    return make_index(load([], files(DATA)), frozenset({"sandbox", "bfl"}), date(2026, 11, 28))


def look(index: Index, query: str, measured: Measured = NOTHING) -> list[Entry]:
    search = read_search(query, PROVIDERS, MAKERS)
    assert search.notes == ()
    return found(index, search, measured)


def slugs(entries: list[Entry]) -> list[str]:
    return [entry.model.slug for entry in entries]


def test_without_a_query_all_are_found_and_those_that_can_be_called_come_first(index: Index) -> None:
    entries = look(index, "")
    assert len(entries) == len(index.entries)
    here = [entry.here for entry in entries]
    assert here == sorted(here, reverse=True) and sum(here) > 10


def test_what_is_called_so_comes_before_what_can_be_called(index: Index) -> None:
    assert slugs(look(index, "q=gpt-image-2"))[0] == "openai/gpt-image-2"
    assert slugs(look(index, "q=FLUX-2-PRO"))[0] == "black-forest-labs/flux.2-pro"
    assert set(slugs(look(index, "q=black+forest+klein"))) == set(slugs(look(index, "q=klein+forest+black")))


EVERY: dict[str, Callable[[Entry], bool]] = {
    "output_modalities=image": lambda entry: "image" in entry.model.output_modalities,
    "output_modalities=image,embeddings": lambda entry: bool(
        {"image", "embeddings"} & {*entry.model.output_modalities}
    ),
    "input_modalities=image,text": lambda entry: {"image", "text"} <= {*entry.model.input_modalities},
    "input_modalities=image&input_modalities=audio": lambda entry: (
        {"image", "audio"} <= {*entry.model.input_modalities}
    ),
    "providers=fal": lambda entry: any(sold.offer.provider == "fal" for sold in entry.sold),
    "model_authors=openai": lambda entry: entry.model.slug.startswith("openai/"),
    "here=yes": lambda entry: entry.here,
    "here=no": lambda entry: not entry.here,
    "weights=open": lambda entry: entry.weights is True,
    "weights=closed": lambda entry: entry.weights is False,
    "weights=unknown": lambda entry: entry.weights is None,
    "can=masks,seed&here=yes": lambda entry: any(
        sold.here and sold.offer.limits.mask and sold.offer.limits.seed for sold in entry.sold
    ),
    "can=edits&providers=fal": lambda entry: any(
        sold.offer.provider == "fal" and Operation.IMAGE_EDIT in sold.offer.operations for sold in entry.sold
    ),
    "price_to=0.02": lambda entry: any(sold.picture and sold.picture.usd <= Decimal("0.02") for sold in entry.sold),
    "price_from=2&price_to=4&price_unit=in": lambda entry: any(
        sold.per_million_in is not None and 2 <= sold.per_million_in <= 4 for sold in entry.sold
    ),
    "megapixels=4": lambda entry: any((sold.largest or 0) >= 4 * BINARY_MEGAPIXEL for sold in entry.sold),
}


@pytest.mark.parametrize("query", EVERY)
def test_a_filter_keeps_exactly_what_it_says(index: Index, query: str) -> None:
    kept = set(slugs(look(index, query)))
    assert kept == {slug for slug, entry in index.entries.items() if EVERY[query](entry)}
    assert 0 < len(kept) < len(index.entries)


@pytest.mark.parametrize("name", CAPABILITIES)
def test_every_capability_is_one_that_some_models_have_and_others_do_not(index: Index, name: str) -> None:
    assert 0 < len(look(index, f"can={name}")) < len(index.entries)


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("price", lambda entry: entry.picture.usd if entry.picture else None),
        ("text-price", lambda entry: entry.text),
        ("speed", lambda entry: FAST.get(entry.model.slug)),
        ("uptime", lambda entry: -FAST[entry.model.slug] if entry.model.slug in FAST else None),
        ("rating", lambda entry: -entry.rating if entry.rating is not None else None),
        ("newest", lambda entry: -entry.model.created.toordinal() if entry.model.created else None),
        ("name", lambda entry: entry.model.name.lower()),
    ],
)
def test_an_order_has_what_is_not_known_last(index: Index, sort: str, key: Callable[[Entry], object]) -> None:
    values = [key(entry) for entry in look(index, f"sort={sort}", MEASURED)]
    known = [value for value in values if value is not None]
    assert known and known == sorted(known) and values == known + [None] * (len(values) - len(known))  # type: ignore[type-var]


def test_every_order_is_tried_here() -> None:
    assert len(SORTS) == 8


@pytest.mark.parametrize(
    "query",
    [
        "sort=best",
        "providers=nobody",
        "model_authors=nobody",
        "here=maybe",
        "weights=heavy",
        "can=fly",
        "output_modalities=video",
        "input_modalities=smell",
        "price_from=cheap",
        "price_to=-1",
        "price_to=NaN",
        "price_unit=kilo",
        "megapixels=1e99",
        "colour=red",
    ],
)
def test_what_makes_no_sense_is_left_out_with_a_note(index: Index, query: str) -> None:
    search = read_search(query, PROVIDERS, MAKERS)
    assert len(search.notes) == 1 and not search.narrowed
    assert search == ModelSearch()
    assert len(found(index, search, NOTHING)) == len(index.entries)


def test_nonsense_of_any_kind_can_be_read() -> None:
    for query in ("&" * 5000, "q=" + "x" * 100_000, "offset=-3&offset=²", "=&==&%ff=%00", "a=1&" * 99):
        assert read_search(query, PROVIDERS, MAKERS).offset == 0


def test_an_address_leads_to_the_same_search_again() -> None:
    query = (
        "q=flux+2&output_modalities=image&input_modalities=text,image&providers=fal&here=yes&can=seed,edits&sort=price"
        "&price_to=0.05&megapixels=4&weights=open&model_authors=openai&price_unit=in&price_from=0.01&offset=48"
    )
    search = read_search(query, PROVIDERS, MAKERS)
    assert read_search(urlsplit(search.address()).query, PROVIDERS, MAKERS) == search
    assert dict(parse_qsl(urlsplit(search.address(offset=96)).query))["offset"] == "96"
    assert ModelSearch().address() == "/models"


def test_similar_models_make_the_same_and_are_never_the_model_itself(index: Index) -> None:
    for slug in ("black-forest-labs/flux.2-pro", "openai/gpt-4o-mini", "openai/text-embedding-3-small"):
        entry = index.entries[slug]
        similar = index.similar(entry)
        assert len(similar) == 6 and entry not in similar
        assert {other.model.output_modalities for other in similar} == {entry.model.output_modalities}


def test_prices_of_pictures_are_those_of_quotes(index: Index) -> None:
    picture = index.entries["black-forest-labs/flux.2-pro"].picture
    assert picture is not None and (picture.usd, picture.sure) == (Decimal("0.03"), "exact")
    tokens = next(sold for sold in index.entries["openai/gpt-image-2"].sold if sold.offer.provider == "openai").picture
    assert tokens is not None and tokens.sure == "about"


def test_an_offer_that_has_ended_counts_for_nothing(index: Index) -> None:
    over = make_index(load([], files(DATA)), frozenset({"openai"}), date(2030, 1, 1))
    ended = next(entry for entry in over.entries.values() if entry.sold and all(sold.over for sold in entry.sold))
    assert not ended.here

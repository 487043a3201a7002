"""The imported layer: beneath everything else, never a second time what is known already, and made when asked for."""

import time
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from penstock.catalogue.imported import (
    ImportedMeter,
    ImportedModel,
    ImportedOffer,
    ImportedProvider,
    Layer,
    Origin,
    files,
    read_layer,
    write_layer,
)
from penstock.catalogue.load import DATA, load
from penstock.catalogue.schema import CatalogueError
from penstock.catalogue.search import Catalogue
from penstock.core.call import Operation
from penstock.core.price import Unit
from penstock.core.target import Model, Offer, Provider

ORIGIN = Origin(name="LiteLLM", release="1.2", date=date(2026, 11, 21), address="https://example.com/file")
CHAT = frozenset({Operation.CHAT})
HOME = Provider(slug="home", name="Home", adapter="openai_compatible")
TALKER = Model(slug="own/talker-2.5", name="Talker", maker="Own", aliases=("talker",))
OFFER = Offer(model=TALKER.slug, provider="home", upstream="talker-one", operations=CHAT)
KNOWN = Catalogue().updated(models=[TALKER], providers=[HOME], offers=[OFFER])
WHOLE = load([], files(DATA))


def row(model: str, provider: str, upstream: str) -> ImportedOffer:
    meter = ImportedMeter(unit=Unit.REQUEST, amount=Decimal("0.5"))
    return ImportedOffer(
        model=model, provider=provider, upstream=upstream, operations=(Operation.CHAT,), meters=(meter,)
    )


def layer(*offers: ImportedOffer, aliases: tuple[str, ...] = ()) -> Layer:
    slugs = sorted({offer.model for offer in offers})
    return Layer(
        origin=ORIGIN,
        providers=tuple(ImportedProvider(slug=slug, name=slug) for slug in sorted({o.provider for o in offers})),
        models=tuple(ImportedModel(slug=slug, name=slug, maker="Own", aliases=aliases) for slug in slugs),
        offers=offers,
    )


def ids(catalogue: Catalogue, slug: str) -> list[str]:
    return [offer.id for offer in catalogue.offers(slug)]


@pytest.mark.parametrize(
    ("model", "upstream", "aliases"),
    [
        pytest.param("own/talker-2.5", "x", (), id="slug"),
        pytest.param("own/talker-2-5", "x", (), id="slug in another spelling"),
        pytest.param("own/speaker", "x", ("talker",), id="alias"),
        pytest.param("own/speaker", "talker-one", (), id="offer"),
    ],
)
def test_a_model_that_is_known_is_not_known_twice(model: str, upstream: str, aliases: tuple[str, ...]) -> None:
    below = layer(row(model, "home", upstream), row(model, "away", "y"), aliases=aliases)
    catalogue = KNOWN.underlaid(below)
    assert list(catalogue.models) == [TALKER.slug]
    assert ids(catalogue, TALKER.slug) == ["home/talker-one", "away/y"]


def test_a_model_that_is_not_known_is_added_with_its_offers_and_providers() -> None:
    catalogue = KNOWN.underlaid(
        layer(row("other/writer", "away", "w"), row("other/writer", "home", "w"), aliases=("w",))
    )
    assert catalogue.find("W") == catalogue.models["other/writer"]
    assert ids(catalogue, "other/writer") == ["home/w", "away/w"]  # those who are known come first
    assert catalogue.providers["away"].adapter == ""
    assert catalogue.offer("away/w") == catalogue.offers("other/writer")[1]
    assert catalogue.offer("away/nothing") is None
    assert catalogue.counts() == {"home": 2, "away": 1}


def test_a_name_that_is_taken_stays_with_whoever_has_it() -> None:
    catalogue = KNOWN.underlaid(layer(row("other/talker", "away", "w"), aliases=("talker",)))
    found = catalogue.find("talker")
    assert found is not None and found.slug == TALKER.slug
    assert catalogue.models["other/talker"].aliases == ()


def test_an_imported_price_says_that_it_is() -> None:
    catalogue = KNOWN.underlaid(layer(row("other/writer", "away", "w")))
    (offer,) = catalogue.offers("other/writer")
    assert offer.price is not None and catalogue.is_imported(offer) and not catalogue.is_imported(OFFER)
    assert offer.price.note == "Imported from LiteLLM 1.2."
    assert offer.price.source == "https://example.com/file (LiteLLM 1.2)"
    assert offer.price.checked == ORIGIN.date


def test_later_layers_come_over_an_imported_one() -> None:
    catalogue = KNOWN.underlaid(layer(row("other/writer", "home", "w")))
    (imported,) = catalogue.offers("other/writer")
    written = catalogue.updated(offers=[replace(imported, note="ours")])
    assert [offer.note for offer in written.offers("other/writer")] == ["ours"]
    assert written.counts()["home"] == 2
    moved = catalogue.updated(offers=[replace(imported, model=TALKER.slug)])
    assert ids(moved, TALKER.slug) == ["home/talker-one", "home/w"] and ids(moved, "other/writer") == []


def test_what_is_sold_by_some_is_listed_with_their_offers() -> None:
    catalogue = KNOWN.underlaid(layer(row("other/writer", "away", "w"), row("other/reader", "home", "r")))
    sold = {model.slug: [offer.id for offer in offers] for model, offers in catalogue.sold({"home"})}
    assert sold == {TALKER.slug: ["home/talker-one"], "other/reader": ["home/r"]}


def test_of_two_files_with_one_offer_the_first_counts() -> None:
    catalogue = KNOWN.underlaid(layer(row("other/writer", "away", "w"))).underlaid(
        layer(row("other/writer", "away", "w"), row("other/writer", "home", "w"))
    )
    assert ids(catalogue, "other/writer") == ["away/w", "home/w"]


def test_an_owner_s_file_takes_the_place_of_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    write_layer(layer(row("other/writer", "away", "w")), tmp_path / "imported" / "litellm.json")
    write_layer(layer(row("other/reader", "away", "r")), tmp_path / "imported" / "mine.json")
    found = files(DATA, tmp_path)
    assert [path.name for path in found] == ["litellm.json", "mine.json"]
    catalogue = load([tmp_path], found)
    assert catalogue.find("other/writer") and catalogue.find("other/reader")
    assert catalogue.find("openai/gpt-4o") is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "import it again, or delete it"),
        (
            '{"origin":{"name":"L","release":"1","date":"2026-11-21","address":"a"},"providers":[],"models":[],'
            '"offers":[{"model":"a/b","provider":"c","upstream":"d"}]}',
            "model 'a/b'",
        ),
    ],
)
def test_a_file_that_is_broken_is_refused_with_what_to_do(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match=sentence):
        read_layer(tmp_path / "x.json")


def test_the_whole_catalogue_knows_every_shipped_model_once() -> None:
    shipped = load()
    assert set(shipped.models) <= set(WHOLE.models)
    assert all(WHOLE.find(alias) == model for model in shipped.models.values() for alias in model.aliases)
    for model in shipped.models.values():
        assert WHOLE.offers(model.slug)[: len(shipped.offers(model.slug))] == shipped.offers(model.slug)


def test_every_imported_offer_can_be_made() -> None:
    offers = WHOLE.all_offers
    assert len(offers) == len({offer.id for offer in offers}) == sum(WHOLE.counts().values())
    assert all(offer.model in WHOLE.models and offer.provider in WHOLE.providers for offer in offers)


@pytest.mark.parametrize("name", ["openai/gpt-4o-minii", "claude-sonet-4.5", "llama 3.3 70b", "x" * 5000, "-a" * 90])
def test_the_nearest_of_thousands_of_names_are_found_in_some_milliseconds(name: str) -> None:
    WHOLE.nearest("the index is made for the first who asks")
    took = []
    for _ in range(3):
        start = time.process_time()
        WHOLE.nearest(name)
        took.append(time.process_time() - start)
    assert min(took) < 0.01


def test_a_mistyped_name_is_near_the_right_one() -> None:
    assert WHOLE.nearest("openai/gpt-4o-minii")[0] == "openai/gpt-4o-mini"
    assert WHOLE.nearest("claude-sonet-4.5")[0] == "anthropic/claude-sonnet-4.5"

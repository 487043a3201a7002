"""Reading catalogue files: layers, families, and every fault told with its file and its remedy."""

import time
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from penstock.catalogue.configured import configured
from penstock.catalogue.imported import files
from penstock.catalogue.load import DATA, load, read_model, read_offer
from penstock.catalogue.schema import CatalogueError
from penstock.core.call import Operation
from penstock.core.price import Meter, Unit
from penstock.settings import Settings

MODEL = 'name = "Mine"\nmaker = "Me"\noutput_modalities = ["image"]\naliases = ["mine"]\n'
PROVIDER = '[here]\nname = "Here"\nadapter = "openai_compatible"\nbase_url = "http://127.0.0.1:1"\n'
OFFER = '[[offer]]\nmodel = "me/mine"\nupstream = "mine-1"\noperations = ["image_generation"]\n'
BENCHMARK = '[benchmark]\nname = "Ours"\npage = "http://wiki/pictures"\nmeasures = "What we like."\n'
RATING = '[[rating]]\nmodel = "black-forest-labs/flux.2-pro"\noperation = "image_generation"\n'
RATED = RATING + "score = 7.5\nchecked = 2026-11-20\n"
PRICE = '[offer.price]\nsource = "a letter"\nchecked = 2026-11-20\n'


def folder(place: Path, **files: str) -> Path:
    for name, text in files.items():
        path = place / PLACES.get(name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return place


PLACES = {
    "model": "models/me/mine.toml",
    "provider": "providers.toml",
    "offers": "offers/here.toml",
    "units": "units.toml",
    "benchmark": "benchmarks/ours.toml",
    "stray": "notes/here.toml",
}


def test_a_folder_adds_a_model_a_provider_and_an_offer(tmp_path: Path) -> None:
    text = OFFER + "limits = { free_size = true, max_ratio = 3 }\n" + PRICE
    text += 'meters = [{ unit = "text_token_in", amount = "2.5", per = 1000000 }, { unit = "image", amount = 0.1 }]\n'
    catalogue = load([folder(tmp_path, model=MODEL, provider=PROVIDER, offers=text)])
    (offer,) = catalogue.offers("me/mine")
    assert offer.id == "here/mine-1"
    assert offer.operations == {Operation.IMAGE_GENERATION}
    assert offer.limits.free_size and offer.limits.max_ratio == 3.0
    assert offer.price is not None
    assert offer.price.checked == date(2026, 11, 20)
    assert offer.price.meters == (
        Meter(unit=Unit.TEXT_TOKEN_IN, amount=Decimal("0.0000025")),
        Meter(unit=Unit.IMAGE, amount=Decimal("0.1")),
    )
    assert catalogue.models["me/mine"].image_only
    assert catalogue.providers["here"].adapter == "openai_compatible"
    assert len(catalogue.models) == len(load().models) + 1


def test_a_later_folder_replaces_by_slug_and_id_and_keeps_the_place(tmp_path: Path) -> None:
    before = [offer.id for offer in load().offers("qwen/qwen3.8-27b")]
    cheaper = '[[offer]]\nmodel = "qwen/qwen3.8-27b"\nupstream = "qwen/qwen3.8-27b"\noperations = ["chat"]\n'
    cheaper += PRICE + 'meters = [{ unit = "request", amount = "1" }]\n'
    first = folder(tmp_path / "1", **{"offers/groq.toml": cheaper, "models/qwen/qwen3.8-27b.toml": MODEL})
    second = folder(tmp_path / "2", **{"models/qwen/qwen3.8-27b.toml": MODEL.replace("Mine", "Other")})
    catalogue = load([first, second])
    assert [offer.id for offer in catalogue.offers("qwen/qwen3.8-27b")] == before
    price = catalogue.offers("qwen/qwen3.8-27b")[0].price
    assert price is not None and price.meters == (Meter(unit=Unit.REQUEST, amount=Decimal(1)),)
    assert catalogue.models["qwen/qwen3.8-27b"].name == "Other"


def test_an_offer_of_a_later_folder_may_say_only_what_it_changes(tmp_path: Path) -> None:
    (before,) = [offer for offer in load().all_offers if offer.id == "bfl/flux-2-pro"]
    text = '[[offer]]\nupstream = "flux-2-pro"\nnote = "ours"\nlimits = { max_n = 2 }\n'
    text += PRICE + 'meters = [{ unit = "image", amount = "0.02" }]\n'
    (after,) = [
        offer
        for offer in load([folder(tmp_path, **{"offers/bfl.toml": text})]).all_offers
        if offer.id == "bfl/flux-2-pro"
    ]
    assert after.price is not None and after.price.meters == (Meter(unit=Unit.IMAGE, amount=Decimal("0.02")),)
    assert after == replace(before, note="ours", limits=replace(before.limits, max_n=2), price=after.price)


def test_an_offer_that_nobody_knows_must_be_whole(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="`model`"):
        load([folder(tmp_path, **{"offers/bfl.toml": '[[offer]]\nupstream = "flux-9"\n'})])


def test_the_configuration_may_say_only_what_it_changes_of_an_imported_offer(tmp_path: Path) -> None:
    raw = {"data": str(tmp_path), "providers": {"openai": {"offers": [{"upstream": "gpt-4o", "note": "ours"}]}}}
    before = configured(msgspec.convert({"data": str(tmp_path)}, Settings)).offer("openai/gpt-4o")
    catalogue = configured(msgspec.convert(raw, Settings))
    after = catalogue.offer("openai/gpt-4o")
    assert before is not None and after == replace(before, note="ours")
    assert not catalogue.is_imported(after)
    assert [offer.id for offer in catalogue.offers("openai/gpt-4o")].count("openai/gpt-4o") == 1


def test_the_configuration_may_say_what_a_provider_does_with_prompts(tmp_path: Path) -> None:
    raw = {"data": str(tmp_path), "providers": {"openai": {"trains_on_prompts": False, "zero_retention": True}}}
    before = load().providers["openai"]
    after = configured(msgspec.convert(raw, Settings)).providers["openai"]
    assert after == replace(before, trains_on_prompts=False, zero_retention=True)


def test_a_provider_s_facts_and_an_offer_s_numbers_are_read(tmp_path: Path) -> None:
    provider = PROVIDER + 'cancels = ["chat"]\ntrains_on_prompts = true\nzero_retention = false\n'
    offers = OFFER + 'quantization = "fp8"\n'
    catalogue = load([folder(tmp_path, model=MODEL, provider=provider, offers=offers)])
    here = catalogue.providers["here"]
    assert (here.cancels, here.trains_on_prompts, here.zero_retention) == (("chat",), True, False)
    assert [offer.quantization for offer in catalogue.offers("me/mine")] == ["fp8"]


def test_ratings_of_one_s_own_models_are_read(tmp_path: Path) -> None:
    text = BENCHMARK + RATED.replace("black-forest-labs/flux.2-pro", "me/mine") + "interval = 0.5\nvotes = 12\n"
    catalogue = load([folder(tmp_path, model=MODEL, benchmark=text)])
    assert catalogue.rating("me/mine", Operation.IMAGE_GENERATION) == 7.5
    assert catalogue.rating("me/mine", Operation.IMAGE_EDIT) is None
    (rating,) = catalogue.benchmarks["ours"].ratings
    assert (rating.interval, rating.votes, rating.rank, rating.checked) == (0.5, 12, None, date(2026, 11, 20))
    assert set(load().benchmarks) < set(catalogue.benchmarks)


def test_a_benchmark_of_a_later_folder_replaces_the_one_of_its_name(tmp_path: Path) -> None:
    catalogue = load([folder(tmp_path, **{"benchmarks/arena.toml": BENCHMARK + RATED})])
    assert catalogue.rating("black-forest-labs/flux.2-pro", Operation.IMAGE_GENERATION) == 7.5
    assert catalogue.rating("openai/gpt-image-2", Operation.IMAGE_GENERATION) is None


def test_offers_come_in_the_order_of_the_providers(tmp_path: Path) -> None:
    two = PROVIDER + '[again]\nname = "Again"\nadapter = ""\n'
    catalogue = load([folder(tmp_path, model=MODEL, provider=two, **{"offers/again.toml": OFFER, "offers": OFFER})])
    assert [offer.provider for offer in catalogue.offers("me/mine")] == ["here", "again"]


def test_a_family_fills_in_what_the_offer_does_not_say(tmp_path: Path) -> None:
    text = (
        '[family.small]\noperations = ["image_generation"]\nwire = "w"\nparameters = ["a"]\n'
        '[family.small.defaults]\nsize = "1x1"\n'
        "[family.small.limits]\nseed = true\nmax_n = 4\n"
        '[[offer]]\nmodel = "me/mine"\nupstream = "mine-1"\nfamily = "small"\nparameters = ["b"]\n'
        'limits = { max_n = 2 }\ndefaults = { quality = "low" }\n'
    )
    (offer,) = load([folder(tmp_path, model=MODEL, provider=PROVIDER, offers=text)]).offers("me/mine")
    assert (offer.wire, offer.parameters) == ("w", {"b"})
    assert (offer.limits.seed, offer.limits.max_n) == (True, 2)
    assert offer.defaults == {"size": "1x1", "quality": "low"}


@pytest.mark.parametrize(
    ("files", "file", "sentence"),
    [
        pytest.param({"model": MODEL + "lisence = 1"}, "mine.toml", "did you mean 'licence'", id="key of a model"),
        pytest.param({"model": 'name = "Mine"'}, "mine.toml", "`maker`", id="missing key"),
        pytest.param({"model": MODEL + "created = 7"}, "mine.toml", "created: expected", id="wrong kind of value"),
        pytest.param({"model": "name = "}, "mine.toml", "not TOML", id="broken file"),
        pytest.param({"models/me/Mine.toml": MODEL}, "Mine.toml", "small letters", id="capitals in a slug"),
        pytest.param({"model": MODEL, "models/me/x.toml": MODEL}, "", "both claim the name 'mine'", id="shared alias"),
        pytest.param({"provider": PROVIDER + "adaptor = 1"}, "providers.toml, [here]", "'adapter'", id="provider key"),
        pytest.param({"provider": "here = 1"}, "providers.toml, [here]", "expected a table", id="not a table"),
        pytest.param({"units": "[pixel]"}, "units.toml", "no unit 'pixel'", id="unknown unit"),
        pytest.param({"stray": ""}, "here.toml", "models/<maker>/<name>.toml", id="file in the wrong place"),
        pytest.param({"offers": OFFER, "model": MODEL}, "here.toml", "no provider 'here'", id="unknown provider"),
        pytest.param({"offers": OFFER, "provider": PROVIDER}, "here.toml", "no model", id="unknown model"),
        pytest.param(
            {"offers": OFFER.replace("me/mine", "bfl/flux.2-pr"), "provider": PROVIDER},
            "here.toml",
            "did you mean 'black-forest-labs/flux.2-pro'",
            id="nearest model",
        ),
        pytest.param({"offers": OFFER + "wires = 1"}, "offer mine-1", "did you mean 'wire'", id="key of an offer"),
        pytest.param({"offers": OFFER + OFFER}, "offer mine-1", "written twice", id="offer written twice"),
        pytest.param({"offers": OFFER + 'family = "x"'}, "offer mine-1", "[family.x]", id="unknown family"),
        pytest.param({"offers": "[[offers]]"}, "here.toml", "did you mean 'offer'", id="key of an offers file"),
        pytest.param(
            {"offers": OFFER + "limits = { max_pixel = 1 }"},
            "offer mine-1, limits",
            "did you mean 'max_pixels'",
            id="key of the limits",
        ),
        pytest.param(
            {"offers": OFFER + 'limits = { sizes = ["1024"] }'}, "offer mine-1, limits", "1024x1024", id="not a size"
        ),
        pytest.param(
            {"offers": OFFER + "image_tokens = { per_reference = 1 }"},
            "offer mine-1, image_tokens",
            "needs a table",
            id="image tokens that say nothing",
        ),
        pytest.param({"offers": OFFER + 'quantization = "q4"'}, "offer mine-1", "quantization", id="quantization"),
        pytest.param({"benchmark": RATED}, "ours.toml", "`benchmark`", id="ratings of nobody"),
        pytest.param(
            {"benchmark": BENCHMARK.replace("page", "pages")}, "[benchmark]", "did you mean 'page'", id="benchmark key"
        ),
        pytest.param({"benchmark": BENCHMARK + RATING}, "rating 1", "`score`", id="rating without a score"),
        pytest.param({"benchmark": BENCHMARK + RATING + "score = 7"}, "rating 1", "`checked`", id="undated rating"),
        pytest.param(
            {"benchmark": BENCHMARK + RATED.replace("image_generation", "embedding")},
            "rating 1",
            "operation",
            id="operation that is not rated",
        ),
        pytest.param(
            {"benchmark": BENCHMARK + RATED.replace("flux.2-pro", "flux.2-por")},
            "ours.toml",
            "did you mean 'black-forest-labs/flux.2-pro'",
            id="rating of an unknown model",
        ),
        pytest.param({"offers": OFFER + PRICE}, "offer mine-1, price", "meters", id="price without meters"),
        pytest.param({"offers": OFFER + PRICE + "meters = []"}, "price", "no meters", id="price with no meter"),
        pytest.param(
            {"offers": OFFER + '[offer.price]\nsource = "a"\nmeters = []'},
            "price",
            "checked",
            id="price without a date",
        ),
        pytest.param(
            {"offers": OFFER + PRICE + 'meters = [{ unit = "image", amount = "1", per = 3 }]'},
            "price, meter 1",
            "per",
            id="inexact division",
        ),
        pytest.param(
            {"offers": OFFER + PRICE + 'meters = [{ unit = "image", amount = "-1" }]'},
            "price, meter 1",
            "below zero",
            id="negative amount",
        ),
        pytest.param(
            {"offers": OFFER + PRICE + 'meters = [{ unit = "image", amount = "1", pixels = 0 }]'},
            "price, meter 1",
            "pixels",
            id="no pixels",
        ),
        pytest.param(
            {"offers": OFFER + PRICE + 'meters = [{ unit = "images", amount = "1" }]'},
            "price, meter 1",
            "unit: invalid",
            id="unknown unit of a meter",
        ),
        pytest.param(
            {"offers": OFFER + PRICE + 'meters = [{ unit = "image", amount = "1", when = { color = ["red"] } }]'},
            "price, meter 1",
            "when",
            id="term that no call has",
        ),
    ],
)
def test_a_fault_is_refused_with_its_file_and_what_to_do(
    tmp_path: Path, files: dict[str, str], file: str, sentence: str
) -> None:
    with pytest.raises(CatalogueError) as raised:
        load([folder(tmp_path, **files)])
    assert str(tmp_path) in str(raised.value)
    assert file in str(raised.value)
    assert sentence in str(raised.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such folder"):
        load([tmp_path / "nowhere"])


def test_rows_from_the_configuration_are_read_like_files() -> None:
    model = read_model("me/mine", {"name": "Mine", "maker": "Me"}, "the configuration")
    offer = read_offer("bfl", {"model": "me/mine", "upstream": "m", "operations": ["chat"]}, "the configuration")
    assert load().updated(models=[model], offers=[offer]).offers("me/mine") == (offer,)
    with pytest.raises(CatalogueError, match=r"the configuration: .*slug"):
        read_model("mine", {"name": "Mine", "maker": "Me"}, "the configuration")


def test_the_shipped_catalogue_loads_in_a_moment() -> None:
    took = []
    for _ in range(3):
        start = time.process_time()
        load([], files(DATA))
        took.append(time.process_time() - start)
    assert min(took) < 0.12


def test_the_shipped_data_is_where_the_loader_looks() -> None:
    assert (DATA / "providers.toml").is_file()

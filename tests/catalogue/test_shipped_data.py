"""What holds of every row that is shipped."""

from datetime import date
from decimal import Decimal

import pytest

from penstock.catalogue.load import load
from penstock.catalogue.schema import Benchmark, RatingRow
from penstock.catalogue.sizes import CLASSES, parse_ratio
from penstock.core.call import Operation
from penstock.core.money import from_pico, to_pico
from penstock.core.price import Unit
from penstock.core.target import Model, Offer, Provider
from penstock.providers import ADAPTERS
from penstock.providers.bfl_wire import WIRES
from penstock.providers.openai_quirks import check

CATALOGUE = load()
PICTURES = {Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT}
FLUX = (
    "flux.2-pro flux.2-pro-preview flux.2-max flux.2-flex flux.2-klein-4b flux.2-klein-9b flux.2-klein-9b-preview "
    "flux.1.1-pro flux.1.1-pro-ultra flux.1-dev flux.1-kontext-pro flux.1-kontext-max flux.1-fill-pro "
    "flux.1-expand-pro flux.3-image flux.3-image-klein"
).split()
each_offer = pytest.mark.parametrize("offer", CATALOGUE.all_offers, ids=lambda offer: offer.id)
each_model = pytest.mark.parametrize("model", CATALOGUE.models.values(), ids=lambda model: model.slug)
each_provider = pytest.mark.parametrize("provider", CATALOGUE.providers.values(), ids=lambda provider: provider.slug)


@pytest.mark.parametrize("name", FLUX)
def test_every_flux_model_is_there_with_an_offer_of_its_maker(name: str) -> None:
    offers = CATALOGUE.offers(f"black-forest-labs/{name}")
    assert offers[0].provider == "bfl"


SELLS = {
    "bfl": "1.1-pro 1.1-pro-ultra 1-dev 1-kontext-pro 1-kontext-max 1-fill-pro 1-expand-pro 1-pro 1-canny-pro "
    "1-depth-pro 2-pro 2-pro-preview 2-max 2-flex 2-klein-4b 2-klein-9b 2-klein-9b-preview 3-image 3-image-klein",
    "fal": "2-pro 2-max 2-flex 2-dev 2-dev-turbo 2-dev-flash 2-klein-4b 2-klein-9b 2-klein-base-4b 2-klein-base-9b "
    "3-image 3-image-klein 3-image-klein-base 1.1-pro 1.1-pro-ultra 1-kontext-pro 1-kontext-max 1-fill-pro 1-dev "
    "1-schnell 1-dev-depth",
    "replicate": "2-pro 2-max 2-flex 2-dev 1.1-pro 1-kontext-pro 1-kontext-max 1-pro 1-dev 1-schnell",
    "together": "1-schnell 1.1-pro 1-kontext-pro 1-kontext-max 2-pro 2-dev 2-flex 2-max",
    "openrouter": "2-pro 2-max 2-flex 2-klein-4b",
    "deepinfra": "2-dev",
    "fireworks": "1-kontext-pro 1-kontext-max 1-dev 1-schnell",
    "aimlapi": "1-pro 1.1-pro 1.1-pro-ultra 1-dev 1-schnell 1-realism 1-kontext-pro 1-kontext-max",
    "cloudflare": "1-schnell 2-dev 2-klein-4b 2-klein-9b",
    "azure": "2-pro 2-flex 1.1-pro 1-kontext-pro",
    "runware": "2-pro 3-image",
}
"""Provider to the FLUX models it sells, without `black-forest-labs/flux.`."""

OTHERS = {
    "openai": "gpt-image-1 gpt-image-1-mini gpt-image-1.5 chatgpt-image-latest gpt-image-2 gpt-image-2.5-flare "
    "gpt-image-2.5-sunburst dall-e-2 dall-e-3",
    "google": "gemini-2.5-flash-image gemini-3-pro-image gemini-3.1-flash-image gemini-3.1-flash-lite-image "
    "gemini-nano-banana-2.1",
    "vertex": "gemini-2.5-flash-image gemini-3-pro-image gemini-3.1-flash-image gemini-3.1-flash-lite-image "
    "gemini-nano-banana-2.1",
    "xai": "grok-imagine-image grok-imagine-image-quality grok-imagine-image-2.0",
    "bedrock": "stable-diffusion-3.5-large stable-image-core stable-image-ultra nova-canvas",
    "stability": "stable-image-ultra stable-image-core stable-diffusion-3.5-large stable-diffusion-3.5-large-turbo "
    "stable-diffusion-3.5-medium",
    "ideogram": "ideogram-v3 ideogram-v4",
    "recraft": "recraft-v4.1 recraft-v4.1-pro recraft-v3 recraft-v2 recraft-flash",
    "replicate": "ideogram-v3",
}
"""Provider to the other picture models it sells, without their makers."""


@pytest.mark.parametrize("provider", sorted(SELLS.keys() | OTHERS.keys()))
def test_a_provider_sells_every_picture_model_that_is_known_of_it(provider: str) -> None:
    sold = {offer.model for offer in CATALOGUE.all_offers if offer.provider == provider}
    flux = {f"black-forest-labs/flux.{name}" for name in SELLS.get(provider, "").split()}
    assert flux <= sold
    assert set(OTHERS.get(provider, "").split()) <= {slug.partition("/")[2] for slug in sold}


@pytest.mark.parametrize(
    ("offer", "day", "successor"),
    [
        ("openai/gpt-image-1", date(2026, 10, 23), "openai/gpt-image-2"),
        ("openai/gpt-image-1-mini", date(2026, 12, 1), ""),
        ("openai/gpt-image-1.5", date(2026, 12, 1), "openai/gpt-image-2"),
        ("bedrock/amazon.nova-canvas-v1:0", date(2026, 9, 30), ""),
        ("xai/grok-imagine-image-quality", date(2026, 11, 2), "x-ai/grok-imagine-image-2.0"),
        ("google/gemini-2.5-flash-image", date(2027, 3, 15), "google/gemini-3.1-flash-image"),
        ("vertex/gemini-2.5-flash-image", date(2027, 3, 15), "google/gemini-3.1-flash-image"),
        ("azure/flux.2-pro", date(2027, 1, 20), ""),
    ],
)
def test_what_its_provider_retires_has_its_last_day_and_perhaps_a_successor(
    offer: str, day: date, successor: str
) -> None:
    (found,) = (one for one in CATALOGUE.all_offers if one.id == offer)
    assert found.deprecates == day
    assert CATALOGUE.models[found.model].successor == successor


@each_model
def test_a_successor_is_another_model_of_its_maker(model: Model) -> None:
    if model.successor:
        assert model.successor != model.slug
        assert CATALOGUE.models[model.successor].maker == model.maker


def test_moderated_calls_are_charged_where_that_was_reported() -> None:
    charging = {slug: row.charges_moderated for slug, row in CATALOGUE.providers.items() if row.charges_moderated}
    assert charging == {"fal": ("output",)}


@each_model
def test_a_model_says_what_it_is_and_somebody_sells_it(model: Model) -> None:
    assert model.name and model.maker and len(model.description) > 40
    assert CATALOGUE.offers(model.slug)
    assert all(CATALOGUE.find(alias) is model for alias in model.aliases)


@each_offer
def test_an_offer_does_what_its_model_makes(offer: Offer) -> None:
    model = CATALOGUE.models[offer.model]
    makes = {Operation.CHAT: "text", Operation.EMBEDDING: "embeddings"}
    assert offer.operations or offer.note, "an offer that cannot be asked for says why"
    assert all(makes.get(operation, "image") in model.output_modalities for operation in offer.operations)
    assert (Operation.IMAGE_EDIT in offer.operations) == (offer.limits.max_references > 0)
    assert offer.limits.min_references <= offer.limits.max_references
    if Operation.IMAGE_EDIT in offer.operations:
        assert "image" in model.input_modalities


@each_offer
def test_a_price_has_a_source_a_date_and_no_fraction_of_a_pico_dollar(offer: Offer) -> None:
    if offer.price is None:
        assert offer.note, "an unpriced offer says why"
        return
    assert offer.price.source
    assert date(2026, 11, 20) <= offer.price.checked <= date(2026, 11, 21)
    for meter in offer.price.meters:
        assert (meter.first or meter.amount) > 0
        assert from_pico(to_pico(meter.amount)) == meter.amount
    assert not offer.price.unverified or offer.price.note


@each_offer
def test_limits_are_written_in_our_spelling(offer: Offer) -> None:
    limits = offer.limits
    assert set(limits.resolutions) <= set(CLASSES)
    assert all(parse_ratio(ratio) for ratio in limits.aspect_ratios)
    assert set(limits.output_formats) <= {"png", "jpeg", "webp"}
    assert set(limits.backgrounds) <= {"transparent", "opaque", "auto"}
    if limits.free_size:
        assert limits.max_pixels or limits.max_side or not CATALOGUE.providers[offer.provider].adapter


@each_offer
def test_a_token_priced_picture_can_be_estimated(offer: Offer) -> None:
    units = {meter.unit for meter in offer.price.meters} if offer.price else set()
    if Unit.IMAGE_TOKEN_OUT in units:
        assert offer.image_tokens is not None


@each_offer
def test_an_offer_of_black_forest_labs_lets_through_what_its_wire_takes(offer: Offer) -> None:
    if offer.provider != "bfl" or not offer.operations:
        return
    wire, limits = WIRES[offer.wire], offer.limits
    assert offer.parameters == set(wire.options)
    assert limits.free_size == wire.size
    assert bool(limits.aspect_ratios) == wire.aspect_ratio
    assert bool(limits.resolutions) == wire.resolution
    assert limits.seed == wire.seed
    assert bool(limits.output_formats) == wire.output_format
    assert (limits.min_references, limits.max_references) == (wire.fewest, wire.most)
    assert limits.mask == wire.mask


@each_provider
def test_a_provider_is_spoken_to_by_an_adapter_that_exists(provider: Provider) -> None:
    assert provider.adapter in {"", *ADAPTERS}
    if provider.adapter not in {"", "sandbox"}:
        assert provider.base_url.startswith("https://")
        assert provider.key_variable.endswith("_API_KEY")
    if provider.adapter == "openai_compatible":
        check(provider.quirks)
        assert ("cost_field" in provider.quirks) == (provider.cost_unit_usd is not None)
    assert any(offer.provider == provider.slug for offer in CATALOGUE.all_offers)


@pytest.mark.parametrize("unit", Unit)
def test_every_unit_has_words_for_people(unit: Unit) -> None:
    row = CATALOGUE.units[unit]
    assert row.name and row.plural and row.description.endswith(".")


def test_the_sandbox_costs_what_flux_2_pro_does() -> None:
    (sandbox,), pro = CATALOGUE.offers("sandbox/image"), CATALOGUE.offers("black-forest-labs/flux.2-pro")[0]
    assert sandbox.price is not None and pro.price is not None
    assert sandbox.price.meters == pro.price.meters
    assert sandbox.price.meters[0].first == Decimal("0.03")
    assert CATALOGUE.providers["sandbox"].key_variable == ""


RATINGS = [(benchmark, rating) for benchmark in CATALOGUE.benchmarks.values() for rating in benchmark.ratings]


@pytest.mark.parametrize("rated", RATINGS, ids=lambda rated: f"{rated[1].model} {rated[1].operation}")
def test_a_rating_has_a_source_and_a_day_and_is_of_what_the_model_is_sold_for(
    rated: tuple[Benchmark, RatingRow],
) -> None:
    benchmark, rating = rated
    assert benchmark.about.page.startswith("https://")
    assert benchmark.about.name and benchmark.about.measures.endswith(".") and rating.note.endswith(".")
    assert date(2026, 1, 1) <= rating.checked <= date(2026, 11, 27)
    assert any(rating.operation in offer.operations for offer in CATALOGUE.offers(rating.model))


@pytest.mark.parametrize(
    ("slug", "operation", "score"),
    [
        ("openai/gpt-image-2", Operation.IMAGE_GENERATION, 1381),
        ("black-forest-labs/flux.2-pro", Operation.IMAGE_GENERATION, 1157),
        ("black-forest-labs/flux.2-pro", Operation.IMAGE_EDIT, 1241),
        ("black-forest-labs/flux.2-max", Operation.IMAGE_GENERATION, None),
    ],
)
def test_only_what_was_read_somewhere_is_rated(slug: str, operation: Operation, score: float | None) -> None:
    assert CATALOGUE.rating(slug, operation) == score


def test_only_the_sandbox_is_known_to_keep_and_learn_nothing() -> None:
    known = {slug: (row.trains_on_prompts, row.zero_retention) for slug, row in CATALOGUE.providers.items()}
    assert {slug: facts for slug, facts in known.items() if facts != (None, None)} == {"sandbox": (False, True)}

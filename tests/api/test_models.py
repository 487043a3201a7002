"""The lists of models in both dialects, read by the clients they are for."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openai.types
import openrouter.components as router
import pytest

from penstock.api import models, openrouter_models
from penstock.api.capabilities import (
    BooleanCapability,
    EnumCapability,
    RangeCapability,
    SizeBounds,
    capabilities,
    union,
)
from penstock.api.price_lines import price_lines, public_pricing
from penstock.api.routes import ROUTES, Router
from penstock.catalogue.load import load
from penstock.core.call import Operation
from penstock.core.errors import BadRequest, MethodNotAllowed, NotFound
from penstock.core.price import Meter, Unit
from penstock.core.principal import Scope
from penstock.core.target import Limits, Offer
from penstock.upstream.health import Healths
from penstock.upstream.results import Result
from tests.api import listed
from tests.api.listed import FLUX_PRICE, MODELS, OFFERS, PICTURES, body, decoded, price, request
from tests.store.samples import HandClock

FLUX = MODELS[0]


def gateway(*arguments: Any, **more: Any) -> Any:
    """The listed models, at offers of which nothing is known yet."""
    here = listed.gateway(*arguments, **more)
    here.healths, here.clock = Healths(), HandClock()
    return here


async def ids(query: str = "", **more: Any) -> list[str]:
    answer = decoded(await openrouter_models.router_models(gateway(**more), request("/api/v1/models", query)))
    return [model["id"] for model in answer["data"]]


async def test_the_list_holds_the_models_that_a_provider_switched_on_serves() -> None:
    answer = decoded(await models.models(gateway(), request()))
    assert answer["object"] == "list"
    assert [model["id"] for model in answer["data"]] == ["maker/flux", "maker/chat", "other/words", "other/vectors"]


async def test_a_provider_switched_off_takes_its_models_off_the_list() -> None:
    answer = decoded(await models.models(gateway(off=("off", "home")), request()))
    assert [(model["id"], model["providers"]) for model in answer["data"]] == [
        ("maker/flux", ["away"]),
        ("other/words", ["away"]),
        ("other/vectors", ["away"]),
    ]


async def test_openais_client_reads_every_shipped_model() -> None:
    answer = decoded(await models.models(gateway(load()), request()))
    read = [openai.types.Model.model_validate(model) for model in answer["data"]]
    assert len(read) > 20
    assert all(model.created > 1_600_000_000 and model.object == "model" and model.owned_by for model in read)


async def test_a_model_is_described_by_what_is_known_of_it() -> None:
    answer = decoded(await models.model(gateway(), request(), model="maker/flux"))
    assert answer == {
        "id": "maker/flux",
        "object": "model",
        "created": 1764028800,
        "owned_by": "maker",
        "name": "Flux",
        "description": "",
        "published": "2025-11-25",
        "input_modalities": ["text", "image"],
        "output_modalities": ["image"],
        "operations": ["image_generation", "image_edit"],
        "providers": ["home", "away"],
        "aliases": ["flux", "m/flux"],
        "context_length": None,
        "shutdown_date": "2027-06-01",
    }


@pytest.mark.parametrize(
    ("slug", "day", "published"),
    [
        ("maker/flux", date(2025, 11, 25), "2025-11-25"),
        ("maker/chat", date(2026, 2, 1), None),
        ("other/words", models.UNDATED, None),
    ],
    ids=["publication", "price first read", "neither"],
)
async def test_created_is_the_best_day_known(slug: str, day: date, published: str | None) -> None:
    answer = decoded(await models.model(gateway(), request(), model=slug))
    assert datetime.fromtimestamp(answer["created"], tz=UTC).date() == day
    assert answer["published"] == published


@pytest.mark.parametrize("name", ["maker/flux", "flux", "m/flux", "Maker/FLUX"])
async def test_a_model_is_found_by_slug_or_alias_in_any_case(name: str) -> None:
    route, parameters = Router(gateway(), _listing()).find("GET", f"/v1/models/{name}")
    assert route.handler is not None
    assert decoded(await route.handler(gateway(), request(), **parameters))["id"] == "maker/flux"


def _listing() -> tuple[Any, ...]:
    return tuple(route for route in ROUTES if route.handler is not None)


async def test_a_model_that_is_not_there_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(NotFound, match="Did you mean `maker/flux`") as raised:
        await models.model(gateway(), request(), model="maker/flx")
    assert raised.value.code == "model_not_found"


async def test_a_model_whose_providers_are_all_off_says_so() -> None:
    with pytest.raises(NotFound, match="no provider that serves it is switched on") as raised:
        await models.model(gateway(), request(), model="other/unserved")
    assert raised.value.code == "model_not_available"


async def test_a_model_ends_only_when_its_last_offer_does() -> None:
    lasting = gateway().catalogue.updated(offers=[replace(OFFERS[0], deprecates=None)])
    assert decoded(await models.model(gateway(lasting), request(), model="flux"))["shutdown_date"] is None


@pytest.mark.parametrize(
    ("path", "handler", "parameters"),
    [
        ("/v1/models", models.models, {}),
        ("/v1/models/maker/flux", models.model, {"model": "maker/flux"}),
        ("/api/v1/models", openrouter_models.router_models, {}),
        ("/api/v1/model/maker/flux", openrouter_models.router_model, {"author": "maker", "slug": "flux"}),
        ("/api/v1/models/maker/flux/endpoints", openrouter_models.endpoints, {"author": "maker", "slug": "flux"}),
        ("/api/v1/images/models", openrouter_models.image_models, {}),
        (
            "/api/v1/images/models/maker/flux/endpoints",
            openrouter_models.image_endpoints,
            {"author": "maker", "slug": "flux"},
        ),
    ],
)
def test_each_list_is_routed_for_keys_that_may_read(path: str, handler: Any, parameters: dict[str, str]) -> None:
    route, found = Router(gateway(), _listing()).find("GET", path)
    assert (route.handler, found, route.scope) == (handler, parameters, Scope.READ)


def test_a_list_cannot_be_posted_to() -> None:
    with pytest.raises(MethodNotAllowed):
        Router(gateway(), _listing()).find("POST", "/api/v1/images/models")


# OpenRouter's lists


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["maker/chat", "other/words"]),
        ("output_modalities=image", ["maker/flux"]),
        ("output_modalities=image,embeddings", ["maker/flux", "other/vectors"]),
        ("output_modalities=all", ["maker/flux", "maker/chat", "other/words", "other/vectors"]),
        ("output_modalities=all&input_modalities=text,image", ["maker/flux", "maker/chat"]),
        ("output_modalities=all&supported_parameters=seed,guidance", ["maker/flux"]),
        ("supported_parameters=max_tokens", ["maker/chat"]),
        ("output_modalities=all&q=M%2FFLUX", ["maker/flux"]),
        ("q=wor", ["other/words"]),
        ("providers=home", ["maker/chat"]),
        ("model_authors=other", ["other/words"]),
        ("output_modalities=all&sort=newest", ["other/vectors", "maker/chat", "maker/flux", "other/words"]),
        ("sort=context-high-to-low", ["maker/chat", "other/words"]),
        (
            "output_modalities=all&sort=pricing-low-to-high",
            ["other/vectors", "maker/chat", "maker/flux", "other/words"],
        ),
        (
            "output_modalities=all&sort=pricing-high-to-low",
            ["maker/chat", "other/vectors", "maker/flux", "other/words"],
        ),
        ("output_modalities=all&offset=1&limit=2", ["maker/chat", "other/words"]),
        ("output_modalities=all&offset=9", []),
    ],
)
async def test_models_are_narrowed_sorted_and_paged_by_the_query(query: str, found: list[str]) -> None:
    assert await ids(query) == found


async def test_pages_name_the_next_one_and_the_total() -> None:
    first = decoded(
        await openrouter_models.router_models(gateway(), request("/api/v1/models", "output_modalities=all&limit=3&q="))
    )
    assert first["total_count"] == 4
    path, _, query = first["links"]["next"].partition("?")
    assert path == "/api/v1/models"
    last = decoded(await openrouter_models.router_models(gateway(), request(path, query)))
    assert [model["id"] for model in last["data"]] == ["other/vectors"]
    assert last["links"] == {"next": None}


@pytest.mark.parametrize(
    ("query", "param", "words"),
    [
        ("zdr=true", "zdr", "cannot be narrowed by `zdr`"),
        ("sort=most-popular", "sort", "must be one of newest"),
        ("limit=0", "limit", "from 1 to 1000"),
        ("limit=many", "limit", "from 1 to 1000"),
        ("offset=-1", "offset", "from 0"),
    ],
)
async def test_a_query_that_cannot_be_answered_is_refused(query: str, param: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words) as raised:
        await openrouter_models.router_models(gateway(), request("/api/v1/models", query))
    assert raised.value.param == param


@pytest.fixture(scope="module")
def shipped() -> Any:
    """Every model of the shipped catalogue, as if every provider were on."""
    return gateway(load(), off=())


async def test_openrouters_client_reads_every_shipped_model(shipped: Any) -> None:
    reply = await openrouter_models.router_models(shipped, request("/api/v1/models", "output_modalities=all"))
    read = router.ModelsListResponse.model_validate_json(body(reply))
    assert read.total_count == len(read.data) == len(decoded(await models.models(shipped, request()))["data"])
    for model in read.data:
        author, slug = model.id.split("/")
        one = body(await openrouter_models.router_model(shipped, request(), author=author, slug=slug))
        assert router.ModelResponse.model_validate_json(one).data == model
        offers = decoded(await openrouter_models.endpoints(shipped, request(), author=author, slug=slug))
        assert router.ListEndpointsResponse.model_validate(offers["data"]).endpoints


async def test_openrouters_client_reads_every_shipped_image_model(shipped: Any) -> None:
    listed = router.ImageModelsListResponse.model_validate_json(
        body(await openrouter_models.image_models(shipped, request()))
    )
    assert len(listed.data) > 10
    for model in listed.data:
        author, slug = model.id.split("/")
        reply = await openrouter_models.image_endpoints(shipped, request(), author=author, slug=slug)
        for endpoint in router.ImageModelEndpointsResponse.model_validate_json(body(reply)).endpoints:
            assert not any(getattr(one, "is_unknown", False) for one in endpoint.supported_parameters.values())


async def test_no_shipped_image_model_looks_free(shipped: Any) -> None:
    reply = await openrouter_models.router_models(shipped, request("/api/v1/models", "output_modalities=image"))
    for model in decoded(reply)["data"]:
        assert Decimal(model["pricing"]["completion"]) != 0, model["id"]


async def test_what_is_not_measured_is_null() -> None:
    offers = decoded(await openrouter_models.endpoints(gateway(), request(), author="maker", slug="chat"))
    (offer,) = offers["data"]["endpoints"]
    unknown = [name for name in offer if name.startswith(("uptime", "latency", "throughput", "status"))]
    assert len(unknown) == 6 and all(offer[name] is None for name in unknown)
    assert (offer["tag"], offer["provider_name"], offer["context_length"]) == ("home", "Home", 100_000)


GOOD, BAD = Result(good=True, seconds=4.0, first_seconds=0.5, rate=20.0), Result(good=False, seconds=1.0)
LIMITED = Result(good=False, limited=True, seconds=0.1)


@pytest.mark.parametrize(
    ("model", "offer", "operation", "milliseconds"),
    [
        ("maker/chat", "home/chat", Operation.CHAT, 500.0),
        ("maker/flux", "home/flux", Operation.IMAGE_EDIT, 4000.0),
        ("other/vectors", "away/vectors", Operation.EMBEDDING, 4000.0),
    ],
)
async def test_what_is_measured_is_what_openrouters_client_reads(
    model: str, offer: str, operation: Operation, milliseconds: float
) -> None:
    here = gateway()
    for result, age in ((GOOD, 10), (BAD, 10), (LIMITED, 10), (GOOD, 1000), (GOOD, 1000), (BAD, 50_000)):
        here.healths.note(offer, operation, "", result, here.clock.monotonic() - age)
    author, slug = model.split("/")
    reply = decoded(await openrouter_models.endpoints(here, request(), author=author, slug=slug))
    read = router.ListEndpointsResponse.model_validate(reply["data"]).endpoints[0]
    assert (read.uptime_last_5m, read.uptime_last_30m, read.uptime_last_1d) == (50.0, 75.0, 60.0)
    assert read.latency_last_30m is not None and read.throughput_last_30m is not None
    assert (read.latency_last_30m.p50, read.latency_last_30m.p99) == pytest.approx((milliseconds,) * 2, rel=0.05)
    assert (read.throughput_last_30m.p50, read.throughput_last_30m.p99) == pytest.approx((20.0,) * 2, rel=0.05)


async def test_an_alias_finds_the_endpoints_and_a_text_model_has_none_for_pictures() -> None:
    found = decoded(await openrouter_models.image_endpoints(gateway(), request(), author="m", slug="flux"))
    assert found["id"] == "maker/flux"
    with pytest.raises(NotFound, match="makes no pictures here"):
        await openrouter_models.image_endpoints(gateway(), request(), author="maker", slug="chat")


async def test_first_and_further_megapixels_and_references_have_their_own_exact_lines() -> None:
    reply = await openrouter_models.image_endpoints(gateway(), request(), author="maker", slug="flux")
    home, away = decoded(reply)["endpoints"]
    megapixel = {"unit": "megapixel", "pixels_per_megapixel": 1048576, "rounding": "ceil"}
    assert home["pricing"] == [
        {"billable": "output_image", "cost_usd": 0.03, "variant": "first_megapixel", **megapixel},
        {"billable": "output_image", "cost_usd": 0.015, "variant": "further_megapixel", **megapixel},
        {"billable": "input_reference", "cost_usd": 0.015, **megapixel},
    ]
    assert (away["pricing"], away["price_source"], away["price_unverified"]) == ([], None, None)
    assert b'"cost_usd":0.015,' in body(reply)


def offer(*meters: Meter, operations: frozenset[Operation] = PICTURES, **more: Any) -> Offer:
    return Offer(
        model="m/m", provider="p", upstream="u", operations=operations, price=price(*meters) if meters else None, **more
    )


def meter(unit: Unit, amount: str, **more: Any) -> Meter:
    return Meter(unit=unit, amount=Decimal(amount), **more)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (meter(Unit.IMAGE, "0.04"), ["output_image/image  0.04"]),
        (
            meter(Unit.IMAGE, "0.1", when={"resolution": ("2k", "4k")}),
            ["output_image/image 2k 0.1", "output_image/image 4k 0.1"],
        ),
        (
            meter(Unit.IMAGE, "0.2", when={"quality": ("high",), "size": ("1024x1024", "1536x1024")}),
            ["output_image/image high_1024x1024 0.2", "output_image/image high_1536x1024 0.2"],
        ),
        (
            meter(Unit.OUTPUT_MEGAPIXEL, "0.01", first=Decimal("0.02"), when={"resolution": ("2k",)}),
            ["output_image/megapixel 2k_first_megapixel 0.02", "output_image/megapixel 2k_further_megapixel 0.01"],
        ),
        (meter(Unit.OUTPUT_MEGAPIXEL, "0.005", steps=28), ["output_image/megapixel 28_steps 0.005"]),
        (meter(Unit.TEXT_TOKEN_IN, "0.000004", above=200_000), ["input_text/token above_200000_tokens 0.000004"]),
        (meter(Unit.CACHED_IMAGE_TOKEN_IN, "0.000001"), ["input_image/token cached 0.000001"]),
        (meter(Unit.IMAGE_TOKEN_OUT, "0.00003"), ["output_image/token  0.00003"]),
        (meter(Unit.SECOND, "0.001"), ["output_image/second  0.001"]),
    ],
)
def test_a_meter_becomes_lines_that_say_what_they_hold_for(line: Meter, shown: list[str]) -> None:
    found = [
        f"{one.billable}/{one.unit} {one.variant if isinstance(one.variant, str) else ''} {one.cost_usd:f}"
        for one in price_lines(price(line))
    ]
    assert found == shown


def test_every_unit_of_a_price_has_a_line() -> None:
    assert all(price_lines(price(meter(unit, "1"))) for unit in Unit)


@pytest.mark.parametrize(
    ("sold", "shown"),
    [
        (offer(), {"prompt": "-1", "completion": "-1"}),
        (
            offer(*FLUX_PRICE.meters, limits=Limits(free_size=True)),
            {"prompt": "-1", "completion": "-1", "image_output": "0.03", "image": "0.015"},
        ),
        (offer(meter(Unit.IMAGE, "0.0400")), {"prompt": "-1", "completion": "-1", "image_output": "0.04"}),
        (offer(meter(Unit.IMAGE, "0.1", when={"resolution": ("2k",)})), {"prompt": "-1", "completion": "-1"}),
        (
            offer(
                meter(Unit.TEXT_TOKEN_IN, "0.000005"),
                meter(Unit.IMAGE_TOKEN_IN, "0.000008"),
                meter(Unit.TEXT_TOKEN_OUT, "0.00001"),
                meter(Unit.IMAGE_TOKEN_OUT, "0.00003"),
            ),
            {"prompt": "0.000005", "image_token": "0.000008", "completion": "0.00003"},
        ),
        (
            offer(
                meter(Unit.TEXT_TOKEN_IN, "0.0000025"),
                meter(Unit.TEXT_TOKEN_OUT, "0.00001"),
                meter(Unit.IMAGE_TOKEN_OUT, "0.00003"),
                operations=frozenset((Operation.CHAT,)),
            ),
            {"prompt": "0.0000025", "completion": "0.00001"},
        ),
        (
            offer(meter(Unit.TEXT_TOKEN_IN, "0.00000002"), operations=frozenset((Operation.EMBEDDING,))),
            {"prompt": "0.00000002", "completion": "0"},
        ),
        (
            offer(
                meter(Unit.TEXT_TOKEN_IN, "0"), meter(Unit.TEXT_TOKEN_OUT, "0"), operations=frozenset((Operation.CHAT,))
            ),
            {"prompt": "0", "completion": "0"},
        ),
    ],
    ids=["unpriced", "by megapixel", "by picture", "not by default", "image tokens", "chat", "embedding", "free"],
)
def test_prices_per_token_are_decimal_strings_and_minus_one_where_there_is_none(
    sold: Offer, shown: dict[str, str]
) -> None:
    pricing = public_pricing(sold)
    assert {name: value for name in pricing.__struct_fields__ if isinstance(value := getattr(pricing, name), str)} == (
        shown
    )


async def test_longer_inputs_have_prices_of_their_own() -> None:
    answer = decoded(await openrouter_models.router_model(gateway(), request(), author="maker", slug="chat"))["data"]
    assert answer["pricing"] == {
        "prompt": "0.0000025",
        "completion": "0.00001",
        "input_cache_read": "0.00000025",
        "overrides": [{"min_prompt_tokens": 200_000, "prompt": "0.000004", "completion": "0.000015"}],
    }


async def test_an_unpriced_model_has_no_lines_and_is_not_free() -> None:
    answer = decoded(await openrouter_models.router_model(gateway(), request(), author="other", slug="words"))["data"]
    assert answer["price_lines"] is None
    assert answer["pricing"] == {"prompt": "-1", "completion": "-1"}


async def test_a_model_is_linked_to_its_endpoints_and_weights() -> None:
    answer = decoded(await openrouter_models.router_model(gateway(), request(), author="maker", slug="flux"))["data"]
    assert answer["links"] == {"details": "/api/v1/models/maker/flux/endpoints"}
    assert answer["hugging_face_id"] == "maker/Flux-1"
    assert answer["architecture"]["modality"] == "text+image->image"
    assert answer["expiration_date"] == "2027-06-01"


@pytest.mark.parametrize(
    ("limits", "name", "found"),
    [
        (
            Limits(free_size=True, multiple=16, max_pixels=1_048_576),
            "size",
            BooleanCapability(bounds=SizeBounds(multiple=16, max_pixels=1_048_576)),
        ),
        (Limits(sizes=("1024x1024", "1536x1024")), "size", EnumCapability(values=["1024x1024", "1536x1024", "auto"])),
        (Limits(sizes=("1024x1024", "1536x1024")), "aspect_ratio", EnumCapability(values=["1:1", "3:2", "auto"])),
        (Limits(aspect_ratios=("1:1", "7:5")), "aspect_ratio", EnumCapability(values=["1:1", "7:5", "auto"])),
        (Limits(), "aspect_ratio", None),
        (Limits(free_size=True, max_pixels=1_048_576), "resolution", EnumCapability(values=["512", "768", "1K"])),
        (Limits(resolutions=("2K",)), "resolution", EnumCapability(values=["2K"])),
        (Limits(qualities=("low", "high")), "quality", EnumCapability(values=["low", "high", "auto"])),
        (Limits(output_formats=("png",)), "output_format", EnumCapability(values=["png"])),
        (Limits(output_compression=True), "output_compression", RangeCapability(min=0, max=100)),
        (Limits(seed=True), "seed", BooleanCapability()),
        (Limits(), "seed", None),
        (Limits(max_n=4), "n", RangeCapability(min=1, max=4)),
        (Limits(max_references=8), "input_references", RangeCapability(min=0, max=8)),
        (Limits(max_references=2, min_references=1), "input_references", RangeCapability(min=1, max=2)),
        (Limits(), "input_references", None),
        (Limits(mask=True), "mask", BooleanCapability()),
        (Limits(partial_images=3), "partial_images", RangeCapability(min=0, max=3)),
    ],
)
def test_a_limit_becomes_a_descriptor_and_what_is_not_supported_is_absent(
    limits: Limits, name: str, found: object
) -> None:
    assert capabilities(FLUX, offer(limits=limits)).get(name) == found


def test_an_offer_that_only_edits_needs_a_reference() -> None:
    edits = offer(limits=Limits(max_references=1, free_size=True), operations=frozenset((Operation.IMAGE_EDIT,)))
    found = capabilities(FLUX, edits)
    assert found["input_references"] == RangeCapability(min=1, max=1)
    assert "16:9" in getattr(found["aspect_ratio"], "values", [])


async def test_an_image_model_shows_what_any_of_its_offers_takes() -> None:
    (model,) = decoded(await openrouter_models.image_models(gateway(), request()))["data"]
    taken = model["supported_parameters"]
    assert taken["n"] == {"type": "range", "min": 1, "max": 10}
    assert taken["output_format"] == {"type": "enum", "values": ["png", "jpeg", "webp"]}
    assert taken["seed"] == {"type": "boolean"}
    assert model["supports_streaming"] is True
    assert model["endpoints"] == "/api/v1/images/models/maker/flux/endpoints"


def test_descriptors_of_different_kinds_are_joined_to_accepted() -> None:
    joined = union([{"size": EnumCapability(values=["1x1"])}, {"size": BooleanCapability(bounds=SizeBounds())}])
    assert joined == {"size": BooleanCapability()}

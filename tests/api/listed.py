"""A small gateway for tests of the lists: a few models, offers and providers with round facts, and nothing running."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec

from penstock.catalogue.search import Catalogue
from penstock.core.call import Operation
from penstock.core.price import Meter, Price, Unit
from penstock.core.target import Account, Limits, Model, Offer, Provider
from penstock.pipeline.switchboard import Switchboard
from penstock.settings import Settings
from penstock.upstream.credentials import Switch

PICTURES = frozenset((Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT))


def price(*meters: Meter, checked: date = date(2026, 3, 1)) -> Price:
    return Price(meters=meters, source="https://example.com/prices", checked=checked)


def per_million(unit: Unit, amount: str, **more: Any) -> Meter:
    return Meter(unit=unit, amount=Decimal(amount) / 1_000_000, **more)


FLUX_PRICE = price(
    Meter(unit=Unit.OUTPUT_MEGAPIXEL, amount=Decimal("0.015"), first=Decimal("0.03")),
    Meter(unit=Unit.INPUT_MEGAPIXEL, amount=Decimal("0.015")),
)
CHAT_PRICE = price(
    per_million(Unit.TEXT_TOKEN_IN, "4", above=200_000),
    per_million(Unit.TEXT_TOKEN_IN, "2.5"),
    per_million(Unit.CACHED_TEXT_TOKEN_IN, "0.25"),
    per_million(Unit.TEXT_TOKEN_OUT, "15", above=200_000),
    per_million(Unit.TEXT_TOKEN_OUT, "10"),
    checked=date(2026, 2, 1),
)

MODELS = (
    Model(
        slug="maker/flux",
        name="Flux",
        maker="Maker",
        created=date(2025, 11, 25),
        input_modalities=("text", "image"),
        output_modalities=("image",),
        aliases=("flux", "m/flux"),
        links={"weights": "https://huggingface.co/maker/Flux-1"},
    ),
    Model(slug="maker/chat", name="Chat", maker="Maker", input_modalities=("text", "image"), context_tokens=128_000),
    Model(slug="other/words", name="Words", maker="Other"),
    Model(slug="other/vectors", name="Vectors", maker="Other", output_modalities=("embeddings",)),
    Model(slug="other/unserved", name="Unserved", maker="Other"),
)

OFFERS = (
    Offer(
        model="maker/flux",
        provider="home",
        upstream="flux",
        operations=PICTURES,
        limits=Limits(
            free_size=True,
            multiple=16,
            min_side=64,
            max_pixels=4_194_304,
            output_formats=("png", "jpeg"),
            seed=True,
            max_references=8,
        ),
        price=FLUX_PRICE,
        parameters=frozenset(("safety_tolerance", "guidance")),
        deprecates=date(2027, 1, 1),
    ),
    Offer(
        model="maker/flux",
        provider="away",
        upstream="maker-flux",
        operations=frozenset((Operation.IMAGE_GENERATION,)),
        limits=Limits(aspect_ratios=("1:1", "16:9"), output_formats=("webp",), max_n=1, partial_images=2),
        deprecates=date(2027, 6, 1),
    ),
    Offer(
        model="maker/chat",
        provider="home",
        upstream="chat",
        operations=frozenset((Operation.CHAT,)),
        limits=Limits(context_tokens=100_000, max_output_tokens=8000),
        price=CHAT_PRICE,
    ),
    Offer(model="other/words", provider="away", upstream="words", operations=frozenset((Operation.CHAT,))),
    Offer(
        model="other/vectors",
        provider="away",
        upstream="vectors",
        operations=frozenset((Operation.EMBEDDING,)),
        price=price(per_million(Unit.TEXT_TOKEN_IN, "0.02")),
    ),
    Offer(model="other/unserved", provider="off", upstream="x", operations=frozenset((Operation.CHAT,))),
)

PROVIDERS = tuple(Provider(slug=slug, name=slug.title(), adapter="sandbox") for slug in ("home", "away", "off"))


def gateway(catalogue: Catalogue | None = None, off: tuple[str, ...] = ("off",)) -> Any:
    """What the lists and the pages use of a gateway."""
    catalogue = catalogue or Catalogue().updated(models=MODELS, providers=PROVIDERS, offers=OFFERS)
    switches = {
        slug: Switch(row, None if slug in off else Account(provider=row), "")
        for slug, row in catalogue.providers.items()
    }
    return SimpleNamespace(catalogue=catalogue, accounts=Switchboard(switches), settings=Settings())


_NOVEMBER_2026 = 1_795_219_200.0


def request(path: str = "/", query: str = "", **headers: str) -> Any:
    """What the handlers use of a request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(
        path=path, query=query, headers=named, scheme="http", principal=None, started_at=_NOVEMBER_2026
    )


def body(reply: Any) -> bytes:
    assert reply.status == 200 and reply.media_type == "application/json"
    return b"".join(reply.pieces)


def decoded(reply: Any) -> Any:
    return msgspec.json.decode(body(reply))

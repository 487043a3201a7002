"""Where a call can go: models (what they are), offers (who sells them, for how much, able to do what), providers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from penstock.core.call import Operation
from penstock.core.price import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one offer can honour. A None or empty field is not known or not limited; `False` is not supported."""

    sizes: tuple[str, ...] = ()
    """The only pixel sizes taken, as `WxH`; empty with `free_size` false: no pixel size is taken at all."""
    free_size: bool = False
    """Any width and height within the bounds below."""
    multiple: int = 1
    """Width and height must be multiples of this."""
    min_side: int | None = None
    max_side: int | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None
    max_ratio: float | None = None
    """Longer side divided by shorter side."""
    aspect_ratios: tuple[str, ...] = ()
    """Ratios the provider takes itself. Where `free_size` holds, any ratio can be asked and becomes a size."""
    resolutions: tuple[str, ...] = ()
    """Size classes the provider takes itself, as we spell them: `512`, `768`, `1K`, `1.5K`, `2K`, `4K`."""
    qualities: tuple[str, ...] = ()
    backgrounds: tuple[str, ...] = ()
    output_formats: tuple[str, ...] = ()
    """Empty: the provider chooses and the caller cannot."""
    output_compression: bool = False
    seed: bool = False
    max_n: int = 10
    """Pictures one of our requests may ask for."""
    images_per_call: int = 1
    """Pictures one upstream call makes; more are made by several calls."""
    min_references: int = 0
    max_references: int = 0
    min_reference_side: int | None = None
    max_reference_bytes: int | None = None
    max_reference_pixels: int | None = None
    mask: bool = False
    partial_images: int = 0
    """Most partial pictures a stream can ask for; 0: no partial pictures."""
    max_prompt_characters: int | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTokens:
    """How many output tokens a picture takes, for estimates before the call where the price is per token.

    Either a table or the area rule, whose formula is in `metering.quote`.
    """

    table: Mapping[str, int] = field(default_factory=dict)
    """`"high:1024x1024"`, `"2K"` or `"*"` to tokens; the first of these that is there counts."""
    area: Mapping[str, int] = field(default_factory=dict)
    """Quality to the factor f of the area rule."""
    per_reference: int | None = None
    """Input tokens of one reference picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A model as one provider sells it."""

    model: str
    """The model's slug, e.g. `black-forest-labs/flux.2-pro`."""
    provider: str
    """The provider's slug, e.g. `bfl`."""
    upstream: str
    """What the provider calls it: a model name or the path of its endpoint."""
    operations: frozenset[Operation]
    limits: Limits = field(default_factory=Limits)
    price: Price | None = None
    """None: unpriced. Calls are served and their cost is not known."""
    parameters: frozenset[str] = frozenset()
    """Further request fields passed on, beyond those of `ImageCall`; for chat and embeddings every field is."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What the provider does when nothing is asked: `size`, `resolution`, `quality`. For quotes and price terms."""
    wire: str = ""
    """Which of the provider's request schemas it speaks, where there are several (`flux2`, `kontext`, `gpt-image`)."""
    image_tokens: ImageTokens | None = None
    concurrency: int | None = None
    """Most upstream calls at once per account, where lower than the provider's."""
    quantization: str = ""
    """In which numbers the model is run there, as OpenRouter names them (`fp8`, `bf16`); empty: not known."""
    deprecates: date | None = None
    """The first day on which it cannot be called any more."""
    note: str = ""

    @property
    def id(self) -> str:
        """`bfl/flux-2-pro`: unique in the catalogue."""
        return f"{self.provider}/{self.upstream}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a model is, whoever serves it."""

    slug: str
    name: str
    maker: str
    """Maker's display name, e.g. `Black Forest Labs`."""
    created: date | None = None
    """When it was published."""
    description: str = ""
    input_modalities: tuple[str, ...] = ("text",)
    """Of `text`, `image`, `audio`, `file`."""
    output_modalities: tuple[str, ...] = ("text",)
    """Of `text`, `image`, `embeddings`."""
    aliases: tuple[str, ...] = ()
    context_tokens: int | None = None
    licence: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    """Name to address: `page`, `docs`, `weights`."""
    successor: str = ""
    """Slug of the model to use when this one is gone."""

    @property
    def image_only(self) -> bool:
        """Makes pictures and nothing else, so a chat with it is a request for a picture."""
        return self.output_modalities == ("image",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Someone who serves models: where, how its key is sent, and the facts its adapter needs."""

    slug: str
    name: str
    adapter: str
    """The file under `providers/` that speaks its protocol; empty: prices are known, calls are not possible yet."""
    base_url: str = ""
    key_variable: str = ""
    """Environment variable its key is read from; empty: it needs no key."""
    quirks: Mapping[str, Any] = field(default_factory=dict)
    """Deviations from the adapter's usual dialect; the adapter names and checks them."""
    poll_hosts: tuple[str, ...] = ()
    """Hosts the key may be sent to when polling: exact, or `.suffix` for any host below it."""
    concurrency: int | None = None
    """Most upstream calls at once per account."""
    cost_unit_usd: Decimal | None = None
    """What one unit of a cost stated by the provider is worth: a credit, a tick, a dollar."""
    charges_moderated: tuple[str, ...] = ()
    """Stages (`input`, `output`) at which a call that its moderation refuses is charged all the same."""
    cancels: tuple[str, ...] = ()
    """Operations, as `core.call.Operation` has them, whose charge ends when the connection is closed in its middle."""
    trains_on_prompts: bool | None = None
    """Whether it may learn from what it is sent; None: not known."""
    zero_retention: bool | None = None
    """Whether it keeps nothing of what it is sent; None: not known."""
    links: Mapping[str, str] = field(default_factory=dict)


class Secret(str):
    """A string that does not show itself: `repr` and log lines carry stars."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKey:
    """One of several keys at a provider."""

    name: str
    key: Secret
    weight: int = 1
    requests_per_minute: int | None = None
    usd_per_day: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A provider switched on: its facts, and the key calls are made with."""

    provider: Provider
    key: Secret | None = None
    """The key a call is made with; of several, the one that was chosen for it."""
    timeout: float = 600.0
    """Longest time one attempt may take, seconds."""
    key_name: str = ""
    """What the ledger calls the key, where there are several."""
    keys: tuple["AccountKey", ...] = ()
    """All of them, where there are several."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer that can carry out the call at hand, with the account it would be called by."""

    model: Model
    offer: Offer
    account: Account


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An offer that cannot, and why, in a sentence for the caller."""

    offer: Offer
    reason: str
    field: str | None = None
    """The request field the reason is about, where there is one."""
    paused: bool = False
    """It could, were its provider not paused by the administrator."""

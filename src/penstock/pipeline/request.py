"""The values the steps hand on: what came in, what is known of the request so far, and what goes out."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Protocol

import msgspec

from penstock.core.answer import Answer, Event, Submitted
from penstock.core.call import Call
from penstock.core.errors import BadRequest, PenstockError
from penstock.core.picture import Picture
from penstock.core.pieces import Pieces
from penstock.core.principal import Principal
from penstock.core.spending import Limit
from penstock.core.target import Candidate, Exclusion, Model
from penstock.metering.quote import Quote
from penstock.metering.settle import Charge
from penstock.metering.windows import Counted, State
from penstock.pipeline.spool import Spool
from penstock.routing.base import Plan, Strategy
from penstock.store.reservations import Reserved

ID = re.compile(r"[\w.:/+=@-]{1,128}")
"""What an id given by a caller may look like; it is echoed in headers."""

_METADATA_CHARACTERS = 4096
OURS = ("x-penstock-", "x-agentcc-")
"""How headers of ours begin."""
_ENTRIES = ("x-penstock-metadata-", "x-agentcc-metadata-")

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Incoming:
    """An HTTP request as it arrived, its body still to be read."""

    id: str
    trace_id: str
    method: str
    path: str
    """Decoded, without the query."""
    query: str
    headers: Mapping[str, str]
    """Lower-case names; the last of a repeated header."""
    receive: Receive
    started: float
    """Monotonic seconds."""
    started_at: float
    """Unix seconds."""
    scheme: str = "http"
    client: str = ""
    """The caller's IP address; empty where it is not known."""
    says_ours: bool = True
    """Whether there may be any header of ours; most requests have none, and are asked for many."""
    principal: Principal | None = None
    """Who sent it, once that is known; None on a public route."""
    session: str = ""
    """The secret of the session it belongs to, once that is known; empty where it came with a key or with neither."""
    pictures: dict[str, Picture] = field(default_factory=dict)
    """Every picture stored while the body was read, by digest, whatever becomes of the request."""

    @property
    def caller_id(self) -> str | None:
        """The caller's own name for the request, recorded and echoed beside ours where it is one."""
        given = self.ours("request-id")
        return given if given and ID.fullmatch(given) else None

    def check_ids(self) -> None:
        """Raises BadRequest for an id of the caller's that no header could carry back."""
        for name in ("request-id", "trace-id"):
            given = self.ours(name)
            if given is not None and not ID.fullmatch(given):
                raise BadRequest(f"The {name} header takes up to 128 letters, digits and . : / + = @ - _.", param=name)

    def ours(self, name: str) -> str | None:
        """A request header of ours in either spelling, `x-penstock-NAME` or `x-agentcc-NAME`."""
        if not self.says_ours:
            return None
        return self.headers.get(f"x-penstock-{name}") or self.headers.get(f"x-agentcc-{name}")

    def metadata(self) -> dict[str, Any]:
        """What its caller says of it: a JSON object of at most 4 KB in one header, and headers of single entries."""
        known: dict[str, Any] = {}
        if not self.says_ours:
            return known
        text = self.ours("metadata")
        if text and len(text) <= _METADATA_CHARACTERS:
            try:
                value = msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError):
                value = None
            known |= value if isinstance(value, dict) else {}
        for name, value in self.headers.items():
            if name.startswith(_ENTRIES) and len(value) <= _METADATA_CHARACTERS:
                known[name.partition("-metadata-")[2]] = value
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP response to be sent; pictures in it are read from the asset store while sending."""

    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Pieces = ()
    spool: Spool | None = None
    """Sent after the pieces; who sends the reply closes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The caller's choice of providers: the `provider` object of a request, and the provider-lock header."""

    order: tuple[str, ...] = ()
    """Slugs to be tried first, in this order."""
    only: frozenset[str] = frozenset()
    """If not empty, no others."""
    ignore: frozenset[str] = frozenset()
    allow_fallbacks: bool = True
    locked: bool = False
    """By the provider-lock header."""
    require_parameters: bool = False
    """Only offers that take every field of the request."""
    no_collection: bool = False
    """Only providers of whom it is known that they learn nothing from what they are sent."""
    zero_retention: bool = False
    """Only providers of whom it is known that they keep nothing of it."""
    quantizations: frozenset[str] = frozenset()
    """If not empty, only offers that are known to run the model in one of these."""
    sort: str | None = None
    """`price`, `throughput` or `latency`."""
    partition: str = "model"
    """`model`: sorted within each model asked for; `none`: all of them together."""
    max_price: Mapping[str, Decimal] = field(default_factory=dict)
    """US dollars at most: `prompt` and `completion` for a million tokens, `request`, and of this very request `image`
    for one picture and `megapixel` for one megapixel of them."""
    min_throughput: Mapping[str, float] = field(default_factory=dict)
    """Tokens or megapixels a second at percentiles (`p50`, `p75`, `p90`, `p99`); others come after."""
    max_latency: Mapping[str, float] = field(default_factory=dict)
    """Seconds, likewise: to the first byte of text, to the result of pictures."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further request fields for one provider, by slug."""


ANY = Preferences()
"""The caller says nothing of providers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directions:
    """How the caller wants a request routed beyond the choice of providers: the config header, `models`, a preset."""

    strategy: Strategy | None = None
    preset: str | None = None
    """Its name, from `@preset/name`, `model@preset/name` or the field `preset`."""
    models: tuple[str, ...] = ()
    """Names of models to be asked when the first fails, in order."""
    rounds: int | None = None
    """How often each provider may be asked at most."""
    backoff_seconds: float | None = None
    longest_wait_seconds: float | None = None
    heeds_retry_after: bool = True
    """Whether what a provider says of when to come again counts."""
    retried_statuses: frozenset[int] | None = None
    """If given, a provider is asked again only after one of these HTTP statuses of ours for its failure."""
    fallback_statuses: frozenset[int] | None = None
    """If given, another provider is asked only after one of these."""
    attempt_seconds: float | None = None
    """Longest time of one attempt."""
    warnings: tuple[str, ...] = ()
    """What of the config header could not be read, or is not acted on, for a header of ours."""


NO_DIRECTIONS = Directions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a request may go, and how that is decided (`pipeline.direct`)."""

    strategy: Strategy
    models: tuple[Model, ...]
    """The model asked for, then those it falls back to."""
    others: tuple[Model, ...] = ()
    """Models that are candidates only because a rule of the strategy may choose them."""


@dataclass(frozen=True, slots=True)
class Deprecation:
    """The end of the model that was asked for."""

    day: date
    """The first day on which nobody here serves it any more."""
    successor: str
    """Slug of the model to use then; empty where none is known."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One upstream call."""

    id: str
    number: int
    candidate: Candidate
    started: float
    """Monotonic seconds."""
    started_at: float
    """Unix seconds."""
    latency: float | None = None
    """Seconds."""
    reason: str = "first"
    """Why it was made: first, fallback, retry, race or hedge."""
    first_seconds: float | None = None
    """Until the first part of a stream."""
    submitted: Submitted | None = None
    answer: Answer | None = None
    """What it brought."""
    lost: bool = False
    """Another one that ran beside it was the answer."""
    spared: bool = False
    """It was ended in its middle at a provider that charges nothing more then."""
    answered: bool = False
    """The provider has answered with a result, and so charges for it."""
    stated_cost: Decimal | None = None
    deltas: list[msgspec.Raw] = field(default_factory=list)
    """The chunks of a streamed chat, for the charge of one that its caller leaves."""
    error: PenstockError | None = None
    outcome: str = "pending"
    """pending, succeeded, failed, moderated or cancelled."""


@dataclass(slots=True, kw_only=True)
class Life:
    """What is known of one request; each step fills in its part, and `record` writes it down."""

    incoming: Incoming
    surface: "Surface"
    principal: Principal
    asked_model: str | None = None
    """As the caller wrote it."""
    model_name: str = ""
    """The same where it was no name of this installation's own, else what that stands for."""
    call: Call | None = None
    preferences: Preferences = ANY
    directions: Directions = NO_DIRECTIONS
    way: Way | None = None
    candidates: tuple[Candidate, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    quotes: dict[str, Quote] = field(default_factory=dict)
    """By offer id."""
    strategy: str = "priority"
    """Who decided the order."""
    plan: Plan | None = None
    size_class: str = ""
    """About how large the pictures are, as statistics are kept."""
    deprecation: Deprecation | None = None
    """Where the model has an end that is known."""
    attempts: list[Attempt] = field(default_factory=list)
    served_by: Candidate | None = None
    fallback_used: bool = False
    answer: Answer | None = None
    stored: list[tuple[str, Picture]] = field(default_factory=list)
    """Pictures stored on the way that neither call nor answer holds, each with its role: previews, pictures in a
    streamed chat, a mask as the provider takes it."""
    counted: tuple[Counted, ...] = ()
    """What it counts for at rate limits, as far as it is known or estimated."""
    limits: tuple[tuple[Limit, State], ...] = ()
    """The rate limits that apply, and how they stood when it was admitted."""
    reserved: Reserved | None = None
    """What was set aside for it; None where nothing bounds what its key may spend."""
    budget_warning: str | None = None
    """The soft budgets that are used up."""
    charge: Charge | None = None
    charge_reason: str | None = None
    """Why something was paid for, or may have been, that brought no answer."""
    uncertain: Decimal | None = Decimal(0)
    """US dollars that may have been charged beside `charge` at most; None where nothing bounds that."""
    error: PenstockError | None = None
    status: int = 0
    wants_address: bool = False
    """Pictures are answered as addresses on this gateway, not as base64."""
    ignored: tuple[str, ...] = ()
    """Request fields that the provider does not take and that were left out."""
    timeout: float = 0.0
    """Seconds the request may take."""
    latency: float | None = None
    """Seconds from arrival until the answer was complete."""
    client_gone: bool = False
    recorded: asyncio.Event | None = None
    """Set when it is over, and its row there, for what is added to that later."""
    mirror_of: str | None = None
    """The id of the request it is a copy of, for comparison."""
    free: bool = False
    """The gateway pays for it, whoever's key it is: it counts against no budget."""
    left: bool = False
    """The caller hung up, and with that ended the work."""
    resumed: bool = False
    """Another process began it, and died."""


class StreamWriter(Protocol):
    """Writes one streamed answer in the caller's dialect."""

    def opening(self) -> Pieces:
        """Sent with the first event."""
        ...

    def event(self, event: Event) -> Pieces:
        """A delta or a preview."""
        ...

    def closing(self, answer: Answer) -> Pieces:
        """The end: what the deltas have not carried, and the usage."""
        ...

    def failure(self, error: PenstockError) -> Pieces:
        """The end, when it is not a good one."""
        ...


class Surface(Protocol):
    """One endpoint of one dialect: reads its requests and writes its answers (`api/`)."""

    dialect: ClassVar[str]
    """`openai` or `openrouter`."""

    async def read(self, life: Life, gateway: Any) -> Call:
        """The call a request makes. Raises BadRequest or TooLarge."""
        ...

    def reply(self, life: Life, answer: Answer) -> Reply: ...

    def stream(self, life: Life) -> StreamWriter: ...

    def failure(self, life: Life | None, error: PenstockError) -> Reply: ...

"""What a strategy is: candidates and facts in, a plan out. No clock, socket or database; chance is handed in.

A strategy is a frozen Struct whose fields are its settings, with one method. It orders all candidates it is given, so
that every strategy has fallback; what must come before or after all others whatever the strategy (the caller's order of
providers, models asked for as fallbacks, offers that are down) is sorted by `pipeline.route` afterwards, stably.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from penstock.core.call import Operation
from penstock.core.health import Health
from penstock.core.target import Candidate

Dice = Callable[[], float]
"""A number from 0 up to, not including, 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The request, as rules and tiers look at it. None: not said, or not known."""

    operation: Operation
    models: tuple[str, ...] = ()
    """Slugs of the models the caller asked for: the first, then its fallbacks. Others are there as targets only."""
    key: str = ""
    """The key's name."""
    key_id: str = ""
    user: str | None = None
    session: str | None = None
    request_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False
    n: int = 1
    """Pictures asked for."""
    references: int = 0
    """Reference pictures sent."""
    width: int | None = None
    height: int | None = None
    """Pixels."""
    megapixels: float | None = None
    """Of 2^20 pixels, of one picture asked for."""
    quality: str | None = None
    seed: int | None = None
    tier: str | None = None
    """The tier named in the header that overrides `complexity`."""
    prompt: Callable[[], str] = str
    """The text asked with: of pictures the prompt, of a chat its messages. Found out only when it is called."""
    prompt_tokens: int = 0
    """About so many."""
    time: float = 0.0
    """Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a strategy may look at beside the candidates. Each function is a look at what is known, and cheap."""

    subject: Subject
    price: Callable[[Candidate], Decimal | None]
    """US dollars this very call is expected to cost there; None: unpriced, or it cannot be told."""
    health: Callable[[Candidate], Health]
    """How the offer has been doing at this operation and size."""
    rating: Callable[[Candidate], float | None]
    """The model's rating at this operation, from the catalogue's benchmarks."""
    turn: int = 0
    """How many requests for these models were planned before."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a rule sends requests: to a model, to a provider, or to one provider's offer of a model."""

    model: str | None = None
    """A model's slug or alias."""
    provider: str | None = None
    """A provider's slug."""

    def __post_init__(self) -> None:
        if self.model is None and self.provider is None:
            raise ValueError("a target names a `model`, a `provider`, or both")

    def fits(self, candidate: Candidate) -> bool:
        """Whether a candidate is what is meant; aliases have become slugs when the configuration was read."""
        return self.model in (None, candidate.model.slug) and self.provider in (None, candidate.offer.provider)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to carry a call out."""

    order: tuple[Candidate, ...]
    """Asked one after another, while they fail in a way that allows it."""
    strategy: str = "priority"
    """The name of who made it."""
    why: str = ""
    """The decision in a sentence, for people."""
    at_once: int = 1
    """The first so many are asked at the same time, and the first success is the answer."""
    hedge_after: float | None = None
    """Seconds after which the next is asked beside one that has not answered yet."""
    most_usd: Decimal | None = None
    """What all that is asked at the same time may cost together; where it is more, one is asked after another."""
    mirrors: tuple[Target, ...] = ()
    """Who else is asked after the answer, for comparison only."""


class Strategy:
    """A strategy's settings, and its one method. Subclasses are frozen msgspec Structs too."""

    __slots__ = ()
    name: ClassVar[str]
    """What configurations, headers and the ledger call it."""
    across_models: ClassVar[bool] = False
    """Whether it chooses between models; for the others the order of the models asked for stays."""

    def plan(self, candidates: Sequence[Candidate], facts: Facts, dice: Dice) -> Plan:
        """An order of all candidates, of whom there is at least one; without those that only a rule may choose."""
        raise NotImplementedError

    def targets(self) -> Iterable[Target]:
        """The targets its rules name, so that their models are candidates too."""
        return ()


def asked_for(candidates: Sequence[Candidate], subject: Subject) -> tuple[Candidate, ...]:
    """Without those that are there only because a rule may choose them."""
    if not subject.models:
        return tuple(candidates)
    return tuple(candidate for candidate in candidates if candidate.model.slug in subject.models)

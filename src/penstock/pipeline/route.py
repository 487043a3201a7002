"""Strategy to plan: the facts a strategy looks at, and what comes before or after whatever it says.

Offers that are down come last, so that nobody waits for them while another works; the models asked for keep their
order, the providers the caller named come first, and those that miss what the caller prefers come after the others.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

import msgspec

from penstock.catalogue.sizes import CLASSES, usual_size
from penstock.core.call import Call, ChatCall, ImageCall
from penstock.core.errors import Unavailable
from penstock.core.health import Health
from penstock.core.price import BINARY_MEGAPIXEL
from penstock.core.target import Candidate
from penstock.metering.prompt import answer_tokens, embedding_tokens, pictures_prompt, prompt_tokens, text_of
from penstock.metering.workload import Tokens, text_cost
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.outcome import has_key
from penstock.pipeline.prefer import behind, named
from penstock.pipeline.request import ANY, Life
from penstock.pipeline.resolve import refused
from penstock.routing.base import Facts, Plan, Strategy, Subject
from penstock.upstream.health import size_class
from penstock.upstream.results import Kind

_USUAL_ANSWER = 500
"""Tokens of an answer for which no length is asked, when chats are compared by price."""
_NOBODY_CHOSEN = "Nobody who serves the model asked for is switched on, and no rule sends this request elsewhere."
_NO_CHOICE = "Only one offer can carry it out."


def choose(life: Life, gateway: Gateway, *, counted: bool = True) -> Plan:
    """How to carry the call out over the life's candidates, whose quotes are known.

    `counted` is false where nothing will be called: then it takes no turn.
    """
    assert life.way is not None and life.call is not None
    strategy = life.way.strategy
    life.size_class = size_class(_megapixels(life.call, life.candidates[0]))
    if len(life.candidates) == 1 and not hasattr(strategy, "then"):
        life.strategy, life.plan = strategy.name, Plan(order=life.candidates, strategy=strategy.name, why=_NO_CHOICE)
        return life.plan
    looks = _Looks(life, gateway)
    facts = Facts(
        subject=_subject(life),
        price=looks.price,
        health=looks.health,
        rating=looks.rating,
        turn=gateway.turns.next(life.way.models[0].slug) if counted else gateway.turns.now(life.way.models[0].slug),
    )
    plan = strategy.plan(life.candidates, facts, gateway.dice)
    if not plan.order:  # only models are left that no rule chose
        raise refused(life.exclusions, life.principal) if life.exclusions else Unavailable(_NOBODY_CHOSEN)
    if len(plan.order) > 1 and not _all_alike(plan.order, life, strategy, gateway):
        ranks = {id(candidate): _rank(candidate, life, looks, strategy.across_models) for candidate in plan.order}
        order = tuple(sorted(plan.order, key=lambda candidate: ranks[id(candidate)]))
        plan = replace(plan, order=order if life.preferences.allow_fallbacks else _firsts(order, life))
    life.strategy, life.plan = plan.strategy, plan
    return plan


class _Looks:
    """What strategies look at, each found out when it is first asked for."""

    def __init__(self, life: Life, gateway: Gateway) -> None:
        assert life.call is not None
        self.life, self.gateway = life, gateway
        self.operation, self.now = life.call.operation, gateway.clock.monotonic()
        self._prices: dict[str, Decimal | None] = {}
        self._length: Tokens | None = None

    def price(self, candidate: Candidate) -> Decimal | None:
        """What this call costs there; nobody knows how long a chat's answer is, so all are given the same length."""
        offer = candidate.offer
        if offer.id not in self._prices:
            self._prices[offer.id] = self._expected(candidate)
        return self._prices[offer.id]

    def _expected(self, candidate: Candidate) -> Decimal | None:
        quote, call = self.life.quotes[candidate.offer.id], self.life.call
        if quote.unpriced or not isinstance(call, ChatCall):
            return quote.low
        if self._length is None:
            answer = answer_tokens(call.body, None, None) or _USUAL_ANSWER
            self._length = Tokens(input=prompt_tokens(call.body, None)[0], output=answer)
        return text_cost(candidate.offer, self._length)

    def health(self, candidate: Candidate) -> Health:
        return self.gateway.healths.look(candidate.offer.id, self.operation, self.life.size_class, self.now)

    def rating(self, candidate: Candidate) -> float | None:
        return self.gateway.catalogue.rating(candidate.model.slug, self.operation)

    def available(self, candidate: Candidate) -> bool:
        """Its breaker lets calls through, and a key of its provider is in rotation."""
        closed = self.gateway.breakers.allows((candidate.offer.id, self.operation), self.now)
        return closed and has_key(candidate, self.gateway)

    def quantile(self, candidate: Candidate, kind: Kind, share: float) -> float | None:
        healths, life = self.gateway.healths, self.life
        return healths.quantile(candidate.offer.id, self.operation, life.size_class, kind, share, self.now)


def _firsts(order: Sequence[Candidate], life: Life) -> tuple[Candidate, ...]:
    """The first alone; where the caller itself names further models, the first of each."""
    if not life.directions.models:
        return tuple(order[:1])
    firsts: dict[str, Candidate] = {}
    for candidate in order:
        firsts.setdefault(candidate.model.slug, candidate)
    return tuple(firsts.values())


def _all_alike(order: Sequence[Candidate], life: Life, strategy: Strategy, gateway: Gateway) -> bool:
    """Nothing puts one before another beside the strategy, as with most requests."""
    assert life.way is not None
    if life.preferences is not ANY or (len(life.way.models) > 1 and not strategy.across_models):
        return False
    calm = gateway.breakers.is_calm and gateway.rotation.is_calm
    return calm and not any(candidate.account.keys for candidate in order)


def _rank(candidate: Candidate, life: Life, looks: _Looks, across_models: bool) -> tuple[bool, int, int, bool]:
    """Lower ranks come first, whatever the strategy says; within a rank its order stays."""
    wish = life.preferences
    models = life.way.models if life.way else ()
    together = across_models or wish.partition == "none" or candidate.model not in models
    place = named(candidate.offer, wish.order)
    assert life.call is not None
    prefers = bool(wish.min_throughput or wish.max_latency)
    missed = prefers and behind(wish, life.call, partial(looks.quantile, candidate))
    return (
        not looks.available(candidate),
        0 if together else models.index(candidate.model),
        len(wish.order) if place is None else place,
        missed,
    )


def _megapixels(call: Call, candidate: Candidate) -> float | None:
    """Of one picture asked for; None where none is."""
    if not isinstance(call, ImageCall):
        return None
    return usual_size(call, candidate.offer).pixels / BINARY_MEGAPIXEL


def _subject(life: Life) -> Subject:
    call, incoming = life.call, life.incoming
    assert call is not None and life.way is not None
    subject = Subject(
        operation=call.operation,
        models=tuple(model.slug for model in life.way.models),
        key=life.principal.name,
        key_id=life.principal.key_id,
        user=incoming.ours("user-id") or _user(call),
        session=incoming.ours("session-id") or incoming.headers.get("x-session-id"),
        request_id=incoming.id,
        metadata=incoming.metadata(),
        stream=call.stream,
        tier=incoming.ours("complexity"),
        prompt=partial(text_of, call),
        time=incoming.started_at,
    )
    if isinstance(call, ImageCall):
        side = CLASSES.get((call.resolution or "").upper())
        return replace(
            subject,
            n=call.n,
            references=len(call.references),
            width=call.size.width if call.size else side,
            height=call.size.height if call.size else side,
            megapixels=_megapixels(call, life.candidates[0]),
            quality=call.quality,
            seed=call.seed,
            prompt_tokens=pictures_prompt(call)[0],
        )
    if isinstance(call, ChatCall):
        return replace(subject, references=len(call.pictures), prompt_tokens=prompt_tokens(call.body, None)[0])
    return replace(subject, prompt_tokens=embedding_tokens(call)[0])


def _user(call: Call) -> str | None:
    """The end user that the body names."""
    if isinstance(call, ImageCall):
        return call.user
    raw = call.body.get("user")
    try:
        value = msgspec.json.decode(raw) if raw is not None else None
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, str) else None

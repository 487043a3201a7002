"""What is written down of a request under way, so that another process can finish it: who, what and where, no prompt.

`facts_of` makes a JSON object of a life, `life_of` makes a life of it again, as far as finishing and recording it
need one.
"""

from collections.abc import Mapping
from typing import Any, cast

from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Operation, Size
from penstock.core.errors import PenstockError
from penstock.core.money import from_pico, pico_or_none
from penstock.core.picture import Picture
from penstock.core.principal import Principal
from penstock.core.target import Candidate
from penstock.metering.quote import Quote
from penstock.pipeline.apps import app_of, headers_of
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Life, Reply, Surface
from penstock.routing.base import Plan
from penstock.store.reservations import ReservationRow

_CALL = ("model", "n", "aspect_ratio", "resolution", "quality", "background", "output_format", "seed", "user")
"""Fields of an ImageCall that are kept as they are."""
_RECORDED = ("request-id", "session-id", "user-id", "metadata")
"""Headers of ours that the ledger keeps."""


def facts_of(life: Life, plan: Plan) -> dict[str, Any]:
    """Everything of a request, reserved for this plan, that can be written as JSON and is needed to finish it."""
    incoming, principal, call = life.incoming, life.principal, life.call
    assert call is not None
    return {
        "trace_id": incoming.trace_id,
        "path": incoming.path,
        "started_at": incoming.started_at,
        "headers": {
            **{f"x-penstock-{name}": text for name in _RECORDED if (text := incoming.ours(name))},
            **headers_of(app_of(incoming)),
        },
        "key_id": principal.key_id,
        "organisation_id": principal.organisation_id,
        "team_id": principal.team_id,
        "user_id": principal.user_id,
        "dialect": life.surface.dialect,
        "asked_model": life.asked_model,
        "operation": call.operation,
        "stream": call.stream,
        "call": _picture_facts(call) if isinstance(call, ImageCall) else {"model": call.model},
        "strategy": life.strategy,
        "mirror_of": life.mirror_of,
        "free": life.free,
        "offers": [candidate.offer.id for candidate in plan.order],
        "quotes": {offer: _quote_facts(quote) for offer, quote in life.quotes.items()},
    }


def life_of(row: ReservationRow, gateway: Gateway) -> Life:
    """The life of a request that another process began; its attempts are not in it."""
    facts = row.facts
    now, moment = gateway.clock.monotonic(), gateway.clock.now()
    incoming = Incoming(
        id=row.request_id,
        trace_id=facts["trace_id"],
        method="POST",
        path=facts["path"],
        query="",
        headers=facts["headers"],
        receive=_nobody,
        started=now - (moment - facts["started_at"]),
        started_at=facts["started_at"],
    )
    principal = Principal(
        facts["key_id"],
        "",
        frozenset(),
        organisation_id=facts["organisation_id"],
        team_id=facts["team_id"],
        user_id=facts["user_id"],
    )
    life = Life(incoming=incoming, surface=cast(Surface, _Absent(facts["dialect"])), principal=principal)
    life.asked_model, life.strategy = facts["asked_model"], facts["strategy"]
    life.call = _call(facts)
    life.candidates = tuple(found for offer in facts["offers"] if (found := candidate_of(offer, gateway)))
    life.served_by = life.candidates[0] if life.candidates else None
    life.quotes = {offer: _quote(given) for offer, given in facts["quotes"].items()}
    life.mirror_of, life.free = facts.get("mirror_of"), facts.get("free", False)
    life.client_gone = life.resumed = True
    return life


def candidate_of(offer_id: str, gateway: Gateway) -> Candidate | None:
    """The offer with this id as a candidate; None where it, or its provider's account, is no longer there."""
    offer = gateway.catalogue.offer(offer_id)
    accounts = gateway.accounts.accounts  # those that are paused too: what they have accepted is asked for
    if offer is None or offer.provider not in accounts:
        return None
    return Candidate(gateway.catalogue.models[offer.model], offer, accounts[offer.provider])


class _Absent:
    """The surface of a caller that is not there any more."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect

    def failure(self, life: Life | None, error: PenstockError) -> Reply:
        return Reply(status=error.status)


async def _nobody() -> Mapping[str, Any]:
    return {"type": "http.disconnect"}


def _picture_facts(call: ImageCall) -> dict[str, Any]:
    return {
        **{name: getattr(call, name) for name in _CALL},
        "size": str(call.size) if call.size else None,
        "references": [_kept(picture) for picture in call.references],
        "mask": _kept(call.mask) if call.mask else None,
        "steps": {name: call.options[name] for name in ("steps", "num_inference_steps") if name in call.options},
    }


def _call(facts: Mapping[str, Any]) -> Call:
    given = facts["call"]
    if facts["operation"] == Operation.CHAT:
        return ChatCall(model=given["model"], body={}, stream=facts["stream"])
    if facts["operation"] == Operation.EMBEDDING:
        return EmbeddingCall(model=given["model"], body={})
    return ImageCall(
        prompt="",
        size=Size.parse(given["size"]) if given["size"] else None,
        references=tuple(Picture(*picture) for picture in given["references"]),
        mask=Picture(*given["mask"]) if given["mask"] else None,
        stream=facts["stream"],
        options=given["steps"],
        **{name: given[name] for name in _CALL},
    )


def _kept(picture: Picture) -> list[Any]:
    return [picture.digest, picture.media_type, picture.width, picture.height, picture.bytes]


def _quote_facts(quote: Quote) -> list[int | None]:
    return [pico_or_none(quote.low), pico_or_none(quote.high)]


def _quote(given: list[int | None]) -> Quote:
    low, high = (None if pico is None else from_pico(pico) for pico in given)
    return Quote(low=low, high=high, exact=False, unpriced=low is None)

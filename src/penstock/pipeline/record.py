"""One ledger row per request and one per attempt, committed before the last byte of the answer is sent."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from penstock.core.answer import ImageAnswer, Output
from penstock.core.call import ImageCall
from penstock.core.errors import PenstockError
from penstock.core.money import pico_or_none
from penstock.core.picture import Picture
from penstock.core.pieces import without_pictures
from penstock.core.usage import Usage
from penstock.pipeline.apps import NOBODY, app_of
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Attempt, Incoming, Life
from penstock.pipeline.settle import charged_pico, settlement
from penstock.store.ledger import AssetLinkRow, AssetRow, AttemptRow, PromptRow, RequestRow

_PLACES = 100
"""Places of pictures kept for each attempt."""
_MOST_NAMES = 100
"""Ignored fields listed in a row."""


async def record(life: Life, gateway: Gateway) -> None:
    """Write the request down and wait for the commit. Raises Unavailable where the ledger cannot be written."""
    life.latency = gateway.clock.monotonic() - life.incoming.started
    outputs = _outputs(life)
    pictures = [*_with_role("output", outputs), *_brought(life), *alternatives(life)]
    row = _request_row(life, _delivered(life, pictures))
    await gateway.ledger.record(
        row,
        [attempt_row(life, attempt) for attempt in life.attempts],
        asset_rows(pictures, gateway),
        [link_row(life, *entry) for entry in pictures],
        settlement=settlement(life),
        prompt=_prompt_row(life, gateway),
    )
    gateway.metrics.observe(row)


async def note_attempt(life: Life, attempt: Attempt, gateway: Gateway) -> None:
    """Write down a job the moment the provider has accepted it, before it is awaited."""
    await gateway.ledger.note_attempt(attempt_row(life, attempt))


def failure_status(life: Life, error: PenstockError) -> int:
    """The HTTP status the caller's dialect gives this error."""
    return life.surface.failure(life, error).status


def _outputs(life: Life) -> tuple[Output, ...]:
    return life.answer.outputs if isinstance(life.answer, ImageAnswer) else ()


Entry = tuple[str, int, Picture, Output | None]
"""Role, place in it, and the picture."""


def _with_role(role: str, outputs: tuple[Output, ...]) -> list[Entry]:
    return [(role, place, output.picture, output) for place, output in enumerate(outputs) if output.picture]


def alternatives(life: Life) -> list[Entry]:
    """The pictures of attempts that ran beside the one that won, as far as they are there."""
    entries: list[Entry] = []
    for attempt in life.attempts:
        if attempt.lost and isinstance(attempt.answer, ImageAnswer):
            first = _PLACES * attempt.number
            entries += [
                ("alternative", first + place, p, o) for _, place, p, o in _with_role("", attempt.answer.outputs)
            ]
    return entries


def _brought(life: Life) -> list[Entry]:
    """The pictures a caller sent, those inside a chat's answer, and those stored on the way."""
    entries: list[Entry] = []
    if isinstance(life.call, ImageCall):
        entries += [("reference", place, picture, None) for place, picture in enumerate(life.call.references)]
        entries += [("mask", 0, life.call.mask, None)] if life.call.mask else []
    else:  # a request refused before it was a call has sent pictures too, and they are to be forgotten like others
        sent = getattr(life.call, "pictures", life.incoming.pictures)
        entries += [("reference", place, picture, None) for place, picture in enumerate(sent.values())]
    made = {} if isinstance(life.answer, ImageAnswer) else getattr(life.answer, "pictures", {})
    entries += [("output", place, picture, None) for place, picture in enumerate(made.values())]
    places = Counter(role for role, *_ in entries)
    for role, picture in life.stored:
        entries.append((role, places[role], picture, None))
        places[role] += 1
    return entries


def _delivered(life: Life, entries: Iterable[Entry]) -> list[int]:
    """Pixels of each picture made. A chat's usage counts tokens only, and its answer may hold pictures all the same."""
    if life.answer is not None and life.answer.usage.outputs:
        return [size.pixels for size in life.answer.usage.outputs]
    return [pixels for _, pixels in {(p.digest, p.pixels) for role, _, p, _ in entries if role == "output"}]


def _request_row(life: Life, delivered: Sequence[int]) -> RequestRow:
    incoming, call, charge, served = life.incoming, life.call, life.charge, life.served_by
    asked = served or next(iter(life.candidates), None)
    payer = None if life.free else life.principal
    app = NOBODY if life.free else app_of(incoming)
    usage = life.answer.usage if life.answer else Usage()
    picture_call = call if isinstance(call, ImageCall) else None
    quote = life.quotes.get(served.offer.id) if served else None
    price = served.offer.price if served else None
    return RequestRow(
        id=incoming.id,
        created_at=int(incoming.started_at * 1000),
        latency_ms=int(1000 * (life.latency or 0)),
        key_id=payer.key_id if payer else None,
        dialect=life.surface.dialect,
        path=incoming.path,
        operation=call.operation if call else None,
        model_asked=life.asked_model[:200] if life.asked_model else None,
        model=asked.model.slug if asked else None,
        provider=served.offer.provider if served else None,
        upstream=served.offer.upstream if served else None,
        status=failure_status(life, life.error) if life.error else 200,
        error_code=life.error.code if life.error else None,
        error_message=life.error.message[:500] if life.error else None,
        stream=bool(call and call.stream),
        client_gone=life.client_gone,
        images_asked=picture_call.n if picture_call else 0,
        images_delivered=len(delivered),
        output_pixels=sum(delivered),
        reference_count=len(picture_call.references) if picture_call else 0,
        reference_pixels=sum(picture.pixels for picture in picture_call.references) if picture_call else 0,
        text_tokens_in=usage.text_tokens_in,
        cached_text_tokens_in=usage.cached_text_tokens_in,
        image_tokens_in=usage.image_tokens_in,
        cached_image_tokens_in=usage.cached_image_tokens_in,
        text_tokens_out=usage.text_tokens_out,
        image_tokens_out=usage.image_tokens_out,
        reasoning_tokens=usage.reasoning_tokens,
        cost_pico=pico_or_none(charge.amount) if charge else None,
        cost_source=charge.source if charge else "none",
        cost_computed_pico=pico_or_none(charge.computed) if charge else None,
        price_checked=price.checked if price else None,
        quote_low_pico=pico_or_none(quote.low) if quote else None,
        quote_high_pico=pico_or_none(quote.high) if quote else None,
        attempts=len(life.attempts),
        fallback_used=life.fallback_used,
        routing_strategy=life.strategy,
        cache="skip",
        trace_id=incoming.trace_id,
        session_id=_bounded(incoming.ours("session-id") or incoming.headers.get("x-session-id")),
        user_id=_bounded(incoming.ours("user-id")),
        metadata=_metadata(incoming),
        ignored=[name[:64] for name in life.ignored[:_MOST_NAMES]] or None,
        organisation_id=payer.organisation_id if payer else None,
        team_id=payer.team_id if payer else None,
        member_id=payer.user_id if payer else None,
        charged_pico=charged_pico(life),
        uncertain_pico=pico_or_none(life.uncertain),
        charge_reason=life.charge_reason,
        price_version=price.version if price else None,
        resumed=life.resumed,
        mirror_of=life.mirror_of,
        app=app.name,
        app_url=app.url,
    )


def _prompt_row(life: Life, gateway: Gateway) -> PromptRow | None:
    """What was asked, where the owner wants that kept; pictures in it are their digests."""
    if not gateway.settings.ledger.store_prompts or life.call is None or life.resumed:
        return None
    if isinstance(life.call, ImageCall):
        body: dict[str, Any] = {"prompt": life.call.prompt}
        body["references"] = [picture.digest for picture in life.call.references]
    else:
        body = {name: msgspec.json.decode(without_pictures(bytes(value))) for name, value in life.call.body.items()}
    return PromptRow(request_id=life.incoming.id, created_at=int(life.incoming.started_at * 1000), body=body)


def _metadata(incoming: Incoming) -> dict[str, Any] | None:
    """What the caller said of the request, with its own id of it."""
    known = {"request_id": incoming.caller_id} if incoming.caller_id else {}
    return known | incoming.metadata() or None


def _bounded(text: str | None) -> str | None:
    return text[:256] if text else None


def attempt_row(life: Life, attempt: Attempt) -> AttemptRow:
    """An attempt as it is now."""
    call, submitted = life.call, attempt.submitted
    return AttemptRow(
        id=attempt.id,
        request_id=life.incoming.id,
        number=attempt.number,
        provider=attempt.candidate.offer.provider,
        upstream=attempt.candidate.offer.upstream,
        operation=call.operation if call else "",
        started_at=int(attempt.started_at * 1000),
        latency_ms=None if attempt.latency is None else int(1000 * attempt.latency),
        status=attempt.error.status if attempt.error else None,
        error_code=attempt.error.code if attempt.error else None,
        upstream_id=submitted.upstream_id if submitted else None,
        polling_url=submitted.polling_url if submitted else None,
        stated_pico=pico_or_none(attempt.stated_cost),
        outcome=attempt.outcome,
        reason=attempt.reason,
        key_name=attempt.candidate.account.key_name or None,
    )


def asset_rows(pictures: Iterable[Entry], gateway: Gateway) -> list[AssetRow]:
    """The facts of these pictures, each once."""
    return [_asset_row(picture, gateway) for picture in {p.digest: p for _, _, p, _ in pictures}.values()]


def _asset_row(picture: Picture, gateway: Gateway) -> AssetRow:
    now = int(gateway.clock.now() * 1000)
    days = gateway.settings.assets.retention_days
    return AssetRow(
        digest=picture.digest,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        bytes=picture.bytes,
        created_at=now,
        expires_at=None if days is None else now + int(days * 86_400_000),
    )


def link_row(life: Life, role: str, position: int, picture: Picture, output: Output | None) -> AssetLinkRow:
    """How a picture belongs to the request."""
    return AssetLinkRow(
        request_id=life.incoming.id,
        role=role,
        position=position,
        digest=picture.digest,
        seed=output.seed if output else None,
    )

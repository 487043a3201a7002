"""One candidate asked: by one upstream call, or by several at once for several pictures, each written down."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

import msgspec

from penstock.assets.masks import to_white
from penstock.catalogue.capability import fit, ignored
from penstock.core.answer import (
    Answer,
    ChatAnswer,
    ChatDelta,
    EmbeddingAnswer,
    Event,
    ImageAnswer,
    PartialPicture,
    Submitted,
)
from penstock.core.call import Call, ImageCall, Size
from penstock.core.errors import Moderated, PenstockError, ProviderError, UpstreamFailed
from penstock.core.picture import Picture
from penstock.core.target import Candidate
from penstock.core.usage import summed
from penstock.pipeline.drive import drive
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.keep import bring_home
from penstock.pipeline.outcome import attempt_seconds, note_outcome, with_key
from penstock.pipeline.record import note_attempt
from penstock.pipeline.request import Attempt, Life


def ask(life: Life, call: Call, candidate: Candidate, gateway: Gateway, reason: str) -> AsyncGenerator[Event, None]:
    """The events of this candidate's answer, which comes last. `reason` says why it is asked (`Attempt.reason`)."""
    call = _suited(life, call, candidate)
    if isinstance(call, ImageCall) and (call.mask or call.n > candidate.offer.limits.images_per_call):
        return _pictures(life, call, candidate, gateway, reason)
    return _one(life, call, candidate, gateway, reason)


def _suited(life: Life, call: Call, candidate: Candidate) -> Call:
    """The call as this offer takes it: sizes computed from ratios, the caller's options for this provider merged in."""
    own = life.preferences.options.get(candidate.offer.provider)
    if not isinstance(call, ImageCall):
        if own:
            call = replace(call, body={**call.body, **{n: msgspec.Raw(msgspec.json.encode(v)) for n, v in own.items()}})
        return call
    if own:
        call = replace(call, options={**call.options, **own})
    life.ignored = (*life.ignored, *(name for name in ignored(call, candidate.offer) if name not in life.ignored))
    return fit(call, candidate.offer)


async def _pictures(
    life: Life, call: ImageCall, candidate: Candidate, gateway: Gateway, reason: str
) -> AsyncGenerator[Event, None]:
    """Pictures that take more than one upstream call, or a mask in the provider's polarity."""
    if call.mask and _paints_white(candidate, gateway):
        white = await _white_mask(call.mask, gateway)
        life.stored.append(("mask", white))
        call = replace(call, mask=white)
    if call.n > candidate.offer.limits.images_per_call:
        yield await _several(life, call, candidate, gateway, reason)
        return
    async with aclosing(_one(life, call, candidate, gateway, reason)) as events:
        async for event in events:
            yield event


async def _several(life: Life, call: ImageCall, candidate: Candidate, gateway: Gateway, reason: str) -> ImageAnswer:
    """The pictures of several upstream calls at once; those that fail are told one by one, unless all do."""
    results = await asyncio.gather(
        *(_answer(life, part, candidate, gateway, reason) for part in _parts(call, candidate)), return_exceptions=True
    )
    answers = [result for result in results if isinstance(result, ImageAnswer)]
    errors = [result for result in results if isinstance(result, BaseException)]
    failures = tuple(error for error in errors if isinstance(error, PenstockError))
    if len(failures) < len(errors):
        raise next(error for error in errors if not isinstance(error, PenstockError))
    if not answers:
        raise max(failures, key=_gravity)
    return merged(answers, failures)


def _gravity(error: PenstockError) -> int:
    """Of several failures the one that forbids to ask another provider counts, lest something be paid for twice."""
    if not isinstance(error, ProviderError) or not error.fallback:
        return 2
    return 1 if error.ambiguous else 0


def _parts(call: ImageCall, candidate: Candidate) -> list[ImageCall]:
    """One call for each upstream request. A fixed seed is counted up, or every picture would be the same."""
    at_once = candidate.offer.limits.images_per_call
    return [
        replace(
            call,
            n=min(at_once, call.n - done),
            seed=None if call.seed is None else call.seed + done,
            stream=False,
            partial_images=0,
        )
        for done in range(0, call.n, at_once)
    ]


async def _answer(life: Life, call: ImageCall, candidate: Candidate, gateway: Gateway, reason: str) -> ImageAnswer:
    async with aclosing(_one(life, call, candidate, gateway, reason)) as events:
        async for event in events:
            if isinstance(event, ImageAnswer):
                return event
    raise UpstreamFailed(f"{candidate.account.provider.name} ended without an answer.")


def merged(answers: list[ImageAnswer], failures: tuple[PenstockError, ...]) -> ImageAnswer:
    """The answers of several upstream calls as one."""
    stated = [answer.stated_cost for answer in answers]
    return ImageAnswer(
        outputs=tuple(output for answer in answers for output in answer.outputs),
        failures=(*(failure for answer in answers for failure in answer.failures), *failures),
        usage=summed([answer.usage for answer in answers]),
        stated_cost=None if None in stated else sum((cost for cost in stated if cost is not None), Decimal(0)),
        echo=answers[0].echo,
    )


async def _one(
    life: Life, call: Call, candidate: Candidate, gateway: Gateway, reason: str
) -> AsyncGenerator[Event, None]:
    """One upstream call, written down as one attempt; its pictures are at home when the Answer comes out."""
    candidate = with_key(candidate, gateway)
    seconds = attempt_seconds(life, call, candidate, gateway)
    async with gateway.slots.hold(candidate):
        attempt = _begun(life, candidate, gateway, reason)
        if life.reserved is not None and isinstance(call, ImageCall):
            await note_attempt(life, attempt, gateway)  # from here on the provider may charge
        async with aclosing(follow(life, attempt, drive(call, candidate, gateway, seconds), call, gateway)) as events:
            async for event in events:
                yield event


async def follow(
    life: Life, attempt: Attempt, driven: AsyncGenerator[Event, None], call: Call, gateway: Gateway
) -> AsyncGenerator[Event, None]:
    """The events of one upstream call, with what becomes of it written into its attempt."""
    delivering = False
    offer_id = attempt.candidate.offer.id
    gateway.healths.begin(offer_id, call.operation)
    try:
        async with aclosing(driven) as events:
            async for event in events:
                if attempt.first_seconds is None:
                    attempt.first_seconds = gateway.clock.monotonic() - attempt.started
                if isinstance(event, Submitted):
                    attempt.submitted = event
                    attempt.stated_cost = event.stated_cost
                    await note_attempt(life, attempt, gateway)
                elif isinstance(event, ImageAnswer | ChatAnswer | EmbeddingAnswer):
                    attempt.stated_cost, attempt.answered = event.stated_cost, True
                    attempt.answer = event = await _complete(event, call, gateway)
                    attempt.outcome = "succeeded"
                elif isinstance(event, ChatDelta):
                    delivering = True
                    attempt.deltas.append(event.choices)
                elif isinstance(event, PartialPicture):
                    delivering = True
                yield event
    except PenstockError as error:
        if (attempt.answered or delivering) and isinstance(error, ProviderError):
            error.ambiguous = True  # made and paid for, but not to be had: asking another would pay twice
        attempt.error = error
        attempt.outcome = "moderated" if isinstance(error, Moderated) else "failed"
        raise
    except (asyncio.CancelledError, GeneratorExit):
        attempt.outcome = "cancelled" if attempt.outcome == "pending" else attempt.outcome
        raise
    finally:
        attempt.latency = gateway.clock.monotonic() - attempt.started
        gateway.healths.end(offer_id, call.operation)
        if not life.resumed:
            note_outcome(life, attempt, call, gateway)


def _begun(life: Life, candidate: Candidate, gateway: Gateway, reason: str) -> Attempt:
    number = len(life.attempts) + 1
    attempt = Attempt(
        id=f"att_{life.incoming.id.removeprefix('req_')}_{number:02d}",
        number=number,
        candidate=candidate,
        started=gateway.clock.monotonic(),
        started_at=gateway.clock.now(),
        reason=reason,
    )
    life.attempts.append(attempt)
    return attempt


async def _complete(answer: Answer, call: Call, gateway: Gateway) -> Answer:
    """The answer with its pictures in the asset store and their sizes in its usage."""
    if not isinstance(answer, ImageAnswer) or not isinstance(call, ImageCall):
        return answer
    answer = await bring_home(answer, gateway)
    delivered = (output.picture for output in answer.outputs)
    usage = replace(
        answer.usage,
        outputs=tuple(Size(picture.width, picture.height) for picture in delivered if picture),
        references=tuple(Size(picture.width, picture.height) for picture in call.references) * len(answer.outputs),
    )
    return replace(answer, usage=usage)


def _paints_white(candidate: Candidate, gateway: Gateway) -> bool:
    adapter = gateway.adapters[candidate.account.provider.adapter]
    return getattr(adapter, "mask_polarity", "transparent") == "white"


async def _white_mask(mask: Picture, gateway: Gateway) -> Picture:
    data = await gateway.assets.load(mask.digest)
    return await gateway.assets.store(await asyncio.to_thread(to_white, data))

"""Rate limits: a request is counted before it costs anything, and corrected once it is known what it came to.

`admit` looks at the number of requests before the body is read, `admit_call` at everything else once the call and its
quotes are known, `leave` sets right what was only estimated. A request that a limit refuses counts for nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from math import ceil

from penstock.catalogue.sizes import usual_size
from penstock.core.answer import ChatAnswer, ImageAnswer
from penstock.core.call import ChatCall, EmbeddingCall, ImageCall
from penstock.core.errors import LimitReached
from penstock.core.money import plain
from penstock.core.price import Unit
from penstock.core.principal import Principal, allowed
from penstock.core.spending import Holder, Level, Limit, LimitUnit
from penstock.metering.prompt import answer_tokens, embedding_tokens, prompt_tokens
from penstock.metering.windows import Refusal, State, from_grains, to_grains
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Life

_TOKENS = frozenset(unit for unit in Unit if "token" in unit)
_HEADERS = {unit: [f"x-ratelimit-{name}-{unit}" for name in ("limit", "remaining", "reset")] for unit in LimitUnit}
_DECIMALS = {LimitUnit.MEGAPIXELS: Decimal("0.001"), LimitUnit.DOLLARS: Decimal("0.000001")}
"""To which a header rounds, downwards; the other units are whole."""


def admit(life: Life, gateway: Gateway) -> None:
    """Count the request where requests are limited, whatever model they ask for. Raises LimitReached."""
    limits = life.principal.limits
    if not limits:
        return
    everything = [limit for limit in limits if limit.model is None]
    requests = [(limit, 1) for limit in everything if limit.unit is LimitUnit.REQUESTS]
    _count(life, requests, everything, gateway)


def admit_call(life: Life, gateway: Gateway) -> None:
    """Count the call at every other limit that applies, by what is known of it or estimated. Raises LimitReached."""
    limits = life.principal.limits
    if not limits:
        return
    applying = [limit for limit in limits if limit.model is None or _concerns(limit.model, life)]
    counted = {already.limit.id for already in life.counted}
    wants: list[tuple[Limit, int]] = []
    for limit in applying:
        amount = None if limit.id in counted else _BEFORE[limit.unit](life)
        if amount is not None:
            wants.append((limit, amount))
    _count(life, wants, applying, gateway)


def leave(life: Life, gateway: Gateway) -> None:
    """Set right what was counted: places are free again, and tokens, dollars and pictures are what they came to."""
    if not life.counted:
        return
    now = gateway.clock.monotonic()
    for counted in life.counted:
        amount = 0 if _not_used(counted.limit, life) else _after(life, counted.limit.unit)
        if amount is not None:
            gateway.windows.settle(counted, amount, now)
    life.counted = ()


def limit_headers(life: Life) -> dict[str, str]:
    """`x-ratelimit-*` of each unit that is limited, for its tightest limit, as it stood when the call was admitted."""
    tightest: dict[LimitUnit, tuple[Limit, State]] = {}
    for entry in life.limits:
        limit, state = entry
        known = tightest.get(limit.unit)
        if known is None or state.remaining < known[1].remaining:
            tightest[limit.unit] = entry
    headers: dict[str, str] = {}
    to_unix = life.incoming.started_at - life.incoming.started
    for unit, (limit, (remaining, resets_at)) in tightest.items():
        most, left, reset = _HEADERS[unit]
        headers[most] = plain(limit.amount)
        headers[left] = _rounded(unit, remaining)
        if resets_at is not None:
            headers[reset] = str(ceil(resets_at + to_unix))
    return headers


def _rounded(unit: LimitUnit, grains: int) -> str:
    step = _DECIMALS.get(unit)
    if step is None:
        return str(grains)
    return plain(from_grains(unit, grains).quantize(step, ROUND_FLOOR))


def _count(life: Life, wants: Sequence[tuple[Limit, int]], applying: Sequence[Limit], gateway: Gateway) -> None:
    windows, now = gateway.windows, gateway.clock.monotonic()
    found = windows.admit(wants, now)
    if isinstance(found, Refusal):
        for counted in life.counted:
            windows.settle(counted, 0, now)
        life.counted = ()
    else:
        life.counted += found
    life.limits = tuple([(limit, windows.state(limit, now)) for limit in applying])
    if isinstance(found, Refusal):
        raise _reached(found, life.principal)


def _concerns(pattern: str, life: Life) -> bool:
    slugs = {candidate.model.slug for candidate in life.candidates}
    return pattern in slugs or any(allowed(slug, (pattern,)) for slug in slugs)


def _not_used(limit: Limit, life: Life) -> bool:
    """A limit of a model that the request could have used, and did not: others answered, it was not asked or failed."""
    if limit.model is None or life.served_by is None:
        return False
    used = [attempt.candidate.model.slug for attempt in life.attempts if attempt.outcome != "failed"]
    return not any(allowed(slug, (limit.model,)) for slug in used)


# What a call counts for before it is made, in grains. None: not at all. 0: that is only known afterwards.


def _one(life: Life) -> int | None:
    return 1


def _images(life: Life) -> int | None:
    if isinstance(life.call, ImageCall):
        return life.call.n
    return 0 if _may_make_pictures(life) else None


def _pixels(life: Life) -> int | None:
    call = life.call
    if isinstance(call, ImageCall):
        size = call.size
        pixels = size.pixels if size else max((usual_size(call, c.offer).pixels for c in life.candidates), default=0)
        return call.n * pixels
    return 0 if _may_make_pictures(life) else None


def _tokens(life: Life) -> int | None:
    match life.call:
        case ChatCall(body=body):
            return prompt_tokens(body, None)[0] + (answer_tokens(body, None, None) or 0)
        case EmbeddingCall() as call:
            return embedding_tokens(call)[0]
    quotes = life.quotes.values()
    if any(quote.low is None for quote in quotes):
        return 0
    lines = [sum(line.quantity for line in quote.lines if line.unit in _TOKENS) for quote in quotes]
    # Whoever sells pictures by the piece counts no tokens.
    return ceil(max(lines, default=0)) or None


def _dollars(life: Life) -> int | None:
    quotes = life.quotes.values()
    if quotes and all(quote.high == 0 for quote in quotes):
        return None
    return to_grains(LimitUnit.DOLLARS, max((q.low for q in quotes if q.low is not None), default=Decimal(0)))


_BEFORE: Mapping[LimitUnit, Callable[[Life], int | None]] = {
    LimitUnit.REQUESTS: _one,
    LimitUnit.IMAGES: _images,
    LimitUnit.MEGAPIXELS: _pixels,
    LimitUnit.TOKENS: _tokens,
    LimitUnit.DOLLARS: _dollars,
    LimitUnit.CONCURRENT: _one,
}


def _may_make_pictures(life: Life) -> bool:
    """A chat with a model that can put out pictures; how many only its answer tells."""
    if not isinstance(life.call, ChatCall):
        return False
    return any("image" in candidate.model.output_modalities for candidate in life.candidates)


# What it came to, in grains. None: what was counted before stays.


def _after(life: Life, unit: LimitUnit) -> int | None:
    if unit is LimitUnit.CONCURRENT:
        return 0
    if unit is LimitUnit.REQUESTS:
        return None
    if life.answer is None and not life.attempts:  # nobody was asked
        return 0
    if unit is LimitUnit.DOLLARS:
        amount = life.charge.amount if life.charge else None
        return None if amount is None else to_grains(unit, amount)
    if unit is LimitUnit.TOKENS:
        return _tokens_used(life)
    return _pictures_made(life, unit)


def _tokens_used(life: Life) -> int | None:
    if life.answer is not None:
        used = (life.answer.usage.tokens_in, life.answer.usage.tokens_out)
        return None if used == (None, None) else sum(count or 0 for count in used)
    if life.charge is not None and life.charge.amount == 0:
        return 0
    pieces = sum(len(attempt.deltas) for attempt in life.attempts)
    if not pieces or not isinstance(life.call, ChatCall):
        return None
    # The caller hung up, or the stream broke: an event of it brings about one token.
    return prompt_tokens(life.call.body, None)[0] + pieces


def _pictures_made(life: Life, unit: LimitUnit) -> int | None:
    """Pictures count as asked for, and what was left open as delivered."""
    answer = life.answer
    if isinstance(life.call, ChatCall):
        made = {picture.digest: picture for role, picture in life.stored if role == "output"}
        made |= answer.pictures if isinstance(answer, ChatAnswer) else {}
        return len(made) if unit is LimitUnit.IMAGES else sum(picture.pixels for picture in made.values())
    sized = isinstance(life.call, ImageCall) and life.call.size is not None
    if unit is LimitUnit.IMAGES or sized or not isinstance(answer, ImageAnswer):
        return None
    return sum(size.pixels for size in answer.usage.outputs) or None


# The refusal in words.

_DOES = {
    LimitUnit.REQUESTS: "make {} request{s}",
    LimitUnit.IMAGES: "make {} picture{s}",
    LimitUnit.MEGAPIXELS: "make {} megapixel{s}",
    LimitUnit.TOKENS: "use {} token{s}",
    LimitUnit.DOLLARS: "spend ${}",
    LimitUnit.CONCURRENT: "have {} request{s} in flight at once",
}
_WANTS = {
    LimitUnit.REQUESTS: "is {} request{s}",
    LimitUnit.IMAGES: "asks for {} picture{s}",
    LimitUnit.MEGAPIXELS: "asks for {} megapixel{s}",
    LimitUnit.TOKENS: "may use {} token{s}",
    LimitUnit.DOLLARS: "costs at least ${}",
    LimitUnit.CONCURRENT: "is {} request{s}",
}
_PERIODS = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def _reached(refusal: Refusal, principal: Principal) -> LimitReached:
    limit = refusal.limit
    says = f"{_whose(limit.holder, principal)} may {_told(_DOES, limit.unit, limit.amount)}{_often(limit)}"
    if refusal.retry_after is None:
        wanted = _told(_WANTS, limit.unit, from_grains(limit.unit, refusal.wanted))
        return LimitReached(
            f"{says}, and this one alone {wanted}. Ask for less, or have the limit raised.",
            code="request_exceeds_limit",
            headers={"x-should-retry": "false"},
        )
    seconds = max(1, ceil(refusal.retry_after))
    when = "when one of them is done" if limit.unit is LimitUnit.CONCURRENT else f"in {seconds} s"
    return LimitReached(f"{says}; try again {when}.", headers={"retry-after": str(seconds)})


def _whose(holder: Holder, principal: Principal) -> str:
    if holder.level is Level.KEY:
        return f"The key `{principal.name}`"
    if holder.level is Level.GATEWAY:
        return "All keys of this gateway together"
    return f"The {holder.level} of the key `{principal.name}`"


def _told(phrases: Mapping[LimitUnit, str], unit: LimitUnit, amount: Decimal) -> str:
    return phrases[unit].format(plain(round(amount, 6)), s="" if amount == 1 else "s")


def _often(limit: Limit) -> str:
    """` a minute`, ` in 90 seconds`, ` a minute with `openai/*``."""
    with_model = f" with `{limit.model}`" if limit.model else ""
    if limit.unit is LimitUnit.CONCURRENT:
        return with_model
    seconds, name = next(period for period in _PERIODS if limit.window_seconds % period[0] == 0)
    count = limit.window_seconds // seconds
    often = f" in {count} {name}s" if count > 1 else f" {'an' if name == 'hour' else 'a'} {name}"
    return often + with_model

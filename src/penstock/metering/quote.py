"""What a call will cost at an offer, before it is made.

Pictures priced by the piece or the megapixel are exact once their size is known. What only the provider can know (the
size it picks, the tokens a picture or an answer takes) is estimated, and the quote says so. Hand in the call as fitted
to the offer (`catalogue.capability.fit`), so that a ratio or size class has become pixels where the offer takes pixels.

The upper end is what budgets reserve, so it is a bound and no guess: where nothing bounds a count, it is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, isqrt

from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Size
from penstock.core.price import Line, Price, Unit, cost, covers
from penstock.core.target import ImageTokens, Limits, Model, Offer
from penstock.core.usage import Usage
from penstock.metering.prompt import answer_tokens, embedding_tokens, media, pictures_prompt, prompt_tokens

_TOKENS = frozenset(unit for unit in Unit if "token" in unit)
_ASSUMED_SIZE = "1024x1024"
_ASSUMED_QUALITY = "medium"
_ANY_SIZE = Size(1024, 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The price of one call at one offer, in US dollars."""

    low: Decimal | None
    """With the offer's defaults for what was left open; None where it cannot be told."""
    high: Decimal | None
    """The most it may come to; None where nothing bounds it."""
    exact: bool
    """Low and high are what will be charged when everything asked for is delivered."""
    lines: tuple[Line, ...] = ()
    """What `low` is made of."""
    unpriced: bool = False
    """The catalogue has no price for this call at this offer."""


UNPRICED = Quote(low=None, high=None, exact=False, unpriced=True)


def quote(call: Call, offer: Offer, model: Model | None = None) -> Quote:
    """What this call costs at this offer.

    `model` is the offer's: its context window bounds a chat where the offer states no window of its own.
    """
    how = terms(call, offer)
    if offer.price is None or not covers(offer.price, how):
        return UNPRICED
    match call:
        case ImageCall():
            low, high = _image_usage(call, offer, offer.price, how)
        case ChatCall():
            low, high = _chat_usage(call, offer, offer.price, model)
        case EmbeddingCall():
            low, high = (Usage(text_tokens_in=count, text_tokens_out=0) for count in embedding_tokens(call))
    cheapest = cost(offer.price, low, how)
    dearest = cheapest.amount if high == low else None if high is None else cost(offer.price, high, how).amount
    return Quote(
        low=cheapest.amount,
        high=dearest,
        exact=high == low and cheapest.amount is not None and not _estimated(offer.price),
        lines=cheapest.lines,
    )


def terms(call: Call, offer: Offer) -> dict[str, str]:
    """The call's variant keys of prices (quality, resolution, size), in lower case, the offer's defaults filled in."""
    asked = dict(offer.defaults)
    if isinstance(call, ImageCall):
        given = {"quality": call.quality, "resolution": call.resolution, "size": call.size and str(call.size)}
        asked |= {name: value for name, value in given.items() if value and value.lower() != "auto"}
    return {name: asked[name].lower() for name in ("quality", "resolution", "size") if name in asked}


def _estimated(price: Price) -> bool:
    return any(meter.unit in _TOKENS or meter.unit is Unit.SECOND for meter in price.meters)


def _image_usage(call: ImageCall, offer: Offer, price: Price, how: Mapping[str, str]) -> tuple[Usage, Usage | None]:
    """What the call will use with the offer's defaults, and at most; None where nothing bounds that."""
    units = price.units
    calls = ceil(call.n / max(1, offer.limits.images_per_call))
    low, high = (_ANY_SIZE, _ANY_SIZE) if Unit.OUTPUT_MEGAPIXEL not in units else _output_sizes(call, offer)
    # Where their megapixels are charged, the references are processed for each picture made from them.
    references = tuple(Size(picture.width, picture.height) for picture in call.references) * call.n
    steps = _steps(call, offer)
    least = Usage(outputs=(low,) * call.n, references=references, steps=steps)
    most = None if high is None else Usage(outputs=(high,) * call.n, references=references, steps=steps)
    if not units & _TOKENS:
        return least, most
    return _with_tokens(call, offer, how, calls, least, most)


def _output_sizes(call: ImageCall, offer: Offer) -> tuple[Size, Size | None]:
    """The smallest, or usual, and the largest picture this call can bring."""
    if call.size is not None:
        return call.size, call.size
    usual = Size.parse(offer.defaults.get("size", ""))
    if usual is not None and not call.references:  # an edit without a size follows its first picture
        return usual, usual
    return usual or _smallest(offer.limits), _largest(offer.limits)


def _smallest(limits: Limits) -> Size:
    sizes = [size for text in limits.sizes if (size := Size.parse(text))]
    if sizes and not limits.free_size:
        return min(sizes, key=lambda size: size.pixels)
    return _strip(max(limits.min_pixels or 1, (limits.min_side or 1) ** 2))


def _largest(limits: Limits) -> Size | None:
    sizes = [size for text in limits.sizes if (size := Size.parse(text))]
    if sizes and not limits.free_size:
        return max(sizes, key=lambda size: size.pixels)
    bounds = [limits.max_pixels, limits.max_side and limits.max_side**2]
    known = [bound for bound in bounds if bound]
    return _strip(min(known)) if known else None


def _strip(pixels: int) -> Size:
    """A size of this many pixels; prices look at nothing else of it."""
    return Size(pixels, 1)


def _steps(call: ImageCall, offer: Offer) -> int | None:
    for name in ("steps", "num_inference_steps"):
        value = call.options.get(name)
        if name in offer.parameters and isinstance(value, int) and not isinstance(value, bool):
            return value
    usual = offer.defaults.get("steps", "")
    return int(usual) if usual.isdigit() else None


def _with_tokens(
    call: ImageCall, offer: Offer, how: Mapping[str, str], calls: int, least: Usage, most: Usage | None
) -> tuple[Usage, Usage | None]:
    rule = offer.image_tokens
    prompt, longest_prompt = pictures_prompt(call)
    seen = _seen(call, rule)
    usual, highest = _picture_tokens(call, offer, how)
    if usual is None:
        return least, None
    partial = (rule.table.get("partial", 0) if rule else 0) * call.partial_images
    low = _tokens_added(least, calls * prompt, calls * (seen or 0), call.n * usual)
    said = _said(offer)
    if seen is None or most is None or said is None or highest is None:
        return low, None
    high = _tokens_added(most, calls * longest_prompt, calls * seen, call.n * (highest + partial), calls * said)
    return low, high


def _tokens_added(usage: Usage, text: int, image: int, out: int, said: int = 0) -> Usage:
    return Usage(
        outputs=usage.outputs,
        references=usage.references,
        steps=usage.steps,
        text_tokens_in=text,
        image_tokens_in=image,
        text_tokens_out=said,
        image_tokens_out=out,
    )


def _said(offer: Offer) -> int | None:
    """The most text one call for pictures may bring beside them, where text is charged: thoughts are."""
    if offer.price is None or Unit.TEXT_TOKEN_OUT not in offer.price.units:
        return 0
    return offer.limits.max_output_tokens


def _seen(call: ImageCall, rule: ImageTokens | None) -> int | None:
    """Input tokens of the reference pictures; None where that is not known."""
    if not call.references:
        return 0
    return None if rule is None or rule.per_reference is None else rule.per_reference * len(call.references)


def _picture_tokens(call: ImageCall, offer: Offer, how: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Output tokens of one picture: with defaults, and with the dearest of what was left open."""
    rule, limits = offer.image_tokens, offer.limits
    if rule is None:
        return None, None
    resolution = how.get("resolution", "").upper()
    quality, size = how.get("quality", _ASSUMED_QUALITY), how.get("size", _ASSUMED_SIZE)
    usual = image_tokens(rule, quality, size, resolution)
    open_quality = call.quality is None or call.quality.lower() == "auto"
    qualities = [name for name in limits.qualities if name != "auto"] if open_quality else []
    sizes = _possible_sizes(limits) if call.size is None else ()
    if sizes is None and rule.area:
        return usual, None
    counts = [image_tokens(rule, q, s, resolution) for q in (quality, *qualities) for s in (size, *(sizes or ()))]
    known = [count for count in counts if count is not None]
    return usual, max(known, default=None)


def _possible_sizes(limits: Limits) -> tuple[str, ...] | None:
    """What a picture may be where its size is left to the provider; None where nothing bounds it."""
    if not limits.free_size:
        return limits.sizes
    largest = _largest(limits)
    # Of all sizes with as many pixels a square takes the most tokens by the area rule.
    side = 0 if largest is None else isqrt(largest.pixels - 1) + 1
    return (f"{side}x{side}",) if side else None


def image_tokens(rule: ImageTokens, quality: str, size: str, resolution: str) -> int | None:
    """Output tokens of a picture by an offer's rule: from its table, else by area; None where it says nothing.

    By area: with the quality's factor f and s = round(f * short / long) it is ceil(f * s * (2000000 + w * h) /
    4000000), as observed of gpt-image-2.
    """
    for key in (f"{quality}:{size}", resolution, "*"):
        if key in rule.table:
            return rule.table[key]
    factor, pixels = rule.area.get(quality), Size.parse(size)
    if factor is None or pixels is None:
        return None
    short, long = sorted((pixels.width, pixels.height))
    rows = (2 * factor * short + long) // (2 * long)
    return ceil(Decimal(factor * rows * (2_000_000 + pixels.pixels)) / 4_000_000)


def _chat_usage(call: ChatCall, offer: Offer, price: Price, model: Model | None) -> tuple[Usage, Usage | None]:
    """The prompt alone, and the longest prompt this can be with the longest answer; None where one has no bound."""
    if not price.units & _TOKENS and Unit.IMAGE not in price.units and Unit.SECOND not in price.units:
        return Usage(), Usage()  # by the request
    window = offer.limits.context_tokens or (model.context_tokens if model else None)
    usual, longest = prompt_tokens(call.body, window)
    least = Usage(text_tokens_in=usual, text_tokens_out=0)
    answers = answer_tokens(call.body, offer.limits.max_output_tokens, window)
    seen = _media_tokens(call, offer.image_tokens)
    makes_pictures = Unit.IMAGE_TOKEN_OUT in price.units or bool(set(call.modalities or ()) - {"text"})
    if answers is None or seen is None or makes_pictures:
        return least, None
    return least, Usage(text_tokens_in=longest, image_tokens_in=seen, text_tokens_out=answers)


def _media_tokens(call: ChatCall, rule: ImageTokens | None) -> int | None:
    """Input tokens of the pictures in a chat; None where that is not known, or it holds sound or documents."""
    pictures = media(call)
    if not pictures:
        return pictures
    return None if rule is None or rule.per_reference is None else rule.per_reference * pictures

"""What a call used, in the units that prices are made of. None means that it is not known, never zero."""

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.core.call import Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, pictures and steps of one call.

    The four input counts exclude one another: cached tokens are not counted in `text_tokens_in` as well.
    """

    text_tokens_in: int | None = None
    cached_text_tokens_in: int | None = None
    image_tokens_in: int | None = None
    cached_image_tokens_in: int | None = None
    text_tokens_out: int | None = None
    """Includes reasoning tokens."""
    image_tokens_out: int | None = None
    reasoning_tokens: int | None = None
    """The part of `text_tokens_out` spent on reasoning."""
    outputs: tuple[Size, ...] = ()
    """The pictures delivered."""
    references: tuple[Size, ...] = ()
    """The reference pictures sent."""
    steps: int | None = None
    seconds: float | None = None

    @property
    def tokens_in(self) -> int | None:
        return _sum(self.text_tokens_in, self.cached_text_tokens_in, self.image_tokens_in, self.cached_image_tokens_in)

    @property
    def tokens_out(self) -> int | None:
        return _sum(self.text_tokens_out, self.image_tokens_out)


_COUNTS = (
    "text_tokens_in",
    "cached_text_tokens_in",
    "image_tokens_in",
    "cached_image_tokens_in",
    "text_tokens_out",
    "image_tokens_out",
    "reasoning_tokens",
)


def summed(usages: Sequence[Usage], *, gaps: bool = False) -> Usage:
    """The usage of several answers together; `usages` is not empty.

    A count that one of them does not know is not known of all, unless `gaps` says that the others stand for it.
    """
    totals: dict[str, int | None] = {}
    for name in _COUNTS:
        counts = [getattr(usage, name) for usage in usages]
        totals[name] = None if None in counts and not gaps else _sum(*counts)
    return Usage(
        outputs=tuple(size for usage in usages for size in usage.outputs),
        references=tuple(size for usage in usages for size in usage.references),
        steps=usages[0].steps,
        text_tokens_in=totals["text_tokens_in"],
        cached_text_tokens_in=totals["cached_text_tokens_in"],
        image_tokens_in=totals["image_tokens_in"],
        cached_image_tokens_in=totals["cached_image_tokens_in"],
        text_tokens_out=totals["text_tokens_out"],
        image_tokens_out=totals["image_tokens_out"],
        reasoning_tokens=totals["reasoning_tokens"],
    )


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None

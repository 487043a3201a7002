"""What a call used, in the units that prices are made of. None means that it is not known, never zero."""

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


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None

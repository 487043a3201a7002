"""A request's attempts as bars under each other, each where it began and as long as it took.

The bars are shapes only, stretched to the page's width; the words beside them are the page's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from penstock.store.rows import AttemptRow, RequestRow

_WIDTH = 1000
_LEAST = 4.0
"""Of a bar, so that the shortest one can be seen."""
_FILLS = {"succeeded": "good", "failed": "bad", "moderated": "warn"}


@dataclass(frozen=True, slots=True)
class Bar:
    """An attempt's bar, and when it began."""

    svg: Markup
    after_ms: int
    """Since the request arrived."""


def scale_ms(request: RequestRow, attempts: Sequence[AttemptRow]) -> int:
    """How long the whole drawing is: an attempt that lost may have ended after its request."""
    ends = [attempt.started_at + (attempt.latency_ms or 0) - request.created_at for attempt in attempts]
    return max(1, request.latency_ms, *ends)


def waterfall(request: RequestRow, attempts: Sequence[AttemptRow]) -> tuple[Bar, Sequence[Bar]]:
    """The bar of the whole request, and those of its attempts; one that is under way lasts until the end."""
    scale = scale_ms(request, attempts)
    whole = Bar(_drawn(0, request.latency_ms, scale, "fill-accent"), 0)
    bars = []
    for attempt in attempts:
        after = max(0, attempt.started_at - request.created_at)
        length = scale - after if attempt.latency_ms is None else attempt.latency_ms
        fill = f"fill-{_FILLS.get(attempt.outcome, 'none')}"
        bars.append(Bar(_drawn(after, length, scale, fill), after))
    return whole, bars


def _drawn(after: int, length: int, scale: int, fill: str) -> Markup:
    width = max(_LEAST, _WIDTH * length / scale)
    x = min(_WIDTH * after / scale, _WIDTH - width)
    return Markup(
        '<svg class="fall" viewBox="0 0 {} 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect x="0" y="4.5" width="{}" height="1" class="grid-line"/>'
        '<rect x="{:.1f}" y="0" width="{:.1f}" height="10" class="{}"/></svg>'
    ).format(_WIDTH, _WIDTH, max(0.0, x), min(width, _WIDTH), fill)

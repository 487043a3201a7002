"""How a model is rated: by the benchmarks of the catalogue, and by results that were contributed here and accepted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from penstock.catalogue.search import Catalogue
from penstock.store.benchmark_reviews import BenchmarkReview
from penstock.web.templating import OPERATIONS, number

OPERATIONS_RATED = {
    name: OPERATIONS[name] for name in ("image_generation", "image_edit", "chat", "embedding") if name in OPERATIONS
}
"""What a result can be about, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """One result."""

    benchmark: str
    about: str
    operation: str
    score: Decimal
    interval: str
    """Empty: not known."""
    votes: int | None
    rank: int | None
    source: str
    """An address of the web."""
    day: date
    note: str
    contributed: bool


def ratings(slug: str, catalogue: Catalogue, reviews: Sequence[BenchmarkReview]) -> list[Rated]:
    """The newest first."""
    known = [
        Rated(
            benchmark=benchmark.about.name,
            about=benchmark.about.measures,
            operation=OPERATIONS.get(rating.operation, rating.operation),
            score=Decimal(str(rating.score)),
            interval=f"± {number(rating.interval)}" if rating.interval is not None else "",
            votes=rating.votes,
            rank=rating.rank,
            source=benchmark.about.page,
            day=rating.checked,
            note=rating.note,
            contributed=False,
        )
        for benchmark in catalogue.benchmarks.values()
        for rating in benchmark.ratings
        if rating.model == slug
    ]
    return sorted([*known, *map(_contributed, reviews)], key=lambda rated: rated.day, reverse=True)


def _contributed(review: BenchmarkReview) -> Rated:
    return Rated(
        benchmark=review.benchmark,
        about="",
        operation=OPERATIONS.get(review.operation, review.operation),
        score=review.score,
        interval=_interval(review.low, review.high),
        votes=review.votes,
        rank=None,
        source=review.source,
        day=review.measured_on,
        note=review.note,
        contributed=True,
    )


def _interval(low: Decimal | None, high: Decimal | None) -> str:
    if low is not None and high is not None:
        return f"{number(low)} to {number(high)}"
    if low is not None:
        return f"at least {number(low)}"
    return "" if high is None else f"at most {number(high)}"

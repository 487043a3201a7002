"""`/settings/benchmarks`: results that people have contributed, accepted or declined, and what was decided before."""

from functools import partial

from sqlalchemy import Connection

from penstock.core.errors import BadRequest
from penstock.pipeline.request import Reply
from penstock.store import benchmark_reviews
from penstock.store.benchmark_reviews import BenchmarkReview, State
from penstock.store.usage import holder_names
from penstock.web.pages.settings.frame import framed
from penstock.web.visit import Form, Visit

PART = "/settings/benchmarks"
_DECISIONS: dict[str, tuple[State, str]] = {
    "accept": ("accepted", "accepted"),
    "decline": ("declined", "declined"),
    "put-back": ("waiting", "put-back"),
}
"""What the form says: the state that it means, and the notice afterwards."""


async def list_page(visit: Visit) -> Reply:
    """`GET /settings/benchmarks`."""
    waiting, decided, names = await visit.gateway.books.read(_reviews)
    models = visit.gateway.catalogue.models
    return framed(
        visit,
        "benchmarks.html",
        title="Benchmarks",
        part=PART,
        waiting=waiting,
        decided=decided,
        names=names,
        models={slug: models[slug].name for slug in {it.model for it in (*waiting, *decided)} & models.keys()},
    )


async def decide(visit: Visit, form: Form, review: str) -> Reply:
    """`POST /settings/benchmarks/{review}`."""
    if form.text("decision") not in _DECISIONS:
        raise BadRequest("A result is accepted, declined, or put back.", param="decision")
    state, done = _DECISIONS[form.text("decision")]
    key_id = visit.principal.key_id if visit.principal else None
    await visit.gateway.books.change(
        partial(benchmark_reviews.decide, id=review, state=state, key_id=key_id, now=visit.now_ms)
    )
    return visit.redirect(f"{PART}?done={done}")


def _reviews(c: Connection) -> tuple[list[BenchmarkReview], list[BenchmarkReview], dict[str, str]]:
    waiting, decided = benchmark_reviews.waiting(c), benchmark_reviews.decided(c)
    keys = {id for it in (*waiting, *decided) for id in (it.key_id, it.decided_by) if id}
    return waiting, decided, holder_names(c, "key", keys)

"""Words for how requests went: for every code an error can have, and bars that never leave the drawing."""

import re
from typing import Any

import pytest

from penstock.core import errors
from penstock.store.rows import AttemptRow, RequestRow
from penstock.web.usage.waterfall import waterfall
from penstock.web.usage.wording import CODES, ending, why
from tests.store.samples import NOW, request


def attempt(number: int = 1, **fields: Any) -> AttemptRow:
    known = {"provider": "bfl", "upstream": "flux", "operation": "image_generation", "started_at": NOW}
    return AttemptRow(id=f"att_{number}", request_id="req_1", number=number, **{**known, **fields})


def test_every_failure_of_a_provider_has_words() -> None:
    def codes(kind: type[errors.PenstockError]) -> set[str]:
        return {kind.code}.union(*(codes(below) for below in kind.__subclasses__()))

    assert codes(errors.ProviderError) | {errors.JOB_FAILED, errors.Moderated.code} <= set(CODES)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (request(status=200), ("Succeeded", "good")),
        (request(status=200, client_gone=True), ("Succeeded, caller left", "warn")),
        (request(status=200, client_gone=True, mirror_of="req_0"), ("Succeeded", "good")),
        (request(status=429, error_code="budget_exceeded"), ("Budget used up", "warn")),
        (request(status=429, error_code="rate_limit_exceeded"), ("Too much for now", "warn")),
        (request(status=502, error_code="provider_failed"), ("Provider failed", "bad")),
        (request(status=418), ("Failed", "warn")),
    ],
)
def test_how_a_request_ended_is_said_in_a_few_words(row: RequestRow, words: tuple[str, str]) -> None:
    assert ending(row) == words


def test_why_an_attempt_was_made_is_a_sentence() -> None:
    failed = attempt(1, outcome="failed", error_code="provider_unreachable", reason="first")
    names = {"bfl": "Black Forest Labs"}
    assert why(failed, None, names) == "Asked first."
    fallback = attempt(2, reason="fallback")
    assert why(fallback, failed, names) == "Fell back because of Black Forest Labs: it could not be reached."
    assert why(attempt(2, reason="retry"), failed, names) == "Asked again: it could not be reached."
    assert why(attempt(2, reason=None), failed, names) == "It was not noted why."


def test_bars_begin_where_their_attempts_did_and_stay_in_the_drawing() -> None:
    row = request(created_at=NOW, latency_ms=1000)
    tried = [
        attempt(1, started_at=NOW, latency_ms=0, outcome="failed"),
        attempt(2, started_at=NOW + 250, latency_ms=500, outcome="succeeded"),
        attempt(3, started_at=NOW + 500, latency_ms=1500, outcome="cancelled"),
        attempt(4, started_at=NOW + 1999, latency_ms=None),
        attempt(5, started_at=NOW - 40, latency_ms=10, outcome="failed"),
    ]
    whole, bars = waterfall(row, tried)
    found = [
        (float(bar["x"]), float(bar["width"]))
        for one in (whole, *bars)
        if (bar := re.search(r'<rect x="(?P<x>[\d.]+)" y="0" width="(?P<width>[\d.]+)"', one.svg))
    ]
    assert len(found) == 6
    assert found[0] == (0, 500), "the request was half as long as everything it started"
    assert found[2] == (125, 250)
    assert all(x >= 0 and width >= 4 and x + width <= 1000.1 for x, width in found)
    assert [bar.after_ms for bar in bars] == [0, 250, 500, 1999, 0]

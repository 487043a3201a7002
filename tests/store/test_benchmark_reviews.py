"""Benchmark results that people contribute: checked, kept until somebody decides, shown once accepted."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from penstock.core.errors import BadRequest, LimitReached, NotFound
from penstock.store.benchmark_reviews import MOST_WAITING, Contribution, accepted_for, contribute, decide, waiting
from penstock.store.books import BlockingBooks
from tests.store.samples import NOW

MODEL = "black-forest-labs/flux.2-pro"


def given(**fields: Any) -> Contribution:
    """A result of which everything is known."""
    known: dict[str, Any] = {
        "model": MODEL,
        "operation": "image_generation",
        "benchmark": "Arena",
        "score": "1,157.5",
        "low": "1150",
        "high": "1160",
        "votes": "12,000",
        "source": "https://arena.example/boards",
        "measured_on": date(2026, 5, 1),
        "note": "As flux-2-pro.",
    }
    return Contribution(**known | fields)


def test_a_result_waits_until_it_is_accepted_and_is_shown_then(shell: BlockingBooks) -> None:
    sent = shell.change(lambda c: contribute(c, given(), "key_1", NOW))
    assert (sent.score, sent.low, sent.high, sent.votes) == (Decimal("1157.5"), 1150, 1160, 12_000)
    assert (sent.state, sent.key_id, sent.decided_at) == ("waiting", "key_1", None)
    assert shell.read(waiting) == [sent]
    assert shell.read(lambda c: accepted_for(c, MODEL)) == []
    accepted = shell.change(lambda c: decide(c, sent.id, "accepted", "key_admin", NOW + 5))
    assert (accepted.state, accepted.decided_at, accepted.decided_by) == ("accepted", NOW + 5, "key_admin")
    assert shell.read(waiting) == []
    assert shell.read(lambda c: accepted_for(c, MODEL)) == [accepted]
    assert shell.read(lambda c: accepted_for(c, "sandbox/image")) == []


def test_a_declined_result_is_not_shown_and_can_be_put_back(shell: BlockingBooks) -> None:
    sent = shell.change(lambda c: contribute(c, given(low="", high="", votes="", note=""), None, NOW))
    assert (sent.low, sent.high, sent.votes, sent.note, sent.key_id) == (None, None, None, "", None)
    shell.change(lambda c: decide(c, sent.id, "declined", None, NOW))
    assert shell.read(waiting) == [] and shell.read(lambda c: accepted_for(c, MODEL)) == []
    assert shell.change(lambda c: decide(c, sent.id, "waiting", "key_admin", NOW)) == sent
    assert shell.read(waiting) == [sent]


def test_the_newest_result_is_shown_first(shell: BlockingBooks) -> None:
    for day in (date(2026, 3, 1), date(2026, 5, 1), date(2026, 4, 1)):
        sent = shell.change(lambda c, day=day: contribute(c, given(measured_on=day), "key_1", NOW))
        shell.change(lambda c, id=sent.id: decide(c, id, "accepted", None, NOW))
    assert [row.measured_on.month for row in shell.read(lambda c: accepted_for(c, MODEL))] == [5, 4, 3]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("benchmark", "  "),
        ("benchmark", "x" * 121),
        ("operation", "singing"),
        ("score", ""),
        ("score", "much"),
        ("score", "NaN"),
        ("score", "Infinity"),
        ("score", "1e400"),
        ("low", "2000"),
        ("high", "1000"),
        ("high", "-"),
        ("votes", "-1"),
        ("votes", "1.5"),
        ("votes", "9" * 30),
        ("source", ""),
        ("source", "arena.example/boards"),
        ("source", "javascript:alert(1)"),
        ("source", "https://"),
        ("source", "https://arena.example/a b"),
        ("source", "https://[arena"),
        ("source", "https://arena.example/" + "a" * 500),
        ("note", "x" * 501),
        ("measured_on", date(2030, 1, 1)),
    ],
)
def test_what_is_missing_or_cannot_be_is_refused_with_its_field(shell: BlockingBooks, field: str, value: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        shell.change(lambda c: contribute(c, given(**{field: value}), "key_1", NOW))
    assert refused.value.param == field and refused.value.message.endswith(".")
    assert shell.read(waiting) == []


def test_a_key_cannot_fill_the_list_for_everybody(shell: BlockingBooks) -> None:
    for _ in range(MOST_WAITING):
        shell.change(lambda c: contribute(c, given(), "key_1", NOW))
    with pytest.raises(LimitReached):
        shell.change(lambda c: contribute(c, given(), "key_1", NOW))
    assert shell.change(lambda c: contribute(c, given(), "key_2", NOW)).key_id == "key_2"


def test_only_what_is_there_can_be_decided_and_only_in_known_words(shell: BlockingBooks) -> None:
    with pytest.raises(NotFound):
        shell.change(lambda c: decide(c, "brv_nothing", "accepted", None, NOW))
    with pytest.raises(BadRequest):
        shell.change(lambda c: decide(c, "brv_nothing", "splendid", None, NOW))  # type: ignore[arg-type]

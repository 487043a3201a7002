"""What each kind of call counts for at each kind of limit, before and after it, and what is said of a limit reached."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import count
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from penstock.core.answer import Answer, ChatAnswer, EmbeddingAnswer, ImageAnswer
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Size
from penstock.core.errors import BudgetExceeded, LimitReached, UpstreamFailed
from penstock.core.picture import Picture
from penstock.core.price import Line, Unit
from penstock.core.spending import GATEWAY, Holder, Level, Limit, LimitUnit
from penstock.core.target import Limits
from penstock.core.usage import Usage
from penstock.metering.quote import Quote
from penstock.metering.settle import Charge
from penstock.metering.windows import Windows, from_grains
from penstock.pipeline.limit import admit, admit_call, leave, limit_headers
from penstock.pipeline.request import Life
from tests.pipeline.lives import PICTURE, attempt, candidate, life, offer

MEGAPIXEL = 1024 * 1024
KEY = Holder(Level.KEY, "key_1")
_ids = count()


class Gate:
    """A gateway with windows and a clock that is set by hand."""

    def __init__(self) -> None:
        self.windows = Windows()
        self.now = 100.0
        self.clock = SimpleNamespace(monotonic=lambda: self.now)

    def left(self, limit: Limit) -> Decimal:
        return from_grains(limit.unit, self.windows.state(limit, self.now).remaining)


def gate() -> Any:
    return Gate()


def limit(unit: LimitUnit, amount: str = "1000000", holder: Holder = KEY, **more: Any) -> Limit:
    return Limit(id=f"lim_{next(_ids)}", holder=holder, unit=unit, amount=Decimal(amount), **more)


def body(**fields: Any) -> Mapping[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


CHAT_BODY = body(messages=[{"role": "user", "content": "a" * 47}], max_tokens=50)
ONE_PICTURE = Picture("a" * 64, "image/png", 1024, 512, 10)
GENERATION = ImageCall(model="picture", prompt="a boat", n=4, size=Size(1024, 512))
EDIT = ImageCall(model="picture", prompt="a boat", references=(ONE_PICTURE,), size=Size(2048, 1024))
CHAT = ChatCall(model="picture", body=CHAT_BODY)
EMBEDDING = EmbeddingCall(model="picture", body=body(input="a" * 38))
QUOTE = Quote(low=Decimal("0.25"), high=Decimal(1), exact=False)
WORDS = replace(PICTURE, slug="own/words", output_modalities=("text",))


def lived(call: Call, *limits: Limit, quote: Quote = QUOTE, at: str = "one") -> Life:
    """A request for this call, as it is when it has been priced."""
    made = life()
    made.principal = replace(made.principal, limits=limits)
    made.call = call
    model = WORDS if isinstance(call, EmbeddingCall) or call is CHAT else PICTURE
    made.candidates = (replace(candidate(at), model=model),)
    made.quotes = {made.candidates[0].offer.id: quote}
    return made


def entered(made: Life, gateway: Any) -> Life:
    admit(made, gateway)
    admit_call(made, gateway)
    return made


R, I, M, T, D, C = LimitUnit  # noqa: E741

COUNTS = [
    (GENERATION, {R: "1", I: "4", M: "2", T: None, D: "0.25", C: "1"}),
    (EDIT, {R: "1", I: "1", M: "2", T: None, D: "0.25", C: "1"}),
    (CHAT, {R: "1", I: None, M: None, T: "70", D: "0.25", C: "1"}),
    (EMBEDDING, {R: "1", I: None, M: None, T: "10", D: "0.25", C: "1"}),
]


@pytest.mark.parametrize("unit", LimitUnit)
@pytest.mark.parametrize(("call", "expected"), COUNTS, ids=["generation", "edit", "chat", "embedding"])
def test_a_call_counts_for_what_is_known_or_estimated_of_it(
    call: Call, expected: Mapping[LimitUnit, str | None], unit: LimitUnit
) -> None:
    gateway, bound = gate(), limit(unit)
    entered(lived(call, bound), gateway)
    amount = expected[unit]
    assert gateway.left(bound) == 1_000_000 - Decimal(amount or 0)
    spent = limit(unit, str(amount or 1))
    made = entered(lived(call, spent), gateway)
    again = lived(call, spent)
    if amount is None:
        entered(again, gateway)
        assert not made.counted
    else:
        with pytest.raises(LimitReached):
            entered(again, gateway)


ANSWERED = Usage(text_tokens_in=11, text_tokens_out=22, outputs=(Size(1024, 1024),))
PICTURES = ImageAnswer(outputs=(), usage=ANSWERED)
TALK = ChatAnswer(choices=None, usage=Usage(text_tokens_in=11, text_tokens_out=22))
VECTORS = EmbeddingAnswer(data=msgspec.Raw(b"[]"), usage=Usage(text_tokens_in=9))
SEEING = Quote(
    low=Decimal("0.25"), high=None, exact=False, lines=(Line(Unit.IMAGE_TOKEN_OUT, Decimal(200), Decimal(1)),)
)
OPEN = replace(GENERATION, n=1, size=None)
DRAWING = ChatCall(model="picture", body=CHAT_BODY, modalities=("image", "text"))
DRAWN = ChatAnswer(choices=None, pictures={"a" * 64: ONE_PICTURE})

AFTER = [
    ("requests stay", GENERATION, PICTURES, R, "1"),
    ("a place is free again", GENERATION, PICTURES, C, "0"),
    ("dollars are what it cost", GENERATION, PICTURES, D, "0.125"),
    ("pictures stay as asked", GENERATION, PICTURES, I, "4"),
    ("a size that was asked stays", GENERATION, PICTURES, M, "2"),
    ("a size left open is what came", OPEN, PICTURES, M, "1"),
    ("tokens of pictures are what was used", GENERATION, PICTURES, T, "33"),
    ("tokens of a chat are what was used", CHAT, TALK, T, "33"),
    ("tokens of texts are what was used", EMBEDDING, VECTORS, T, "9"),
    ("tokens nobody counted stay estimated", CHAT, ChatAnswer(choices=None), T, "70"),
    ("pictures of a chat are those in its answer", DRAWING, DRAWN, I, "1"),
    ("megapixels of a chat likewise", DRAWING, DRAWN, M, "0.5"),
]


@pytest.mark.parametrize(
    ("call", "answer", "unit", "amount"), [row[1:] for row in AFTER], ids=[row[0] for row in AFTER]
)
def test_an_answered_call_counts_for_what_it_came_to(call: Call, answer: Answer, unit: LimitUnit, amount: str) -> None:
    gateway, bound = gate(), limit(unit)
    made = entered(lived(call, bound, quote=SEEING), gateway)
    made.attempts, made.answer = [attempt(outcome="succeeded")], answer
    made.charge = Charge(amount=Decimal("0.125"), source="usage", computed=None)
    leave(made, gateway)
    leave(made, gateway)
    assert gateway.left(bound) == 1_000_000 - Decimal(amount)


FREE = Charge(amount=Decimal(0), source="none", computed=None)
UNKNOWN = Charge(amount=None, source="none", computed=None)
DELTAS = [msgspec.Raw(b"[]")] * 5


@pytest.mark.parametrize(
    ("call", "attempts", "charge", "unit", "amount"),
    [
        (GENERATION, [], FREE, I, "0"),
        (GENERATION, [], FREE, M, "0"),
        (GENERATION, [], FREE, D, "0"),
        (CHAT, [], FREE, T, "0"),
        (CHAT, [], FREE, R, "1"),
        (CHAT, [], FREE, C, "0"),
        (GENERATION, [{}], FREE, I, "4"),
        (GENERATION, [{}], FREE, D, "0"),
        (GENERATION, [{}], UNKNOWN, D, "0.25"),
        (CHAT, [{}], FREE, T, "0"),
        (CHAT, [{}], UNKNOWN, T, "70"),
        (CHAT, [{"deltas": DELTAS}], UNKNOWN, T, "25"),
    ],
)
def test_a_failed_call_counts_for_what_was_asked_of_a_provider_and_may_have_been_used(
    call: Call, attempts: list[dict[str, Any]], charge: Charge, unit: LimitUnit, amount: str
) -> None:
    gateway, bound = gate(), limit(unit)
    made = entered(lived(call, bound), gateway)
    made.attempts, made.charge = [attempt(outcome="failed", **facts) for facts in attempts], charge
    made.error = UpstreamFailed("It broke.") if attempts else BudgetExceeded("It does not fit.")
    leave(made, gateway)
    assert gateway.left(bound) == 1_000_000 - Decimal(amount)


@pytest.mark.parametrize(
    ("quotes", "amount"),
    [
        ({"a": "0.02", "b": "0.05"}, "0.05"),
        ({"a": None, "b": "0.05"}, "0.05"),
        ({"a": None}, "0"),
    ],
)
def test_of_several_candidates_the_dearest_estimate_counts(quotes: dict[str, str | None], amount: str) -> None:
    gateway, bound = gate(), limit(D)
    made = lived(GENERATION, bound)
    made.quotes = {id: replace(QUOTE, low=None if low is None else Decimal(low)) for id, low in quotes.items()}
    entered(made, gateway)
    assert gateway.left(bound) == 1_000_000 - Decimal(amount)


def test_what_costs_nothing_needs_no_dollars() -> None:
    gateway, bound = gate(), limit(D, "0.25")
    entered(lived(GENERATION, bound), gateway)
    entered(lived(GENERATION, bound, quote=Quote(low=Decimal(0), high=Decimal(0), exact=True)), gateway)
    with pytest.raises(LimitReached):
        entered(lived(GENERATION, bound, quote=Quote(low=None, high=None, exact=False, unpriced=True)), gateway)


@pytest.mark.parametrize(
    ("call", "usual", "pixels"),
    [
        (OPEN, {"size": "2048x1024"}, 2 * MEGAPIXEL),
        (OPEN, {"resolution": "2K"}, 4 * MEGAPIXEL),
        (OPEN, {}, MEGAPIXEL),
        (replace(OPEN, resolution="2k", aspect_ratio="1:1", n=2), {}, 8 * MEGAPIXEL),
    ],
)
def test_a_picture_of_no_size_counts_with_its_usual_one(call: ImageCall, usual: dict[str, str], pixels: int) -> None:
    gateway, bound = gate(), limit(M)
    made = lived(call, bound)
    sold = replace(offer("one", limits=Limits(free_size=True, multiple=16)), defaults=usual)
    made.candidates = (replace(made.candidates[0], offer=sold),)
    entered(made, gateway)
    assert gateway.left(bound) == 1_000_000 - Decimal(pixels) / MEGAPIXEL


def test_a_refused_request_counts_for_nothing() -> None:
    gateway, requests, pictures = gate(), limit(R), limit(I, "5")
    entered(lived(GENERATION, requests, pictures), gateway)
    refused = lived(GENERATION, requests, pictures)
    with pytest.raises(LimitReached):
        entered(refused, gateway)
    leave(refused, gateway)
    assert (gateway.left(requests), gateway.left(pictures)) == (999_999, 1)


def test_the_number_of_requests_is_looked_at_before_anything_is_known_of_the_call() -> None:
    gateway, bound = gate(), limit(R, "1")
    admit(lived(GENERATION, bound), gateway)
    unread = life()
    unread.principal = replace(unread.principal, limits=(bound,))
    with pytest.raises(LimitReached):
        admit(unread, gateway)
    assert limit_headers(unread)["x-ratelimit-remaining-requests"] == "0"


FALLBACK = replace(candidate(), model=replace(PICTURE, slug="own/fallback"))


@pytest.mark.parametrize("unit", [R, I, M, D])
@pytest.mark.parametrize(
    ("outcomes", "counts"),
    [
        ({"own/picture": "succeeded"}, {"own/picture"}),
        ({"own/picture": "failed", "own/fallback": "succeeded"}, {"own/fallback"}),
        ({"own/picture": "pending", "own/fallback": "succeeded"}, {"own/picture", "own/fallback"}),
        ({"own/picture": "succeeded", "own/fallback": "cancelled"}, {"own/picture", "own/fallback"}),
    ],
    ids=["the first answers", "the second answers", "a race", "a race that was called off"],
)
def test_of_several_models_only_those_that_were_used_count(
    outcomes: dict[str, str], counts: set[str], unit: LimitUnit
) -> None:
    gateway, first = gate(), candidate()
    bounds = {slug: limit(unit, model=slug) for slug in ("own/picture", "own/fallback")}
    made = lived(GENERATION, *bounds.values())
    made.candidates = (first, FALLBACK)
    entered(made, gateway)
    by_model = {each.model.slug: each for each in made.candidates}
    made.attempts = [attempt(candidate=by_model[slug], outcome=outcome) for slug, outcome in outcomes.items()]
    made.served_by = by_model[next(slug for slug, outcome in outcomes.items() if outcome == "succeeded")]
    made.answer, made.charge = PICTURES, Charge(amount=Decimal("0.125"), source="usage", computed=None)
    leave(made, gateway)
    assert {slug for slug, bound in bounds.items() if gateway.left(bound) < 1_000_000} == counts


@pytest.mark.parametrize("pattern", ["own/picture", "own/*"])
@pytest.mark.parametrize("unit", [R, I])
def test_a_limit_of_a_model_counts_that_model_only_by_whatever_name_it_is_called(pattern: str, unit: LimitUnit) -> None:
    gateway, bound = gate(), limit(unit, model=pattern)
    entered(lived(OPEN, bound), gateway)
    other = lived(OPEN, bound)
    other.candidates = (replace(other.candidates[0], model=replace(PICTURE, slug="another/picture")),)
    entered(other, gateway)
    assert gateway.left(bound) == 999_999
    assert limit_headers(other) == {}


def test_the_models_of_a_pattern_share_one_window() -> None:
    gateway, bound = gate(), limit(I, "2", model="own/*")
    entered(lived(OPEN, bound), gateway)
    other = lived(OPEN, bound)
    other.candidates = (replace(other.candidates[0], model=replace(PICTURE, slug="own/second")),)
    entered(other, gateway)
    with pytest.raises(LimitReached):
        entered(lived(OPEN, bound), gateway)


def test_headers_tell_the_tightest_limit_of_each_unit() -> None:
    gateway = gate()
    limits = (
        limit(R, "100"),
        limit(R, "10", window_seconds=3600),
        limit(M, "3.3"),
        limit(D, "1"),
        limit(C, "2"),
        limit(I, "1", model="another/*"),
    )
    made = entered(lived(OPEN, *limits, quote=replace(QUOTE, low=Decimal("0.0300004"))), gateway)
    unix = 1_700_000_100
    assert limit_headers(made) == {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": str(unix + 3600),
        "x-ratelimit-limit-megapixels": "3.3",
        "x-ratelimit-remaining-megapixels": "2.299",
        "x-ratelimit-reset-megapixels": str(unix + 60),
        "x-ratelimit-limit-dollars": "1",
        "x-ratelimit-remaining-dollars": "0.969999",
        "x-ratelimit-reset-dollars": str(unix + 60),
        "x-ratelimit-limit-concurrent": "2",
        "x-ratelimit-remaining-concurrent": "1",
    }


def test_a_key_without_limits_has_no_headers() -> None:
    made = entered(lived(GENERATION), gate())
    assert (made.limits, made.counted, limit_headers(made)) == ((), (), {})


TEAM, ORGANISATION = Holder(Level.TEAM, "team_1"), Holder(Level.ORGANISATION, "org_1")
OFTEN = 86_400


@pytest.mark.parametrize(
    ("bound", "says"),
    [
        (limit(R, "1"), "The key `test` may make 1 request a minute; try again in 60 s."),
        (limit(I, "5", TEAM), "The team of the key `test` may make 5 pictures a minute; try again in 60 s."),
        (
            limit(M, "3.5", ORGANISATION, window_seconds=OFTEN, model="own/*"),
            "The organisation of the key `test` may make 3.5 megapixels a day with `own/*`; try again in 86400 s.",
        ),
        (
            limit(D, "0.3", GATEWAY, window_seconds=7200),
            "All keys of this gateway together may spend $0.3 in 2 hours; try again in 7200 s.",
        ),
        (limit(T, "100", window_seconds=3600), "The key `test` may use 100 tokens an hour; try again in 3600 s."),
        (limit(I, "4", window_seconds=90), "The key `test` may make 4 pictures in 90 seconds; try again in 90 s."),
        (
            limit(C, "1"),
            "The key `test` may have 1 request in flight at once; try again when one of them is done.",
        ),
    ],
    ids=lambda value: str(value.unit) if isinstance(value, Limit) else None,
)
def test_a_reached_limit_is_told_with_whose_it_is_and_when_to_try_again(bound: Limit, says: str) -> None:
    gateway = gate()
    call = CHAT if bound.unit is T else GENERATION
    if bound.unit is M:
        call = replace(GENERATION, n=7, size=Size(1024, 512))
    entered(lived(call, bound), gateway)
    with pytest.raises(LimitReached) as raised:
        entered(lived(call, bound), gateway)
    assert raised.value.message == says
    waits = {I: bound.window_seconds, C: 1}.get(bound.unit, bound.window_seconds)
    assert (raised.value.code, raised.value.headers) == ("rate_limit_exceeded", {"retry-after": str(waits)})


@pytest.mark.parametrize(
    ("bound", "says"),
    [
        (limit(I, "3"), "The key `test` may make 3 pictures a minute, and this one alone asks for 4 pictures."),
        (limit(M, "1"), "The key `test` may make 1 megapixel a minute, and this one alone asks for 2 megapixels."),
        (limit(D, "0.1"), "The key `test` may spend $0.1 a minute, and this one alone costs at least $0.25."),
    ],
    ids=lambda value: str(value.unit) if isinstance(value, Limit) else None,
)
def test_a_request_that_can_never_fit_is_told_so_and_not_to_be_sent_again(bound: Limit, says: str) -> None:
    with pytest.raises(LimitReached) as raised:
        entered(lived(GENERATION, bound), gate())
    assert raised.value.message == f"{says} Ask for less, or have the limit raised."
    assert (raised.value.code, raised.value.headers) == ("request_exceeds_limit", {"x-should-retry": "false"})


def test_less_than_a_second_is_told_as_a_second() -> None:
    gateway, bound = gate(), limit(R, "1")
    admit(lived(GENERATION, bound), gateway)
    gateway.now += 59.9
    with pytest.raises(LimitReached, match=r"try again in 1 s\.") as raised:
        admit(lived(GENERATION, bound), gateway)
    assert raised.value.headers == {"retry-after": "1"}

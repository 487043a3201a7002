"""What was written on the command line, as values."""

from collections.abc import Callable

import pytest

from penstock.commands.given import amount, expiry, listed, seconds, where, words
from penstock.core.errors import BadRequest
from tests.store.samples import NOW

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("text", "length"), [("0s", 0), ("60s", 60), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000), ("2w", 1_209_600)]
)
def test_a_duration_is_in_seconds(text: str, length: int) -> None:
    assert seconds(text, "--per") == length


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("never", None),
        ("30d", NOW + 30 * DAY_MS),
        ("12h", NOW + DAY_MS // 2),
        ("2030-01-31", 1_896_048_000_000),
        ("2030-01-31T12:00:00Z", 1_896_048_000_000 + DAY_MS // 2),
        ("2030-01-31T12:00:00+02:00", 1_896_048_000_000 + DAY_MS // 2 - 7_200_000),
    ],
)
def test_a_key_ends_so_long_from_now_or_at_a_date_of_utc(text: str, ends: int | None) -> None:
    assert expiry(text, NOW) == ends


@pytest.mark.parametrize("text", ["0.1", "1.00", "-25.50", "1000000", "0.000000000001"])
def test_an_amount_is_exactly_what_was_written(text: str) -> None:
    assert f"{amount(text, '--amount'):f}" == text


def test_an_empty_text_takes_a_restriction_away_and_none_leaves_it() -> None:
    assert (listed(None), listed([""]), listed(["a", "b"])) == (None, [], ["a", "b"])


def test_words_and_conditions_are_taken_apart() -> None:
    assert words("model, key,,day") == ["model", "key", "day"] and words("") == []
    assert where(["model=openai/gpt-image-1", "key=a=b"]) == {"model": "openai/gpt-image-1", "key": "a=b"}
    assert where(None) == {}


REFUSED: list[tuple[Callable[[str], object], str]] = [
    *((lambda text: seconds(text, "--per"), text) for text in ("", "60", "1.5h", "-1d", "1y", "d")),
    *((lambda text: expiry(text, NOW), text) for text in ("", "soon", "30y", "2030-13-01")),
    *((lambda text: amount(text, "--amount"), text) for text in ("", "$1", "1,5", "one")),
    *((lambda text: where([text]), text) for text in ("model", "model=", "")),
]


@pytest.mark.parametrize(("read", "text"), REFUSED, ids=[repr(text) for _, text in REFUSED])
def test_what_cannot_be_read_is_refused_with_the_option_and_the_text(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(text)
    assert refused.value.message.startswith("`--") and repr(text)[:-1] in refused.value.message

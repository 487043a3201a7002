"""Every magic word of the sandbox does what its page says, for every operation, however it is asked for."""

from pathlib import Path
from typing import Any

import pytest
from sandbox_bench import (
    OFFER,
    Workbench,
    account,
    answer,
    chat_call,
    embedding_call,
    events,
    picture_call,
    raw,
    sandbox,
)

from penstock.core.answer import ChatDelta, Event, PartialPicture
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Size
from penstock.core.errors import (
    BadCredentials,
    BadRequest,
    ConnectionLost,
    Moderated,
    NoCredit,
    PenstockError,
    RateLimited,
    Rejected,
    Unreachable,
    UpstreamFailed,
    UpstreamTimeout,
)
from penstock.providers.sandbox_failures import WORDS, Moment, asked_for, without_magic

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "try-without-money.md"
SMALL = Size(64, 64)
ERRORS: dict[str, type[PenstockError]] = {
    "timeout": UpstreamTimeout,
    "429": RateLimited,
    "500": UpstreamFailed,
    "unreachable": Unreachable,
    "no-credit": NoCredit,
    "bad-key": BadCredentials,
    "rejected": Rejected,
    "moderated-input": Moderated,
    "moderated-output": Moderated,
    "garbage": UpstreamFailed,
    "dies-mid-stream": ConnectionLost,
    "expired": UpstreamFailed,
}


def calls(word: str) -> dict[str, Call]:
    """The same trouble, asked for in every way."""
    magic = f"a lighthouse [sandbox:{word}] at dusk"
    field = raw({"sandbox": word})
    chat = chat_call()
    return {
        "prompt": picture_call(prompt=magic, size=SMALL),
        "option": picture_call(size=SMALL, options={"sandbox": word}),
        "message": chat_call(magic),
        "parts": chat_call([{"type": "text", "text": "hello"}, {"type": "text", "text": magic}]),
        "chat field": ChatCall(model=chat.model, body={**chat.body, **field}),
        "streamed chat": chat_call(magic, stream=True),
        "input": embedding_call(magic),
        "first of several inputs": embedding_call([magic, "another"]),
        "embedding field": EmbeddingCall(model="m", body={**embedding_call().body, **field}),
    }


WAYS = tuple(calls("500"))


async def until_it_fails(call: Call, bench: Workbench) -> tuple[list[Event], PenstockError]:
    seen: list[Event] = []
    with pytest.raises(PenstockError) as caught:
        async for event in sandbox().perform(call, OFFER, account(timeout=40), bench):
            seen.append(event)
    return seen, caught.value


def test_every_word_is_tested() -> None:
    assert set(ERRORS) | {"slow", "partial"} == set(WORDS)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("word", ERRORS)
async def test_a_word_raises_its_error_however_it_is_asked_for(word: str, way: str) -> None:
    seen, error = await until_it_fails(calls(word)[way], Workbench())
    assert type(error) is ERRORS[word]
    assert not any(isinstance(event, PartialPicture) for event in seen)


def test_the_page_lists_every_word_with_its_number_and_meaning() -> None:
    rows = [line.split("|")[1:-1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    listed = {cells[0].strip(" `"): (cells[1].strip(), cells[2].strip()) for cells in rows if len(cells) == 3}
    known = {}
    for name, word in WORDS.items():
        number = word.number if word.default is None else f"{word.number}, {word.default:g} by default"
        known[name] = (number, word.meaning)
    assert listed == known


@pytest.mark.parametrize(
    ("word", "seconds"), [("slow", 3), ("slow 0.5", 0.5), ("slow 2, slow 5", 7), ("slow 900", 600)]
)
async def test_slow_waits_and_answers(word: str, seconds: float) -> None:
    bench = Workbench()
    result = await answer(picture_call(size=SMALL, options={"sandbox": word}), bench, account(timeout=1000))
    assert bench.slept == [seconds]
    assert len(result.outputs) == 1


@pytest.mark.parametrize("word", ["timeout", "slow 41", "slow 600, 500"])
async def test_a_wait_ends_when_the_time_of_the_attempt_is_over(word: str) -> None:
    bench = Workbench()
    _, error = await until_it_fails(picture_call(options={"sandbox": word}), bench)
    assert isinstance(error, UpstreamTimeout)
    assert bench.slept == [40]


async def test_slow_and_a_failure_come_one_after_the_other() -> None:
    bench = Workbench()
    _, error = await until_it_fails(chat_call("[sandbox:slow 2] [sandbox:500]"), bench)
    assert isinstance(error, UpstreamFailed)
    assert bench.slept == [2]


@pytest.mark.parametrize(("word", "seconds", "headers"), [("429 2", 2, {"retry-after": "2"}), ("429", None, {})])
async def test_too_many_requests_says_when_to_come_back_if_asked_to(
    word: str, seconds: float | None, headers: dict[str, str]
) -> None:
    _, error = await until_it_fails(picture_call(prompt=f"[sandbox:{word}]"), Workbench())
    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.headers) == (seconds, headers)


@pytest.mark.parametrize(("word", "stage"), [("moderated-input", "input"), ("moderated-output", "output")])
async def test_moderation_says_at_which_stage_and_draws_only_for_the_output(word: str, stage: str) -> None:
    bench = Workbench()
    _, error = await until_it_fails(picture_call(size=SMALL, options={"sandbox": word}), bench)
    assert isinstance(error, Moderated)
    assert (error.stage, error.reasons) == (stage, ("sandbox",))
    assert bool(bench.kept) is (stage == "output")


async def test_a_chat_dies_after_its_first_pieces() -> None:
    seen, _ = await until_it_fails(chat_call("[sandbox:dies-mid-stream] one two three", stream=True), Workbench())
    assert [type(event) for event in seen] == [ChatDelta, ChatDelta]


async def test_a_picture_dies_after_its_first_previews() -> None:
    call = picture_call(size=SMALL, stream=True, partial_images=3, options={"sandbox": "dies-mid-stream"})
    seen, _ = await until_it_fails(call, Workbench())
    assert [type(event) for event in seen] == [PartialPicture, PartialPicture]


async def test_a_result_that_expired_was_streamed_and_has_no_answer() -> None:
    seen, _ = await until_it_fails(chat_call("[sandbox:expired] one two", stream=True), Workbench())
    assert len(seen) == 6  # role, "You ", "said: ", "one ", "two", end


@pytest.mark.parametrize(("word", "failed"), [("partial", 1), ("partial 2", 2)])
async def test_of_several_pictures_the_first_fail_and_the_others_keep_their_seeds(word: str, failed: int) -> None:
    result = await answer(picture_call(n=3, size=SMALL, options={"sandbox": word}))
    assert [type(failure) for failure in result.failures] == [UpstreamFailed] * failed
    assert [output.seed for output in result.outputs] == [7, 8, 9][failed:]


async def test_when_every_picture_fails_the_call_fails() -> None:
    _, error = await until_it_fails(picture_call(n=2, size=SMALL, options={"sandbox": "partial 2"}), Workbench())
    assert isinstance(error, UpstreamFailed)


@pytest.mark.parametrize(
    ("prompt", "field", "param"),
    [
        ("[sandbox:explode]", None, "prompt"),
        ("[sandbox:]", None, "prompt"),
        ("[sandbox:slow fast]", None, "prompt"),
        ("[sandbox:slow -1]", None, "prompt"),
        ("[sandbox:500 2]", None, "prompt"),
        ("", "explode", "sandbox"),
        ("", "", "sandbox"),
        ("", "slow 1,", "sandbox"),
        ("", 500, "sandbox"),
        ("", ["slow"], "sandbox"),
    ],
)
def test_a_wrong_word_is_refused(prompt: str, field: Any, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        asked_for(prompt, field)
    assert caught.value.param == param


def test_an_unknown_word_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadRequest) as caught:
        asked_for("[sandbox:explode]")
    assert all(word in caught.value.message for word in WORDS)


@pytest.mark.parametrize("text", ["[Sandbox:Slow 1]", "[sandbox: slow 1 ]", "x[sandbox:slow 1]y"])
def test_a_word_is_found_in_any_case_and_spacing(text: str) -> None:
    assert asked_for(text).wait == 1


@pytest.mark.parametrize("text", ["", "sandbox:500", "[500]", "[sandbox 500]", "[sandbox:500"])
def test_a_text_without_magic_asks_for_no_trouble(text: str) -> None:
    trouble = asked_for(text, None)
    assert trouble.words == ()
    assert all(trouble.error(moment) is None for moment in Moment)


def test_magic_is_taken_out_of_what_is_drawn() -> None:
    assert without_magic("a lighthouse [sandbox:slow 1] at dusk") == "a lighthouse at dusk"


async def test_a_magic_word_does_not_change_the_picture() -> None:
    plain: ImageCall = picture_call(size=SMALL)
    magic = picture_call(prompt=f"{plain.prompt} [sandbox:slow 1]", size=SMALL)
    digests = {(await answer(call)).outputs[0].picture.digest for call in (plain, magic)}
    assert len(digests) == 1


async def test_only_the_last_message_of_the_user_counts() -> None:
    messages = [
        {"role": "user", "content": "[sandbox:500]"},
        {"role": "assistant", "content": "[sandbox:500]"},
        {"role": "user", "content": "again"},
    ]
    assert await events(chat_call(messages=messages))

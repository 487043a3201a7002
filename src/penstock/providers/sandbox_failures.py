"""Failures on demand: the magic words that make the sandbox slow, refuse, break or lose its answer.

A word stands in a prompt as `[sandbox:429 2]`, or without brackets in the request's `sandbox` field for callers that
must not touch the prompt (`"slow 3"`, several separated by commas). `WORDS` drives them; docs/how-to lists them.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

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

LONGEST_WAIT = 600.0
"""Seconds."""
_REASONS = ("sandbox",)
_MAGIC = re.compile(r" ?\[sandbox:([^\]\n]{0,80})\]", re.IGNORECASE)


class Moment(StrEnum):
    """When a failure happens."""

    WAIT = "wait"
    """It is only slow."""
    DEADLINE = "deadline"
    """When the time one attempt may take is over."""
    START = "start"
    """Before anything is made."""
    MIDDLE = "middle"
    """After the first pieces of a stream; instead of the answer where nothing is streamed."""
    END = "end"
    """When everything is made, instead of the answer."""
    SOME = "some"
    """For some of several pictures."""


@dataclass(frozen=True, slots=True)
class Word:
    """One magic word."""

    moment: Moment
    meaning: str
    """A sentence for the documentation."""
    error: Callable[[float | None], PenstockError] | None = None
    """Made from the word's number; None where nothing fails."""
    number: str = ""
    """What the number after it says; empty: it takes none."""
    default: float | None = None


def _failed(sentence: str) -> Callable[[float | None], PenstockError]:
    return lambda _: UpstreamFailed(sentence)


WORDS: dict[str, Word] = {
    "slow": Word(Moment.WAIT, "Waits before it starts, 600 seconds at most.", None, "seconds", 3),
    "timeout": Word(
        Moment.DEADLINE,
        "Never answers: waits until the time for the attempt is over.",
        lambda _: UpstreamTimeout("The sandbox did not answer in time, as the request asked of it."),
    ),
    "429": Word(
        Moment.START,
        "Too many requests; with a number, says after how long to try again.",
        lambda wait: RateLimited("The sandbox is rate limited, as the request asked of it.", retry_after=wait),
        "seconds",
    ),
    "500": Word(Moment.START, "The provider breaks.", _failed("The sandbox broke, as the request asked of it.")),
    "unreachable": Word(
        Moment.START,
        "No connection, so certainly nothing was submitted and a retry is safe.",
        lambda _: Unreachable("The sandbox cannot be reached, as the request asked of it."),
    ),
    "no-credit": Word(
        Moment.START,
        "The gateway's account at the provider is empty.",
        lambda _: NoCredit("The sandbox's account is empty, as the request asked of it."),
    ),
    "bad-key": Word(
        Moment.START,
        "The gateway's key at the provider is refused.",
        lambda _: BadCredentials("The sandbox refused the gateway's key, as the request asked of it."),
    ),
    "rejected": Word(
        Moment.START,
        "The provider refuses the request itself; nobody else is asked.",
        lambda _: Rejected("The sandbox rejected the request, as the request asked of it."),
    ),
    "moderated-input": Word(
        Moment.START,
        "Moderation refuses the prompt; never retried, nobody else is asked.",
        lambda _: Moderated("The sandbox's moderation refused the prompt, as asked.", stage="input", reasons=_REASONS),
    ),
    "moderated-output": Word(
        Moment.END,
        "Moderation refuses what was made; never retried, nobody else is asked.",
        lambda _: Moderated("The sandbox's moderation refused the result, as asked.", stage="output", reasons=_REASONS),
    ),
    "garbage": Word(
        Moment.END,
        "The answer cannot be read.",
        _failed("The sandbox answered with something that cannot be read, as the request asked of it."),
    ),
    "dies-mid-stream": Word(
        Moment.MIDDLE,
        "Streams a little, then the connection breaks; without a stream, it breaks before the answer.",
        lambda _: ConnectionLost("The sandbox's connection broke off, as the request asked of it."),
    ),
    "expired": Word(
        Moment.END,
        "The work is done, but its result has expired before it is fetched.",
        _failed("The sandbox's result expired before it was fetched, as the request asked of it."),
    ),
    "partial": Word(
        Moment.SOME,
        "Of several pictures the first ones fail and the others are delivered.",
        _failed("The sandbox failed at this picture, as the request asked of it."),
        "pictures",
        1,
    ),
}
"""Every magic word by name."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one request asked to go wrong: pairs of a word and its number."""

    words: tuple[tuple[Word, float | None], ...] = ()

    @property
    def wait(self) -> float:
        """Seconds to be slow for."""
        return min(LONGEST_WAIT, sum(number or 0.0 for word, number in self.words if word.moment is Moment.WAIT))

    @property
    def failed_pictures(self) -> int:
        """How many of the first pictures fail."""
        return sum(round(number or 0) for word, number in self.words if word.moment is Moment.SOME)

    def error(self, moment: Moment) -> PenstockError | None:
        """The error that is due at a moment; None where there is none."""
        due = ((word, number) for word, number in self.words if word.moment is moment)
        return next((word.error(number) for word, number in due if word.error), None)

    def strike(self, moment: Moment) -> None:
        """Raises the error that is due at a moment, if there is one."""
        error = self.error(moment)
        if error is not None:
            raise error


def asked_for(text: str, *fields: object) -> Trouble:
    """The trouble that a prompt and the given `sandbox` fields (None: not sent) ask for.

    Raises BadRequest, with the list of words, for one that does not exist or has a wrong number.
    """
    words = [_word(content, "prompt") for content in _MAGIC.findall(text)]
    for field in fields:
        words.extend(_word(content, "sandbox") for content in _listed(field))
    return Trouble(tuple(words))


def without_magic(text: str) -> str:
    """A prompt without its magic words, for what is drawn and echoed."""
    return _MAGIC.sub("", text).strip() if "[" in text else text


def _listed(field: object) -> Iterable[str]:
    if field is None:
        return ()
    if not isinstance(field, str):
        raise BadRequest('`sandbox` must be text, such as "slow 3" or "429 2".', param="sandbox")
    return field.split(",")


def _word(content: str, param: str) -> tuple[Word, float | None]:
    name, _, number = content.strip().lower().partition(" ")
    word = WORDS.get(name)
    if word is None:
        known = ", ".join(WORDS)
        raise BadRequest(f"The sandbox does not know {name!r}. It knows: {known}.", param=param)
    if not number.strip():
        return word, word.default
    if not word.number or not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", number.strip()):
        takes = f"a number of {word.number}" if word.number else "no number"
        raise BadRequest(f"The sandbox's word {name!r} takes {takes}, not {number.strip()!r}.", param=param)
    return word, float(number)

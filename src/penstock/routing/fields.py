"""What conditions can be about: the fields of a request, as `rules` look at them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import regex

from penstock.core.call import Operation
from penstock.core.target import Candidate
from penstock.routing.base import Facts, Subject, asked_for

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
METADATA = "metadata."
CLOCK = regex.compile(r"([01]\d|2[0-3]):[0-5]\d")

_THURSDAY = 3
"""The first of January 1970."""


@dataclass(frozen=True)
class Look:
    """One request, looked at by any number of conditions; what takes time is found out once."""

    candidates: Sequence[Candidate]
    facts: Facts

    @property
    def subject(self) -> Subject:
        return self.facts.subject

    @cached_property
    def prompt(self) -> str:
        return self.subject.prompt()

    @cached_property
    def price(self) -> float | None:
        """US dollars, the lowest known among the offers of the models asked for."""
        prices = (self.facts.price(candidate) for candidate in asked_for(self.candidates, self.subject))
        known = [price for price in prices if price is not None]
        return float(min(known)) if known else None


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a condition can be about."""

    kind: str
    """`text`, `number`, `flag` or `clock`, or `any`: what it can be compared with."""
    value: Callable[[Look], Any]
    choices: tuple[str, ...] = ()
    """If not empty, the only values there are."""


def _clock(look: Look) -> str:
    minutes = int(look.subject.time // 60) % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _weekday(look: Look) -> str:
    return WEEKDAYS[(int(look.subject.time // 86400) + _THURSDAY) % 7]


FIELDS: Mapping[str, Field] = {
    "model": Field("text", lambda look: look.subject.models[0] if look.subject.models else None),
    "operation": Field("text", lambda look: look.subject.operation.value, tuple(kind.value for kind in Operation)),
    "user": Field("text", lambda look: look.subject.user),
    "session": Field("text", lambda look: look.subject.session),
    "key": Field("text", lambda look: look.subject.key or None),
    "stream": Field("flag", lambda look: look.subject.stream),
    "width": Field("number", lambda look: look.subject.width),
    "height": Field("number", lambda look: look.subject.height),
    "megapixels": Field("number", lambda look: look.subject.megapixels),
    "references": Field("number", lambda look: look.subject.references),
    "n": Field("number", lambda look: look.subject.n),
    "quality": Field("text", lambda look: look.subject.quality),
    "seed": Field("number", lambda look: look.subject.seed),
    "prompt": Field("text", lambda look: look.prompt),
    "prompt_tokens": Field("number", lambda look: look.subject.prompt_tokens),
    "price": Field("number", lambda look: look.price),
    "time": Field("clock", _clock),
    "weekday": Field("text", _weekday, WEEKDAYS),
}
"""By name. Beside them there is `metadata.` with a name."""


def metadata(key: str) -> Field:
    """What the caller said in the request's metadata, which can be anything."""
    return Field("any", lambda look: look.subject.metadata.get(key))

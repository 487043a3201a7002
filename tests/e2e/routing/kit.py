"""What tests of routing are made of: providers that sell the same models, a gateway before them, and the three calls.

Every provider is a simulator of its own, so that each can fail, be slow and count its calls for itself. Models come in
pairs, a talker and a painter; a suffix makes another pair, with offers of its own at each provider.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from penstock.core.call import Operation
from penstock.routing.base import Dice as Throw
from penstock.upstream.results import Result
from tests.e2e.pictures import data_url, png
from tests.e2e.running import PLAIN, RunningGateway
from tests.simulators.openai import OpenAISimulator

Fields = dict[str, Any]

TALKER, PAINTER = "own/talker", "own/painter"
NAMES = ("first", "second", "third")
"""Providers, in the catalogue's order."""
KEY = "openai-test-key"


@dataclass(frozen=True, slots=True)
class Ask:
    """One good request."""

    path: str
    operation: str
    fields: Fields

    @property
    def model(self) -> str:
        return str(self.fields["model"])

    @property
    def of_pictures(self) -> bool:
        return self.operation != "chat"

    def given(self, **fields: Any) -> "Ask":
        """The same with these fields too."""
        return replace(self, fields={**self.fields, **fields})

    def about(self, suffix: str) -> "Ask":
        """The same of the pair of models with this suffix, or with a variant or a preset."""
        return self.given(model=f"{self.model}{suffix}")


MESSAGES = [{"role": "user", "content": "Hello"}]
SIZE = "1024x640"
"""The smallest there is: five eighths of a megapixel, so one where they are rounded up."""
REFERENCE = {"image_url": data_url(png(64, 64))}

CHAT = Ask("/v1/chat/completions", "chat", {"model": TALKER, "messages": MESSAGES})
GENERATION = Ask("/v1/images/generations", "image_generation", {"model": PAINTER, "prompt": "a boat", "size": SIZE})
EDIT = Ask("/v1/images/edits", "image_edit", {**GENERATION.fields, "images": [REFERENCE]})
CALLS = {ask.operation: ask for ask in (CHAT, GENERATION, EDIT)}
each_call = pytest.mark.parametrize("ask", CALLS.values(), ids=CALLS)


def meters(*rows: Fields, **amounts: str) -> list[Fields]:
    """Lines of a price: `image="0.03"`, and whole rows where that is not all there is to say."""
    return [*rows, *({"unit": unit, "amount": amount} for unit, amount in amounts.items())]


def price(lines: Sequence[Fields]) -> Fields:
    return {"source": "a test", "checked": "2026-11-20", "meters": list(lines)}


def costing(dollars: str) -> Fields:
    """So much for every request, whatever it asks for."""
    return price(meters(request=dollars))


def offers(
    prices: Fields | None, suffix: str = "", *, chat: Fields | None = None, limits: Fields | None = None
) -> list[Fields]:
    """A talker and a painter at one price, which may be another for chats; None leaves them without one."""
    sizes = {"free_size": True, "multiple": 16, "min_pixels": 655_360, "max_pixels": 8_294_400, "max_ratio": 3.0}
    talker = {"model": TALKER + suffix, "upstream": f"gpt-4o-mini{suffix}", "operations": ["chat"]}
    painter = {
        "model": PAINTER + suffix,
        "upstream": f"gpt-image-2{suffix}",
        "operations": ["image_generation", "image_edit"],
        "wire": "gpt-image",
        "defaults": {"size": "1024x1024"},
        "limits": {**sizes, "max_references": 4, "images_per_call": 10, **(limits or {})},
    }
    for offer, priced in ((talker, chat or prices), (painter, prices)):
        if priced is not None:
            offer["price"] = priced
    return [talker, painter]


def models(*suffixes: str) -> list[Fields]:
    """The pairs of models, without arguments the one without a suffix."""
    return [model for suffix in suffixes or ("",) for model in _pair(suffix)]


def _pair(suffix: str) -> list[Fields]:
    pictures = {"input_modalities": ["text", "image"], "output_modalities": ["image"]}
    return [
        {"slug": TALKER + suffix, "name": f"Talker{suffix}", "maker": "Own"},
        {"slug": PAINTER + suffix, "name": f"Painter{suffix}", "maker": "Own", **pictures},
    ]


def provider(simulator: OpenAISimulator, sold: list[Fields], **further: Any) -> Fields:
    """A provider's settings."""
    account = {"adapter": "openai_compatible", "base_url": simulator.base_url, "api_key": KEY}
    return {**account, "offers": sold, **further}


def quietly(**routing: Any) -> Fields:
    """A routing section in which nobody is asked twice and nobody left alone afterwards, without a strategy."""
    return {**{name: value for name, value in PLAIN.items() if name != "strategy"}, **routing}


@contextmanager
def routed(
    data: Path, providers: Mapping[str, Fields], routing: Fields, *suffixes: str, **parts: Any
) -> Iterator[RunningGateway]:
    """A gateway with these providers of the pairs of models, and this routing section.

    `parts` are a RunningGateway's (`clock`, `dice`, `watched`), and further sections of the settings.
    """
    own = {name: parts.pop(name) for name in ("clock", "dice", "watched") if name in parts}
    settings = {"providers": dict(providers), "models": models(*suffixes), "routing": routing, **parts}
    settings.setdefault("network", {"allow_private_hosts": ["127.0.0.1"]})
    with RunningGateway(data, settings, **own) as running:
        yield running


@contextmanager
def started(*names: str) -> Iterator[dict[str, OpenAISimulator]]:
    """A running simulator for each name."""
    simulators = {name: OpenAISimulator() for name in names or NAMES}
    try:
        for simulator in simulators.values():
            simulator.start()
        yield simulators
    finally:
        for simulator in simulators.values():
            simulator.stop()


def send(client: httpx.Client, ask: Ask, **headers: str) -> httpx.Response:
    """The answer, whatever it is; `user_id="u"` becomes the header `x-penstock-user-id`."""
    named = {f"x-penstock-{name.replace('_', '-')}": value for name, value in headers.items()}
    return client.post(ask.path, json=ask.fields, headers=named)


def good(client: httpx.Client, ask: Ask, **headers: str) -> httpx.Response:
    """The answer, which must be one."""
    answer = send(client, ask, **headers)
    assert answer.status_code == 200, answer.text[:500]
    return answer


def server_of(answer: httpx.Response) -> str:
    """The provider that the answer is from."""
    return answer.headers["x-penstock-provider"]


def served(client: httpx.Client, ask: Ask, times: int = 1, **headers: str) -> list[str]:
    """The provider of each of so many answers, in turn."""
    return [server_of(good(client, ask, **headers)) for _ in range(times)]


def counted(client: httpx.Client, ask: Ask, times: int, **headers: str) -> Counter[str]:
    """How many of so many answers each provider gave."""
    return Counter(served(client, ask, times, **headers))


def measured(
    gateway: RunningGateway, offer: str, ask: Ask, seconds: float, *, rate: float | None = None, size: str = "1MP"
) -> None:
    """Make so many seconds, until a chat's first byte too, and so many units a second what the offer does of late."""
    inner = gateway.application.gateway
    first = seconds if ask.operation == "chat" else None
    result = Result(good=True, seconds=seconds, first_seconds=first, rate=rate)
    for _ in range(32):  # the whole memory: what really happened is no longer in it
        inner.healths.note(
            offer, Operation(ask.operation), size if ask.of_pictures else "", result, inner.clock.monotonic()
        )


def dice(*numbers: float) -> Throw:
    """Dice that show these numbers, over and over."""
    return cycle(numbers).__next__


def seeded(seed: int) -> Throw:
    """Dice that fall as they did in the last run."""
    return Random(seed).random


class ChangingDice:
    """Dice of a running gateway, which each test can exchange."""

    def __init__(self) -> None:
        self.throw = seeded(0)

    def __call__(self) -> float:
        return self.throw()

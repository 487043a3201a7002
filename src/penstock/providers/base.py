"""What an adapter promises.

There are two kinds. A remote adapter translates (`request`, `read`, and `poll`/`read_poll` where jobs are polled,
`reader` where answers are streamed). An in-process adapter performs the call itself with a workbench it is handed.
A remote one may have `probe`/`read_probe` too: a question that costs nothing, for finding out whether a provider that
was down works again.
"""

from collections.abc import AsyncIterator, Callable
from enum import Enum
from typing import Any, Protocol, TypeVar, runtime_checkable

from penstock.core.answer import Answer, Event, Pending, Submitted
from penstock.core.call import Call
from penstock.core.picture import Picture
from penstock.core.target import Account, Offer
from penstock.core.wire import StreamEvent as StreamEvent
from penstock.core.wire import UpstreamReply as UpstreamReply
from penstock.core.wire import UpstreamRequest as UpstreamRequest

T = TypeVar("T")


class Reader(Protocol):
    """Reads one stream. Made anew for each attempt, so it may keep what it has seen."""

    def read(self, event: StreamEvent) -> list[Event]:
        """The events this one means; the last call's list, or `end`'s, holds the Answer."""
        ...

    def end(self) -> list[Event]:
        """Called when the provider closed the stream. Raises UpstreamFailed where it ended too early."""
        ...


@runtime_checkable
class Adapter(Protocol):
    """A protocol answered at once: one request, one reply or one stream."""

    def request(self, call: Call, offer: Offer, account: Account) -> UpstreamRequest:
        """The request that carries the call out, from an allow-list of fields. Raises BadRequest where it cannot."""
        ...

    def read(self, call: Call, offer: Offer, account: Account, reply: UpstreamReply) -> Answer | Submitted:
        """What a reply means. Raises a ProviderError or Moderated for every failure."""
        ...

    def reader(self, call: Call, offer: Offer, account: Account) -> Reader:
        """A reader for a stream asked for by `request`."""
        ...


@runtime_checkable
class PollingAdapter(Adapter, Protocol):
    """A protocol that accepts a job and is asked for its state."""

    def poll(self, submitted: Submitted, account: Account) -> UpstreamRequest:
        """The request for the job's state. Raises UpstreamFailed where the key may not be sent to its address."""
        ...

    def read_poll(
        self, call: Call, offer: Offer, account: Account, submitted: Submitted, reply: UpstreamReply
    ) -> Answer | Pending:
        """What a state means."""
        ...

    def interval(self, polls: int, account: Account) -> float:
        """Seconds to wait before poll number `polls` (0 for the first)."""
        ...


class Shown(Enum):
    """What a good answer to a probe shows, beside that the provider is there."""

    KEY = "key"
    """It takes the key."""
    CREDIT = "credit"
    """It takes the key, and there is credit."""


@runtime_checkable
class Probing(Protocol):
    """An optional part of a remote adapter: a question that costs nothing. It never makes anything."""

    def probe(self, account: Account) -> UpstreamRequest:
        """The question, asked with the account's key."""
        ...

    def read_probe(self, account: Account, reply: UpstreamReply) -> Shown:
        """What a good answer shows. Raises what another one means: BadCredentials, NoCredit, UpstreamFailed."""
        ...


class Workbench(Protocol):
    """What an in-process adapter may use."""

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run something that computes, off the event loop."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def load(self, picture: Picture) -> bytes:
        """A picture's bytes."""
        ...

    async def store(self, data: bytes) -> Picture:
        """Keep a picture that was made; raises BadRequest where the bytes are none."""
        ...


@runtime_checkable
class InProcessAdapter(Protocol):
    """A provider inside the gateway itself."""

    def perform(self, call: Call, offer: Offer, account: Account, workbench: Workbench) -> AsyncIterator[Event]:
        """Carry the call out; the last event is its Answer."""
        ...


AnyAdapter = Adapter | InProcessAdapter

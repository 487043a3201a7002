"""The two values an adapter speaks in: a request to send to a provider, and what came back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from penstock.core.errors import UpstreamFailed
from penstock.core.picture import Picture
from penstock.core.pieces import Pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRequest:
    """An HTTP request to a provider."""

    method: str
    url: str
    headers: Mapping[str, str]
    """Lower-case names; includes the key and the content type."""
    body: Pieces = ()
    stream: bool = False
    """The answer is expected as server-sent events; if the provider answers JSON all the same, `read` is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamReply:
    """What came back, complete. Long base64 strings in JSON are placeholders for pictures stored meanwhile."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    """By digest, for the placeholders in `body`."""

    def json(self) -> Any:
        """The body decoded.

        Raises UpstreamFailed where it is not JSON.
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamFailed(f"The provider answered {self.status} with something that is not JSON.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """One server-sent event, with placeholders like a reply's."""

    event: str
    """`message` where the provider names none."""
    data: bytes
    pictures: Mapping[str, Picture] = field(default_factory=dict)

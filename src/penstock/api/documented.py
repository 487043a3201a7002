"""The type of what the documentation says of an endpoint; `docs` and `admin_docs` say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec


@dataclass(frozen=True, kw_only=True)
class Docs:
    """What the documentation says of an endpoint beside its route."""

    tag: str = ""
    """Of `openapi.TAGS`."""
    description: str = ""
    request: type[msgspec.Struct] | None = None
    """JSON body."""
    form: type[msgspec.Struct] | None = None
    """The same as a multipart form."""
    query: type[msgspec.Struct] | None = None
    response: type[msgspec.Struct] | None = None
    """JSON answer."""
    events: type[msgspec.Struct] | None = None
    """One server-sent event of a streamed answer."""
    empty: bool = False
    """Whether it answers with 204 and no body."""
    media_type: str = "application/json"
    """Of an answer that is not JSON."""
    example: Mapping[str, object] = field(default_factory=dict)
    """A request body that works on a gateway without any provider's key."""

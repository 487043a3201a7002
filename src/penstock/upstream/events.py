"""Server-sent events out of chunks of text, as the WHATWG specification reads them."""

from collections.abc import Iterator

from penstock.core.errors import UpstreamFailed

_LONGEST = 8 * 1024 * 1024
_MARK = b"\xef\xbb\xbf"
"""A byte order mark, which may begin a stream."""


class EventParser:
    """Feed it text as it comes; it yields `(event name, data)` for each complete event."""

    __slots__ = ("_begun", "_buffer")

    def __init__(self) -> None:
        self._buffer = b""
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        """Events completed by this chunk. Raises UpstreamFailed where one event passes 8 MB of text."""
        buffer = self._buffer + chunk if self._buffer else chunk
        if not self._begun:
            if len(buffer) < len(_MARK) and _MARK.startswith(buffer):
                self._buffer = buffer
                return
            buffer, self._begun = buffer.removeprefix(_MARK), True
        held = b""
        if b"\r" in buffer:
            if buffer.endswith(b"\r"):  # the other half of the line end may come with the next chunk
                buffer, held = buffer[:-1], b"\r"
            buffer = buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *complete, self._buffer = buffer.split(b"\n\n")
        if len(self._buffer) > _LONGEST:
            raise UpstreamFailed("The provider's stream sent more than 8 MB without finishing an event.")
        self._buffer += held
        for block in complete:
            if parsed := _parse(block):
                yield parsed

    def taken(self) -> bytes:
        """The text of the event still open, which the parser gives up: it comes back through `feed`."""
        rest, self._buffer = self._buffer, b""
        return rest

    def end(self) -> Iterator[tuple[str, bytes]]:
        """An event left without its blank line when the connection closed."""
        block, self._buffer = self._buffer.removesuffix(b"\r"), b""
        if parsed := _parse(block):
            yield parsed


def _parse(block: bytes) -> tuple[str, bytes] | None:
    if block.startswith(b"data: ") and b"\n" not in block:  # nearly every event
        return "message", block[6:]
    name = "message"
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace") or "message"
    return (name, b"\n".join(data)) if data else None

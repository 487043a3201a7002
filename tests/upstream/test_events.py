"""Server-sent events, however they are cut: the same as the WHATWG specification reads from the whole."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.core.errors import UpstreamFailed
from penstock.upstream.events import EventParser

Event = tuple[str, bytes]


def parsed(chunks: list[bytes]) -> list[Event]:
    parser = EventParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return [*events, *parser.end()]


def specified(text: bytes) -> list[Event]:
    """The specification's own algorithm (HTML, 9.2.6), except that an event left open at the end counts."""
    text = text.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[Event] = []
    name, data = b"", b""
    for line in [*text.split(b"\n"), b""]:
        if line:
            field, colon, value = line.partition(b":")
            value = value[1:] if colon and value[:1] == b" " else value
            if field == b"event":
                name = value
            elif field == b"data":
                data += value + b"\n"
            continue
        if data:
            events.append((name.decode("utf-8", "replace") or "message", data[:-1]))
        name, data = b"", b""
    return events


LINES = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data:  three",
        b"data",
        b"data:",
        b"data: [DONE]",
        b'data: {"a": "b: c"}',
        "data: ümlaut 🎨".encode(),
        b"event: named",
        b"event:",
        b"event",
        b"event: other",
        b"id: 5",
        b"retry: 100",
        b": comment",
        b":",
        b"nothing",
        b" data: indented",
        b"Data: capital",
    ]
)
UNHURRIED = settings(deadline=None)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(st.one_of(LINES, st.just(b""), st.just(b"")), max_size=20))
    mark = draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"]))
    text = mark + b"".join(line + draw(ENDS) for line in lines)
    return text + draw(st.sampled_from([b"", b"data: open", b"\n", b"\r"]))


@st.composite
def cut(draw: st.DrawFn) -> list[bytes]:
    """A stream in chunks cut anywhere, some of them empty."""
    text = draw(streams())
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@UNHURRIED
@given(cut())
@example([b"data: a\r", b"\n\r", b"\n"])
@example([b"data: a\r", b"\r"])
@example([b"data: a\r"])
@example([b"data: a\r\n\r"])
@example([b"data: a\n", b"\r", b"data: b\n\n"])
@example([b"\xef", b"\xbb", b"\xbfdata: a\n\n"])
@example([b"\xef\xbb", b"data: a\n\n"])
@example([b"\xef\xbb\xbf"])
def test_events_are_the_same_however_they_are_cut(chunks: list[bytes]) -> None:
    assert parsed(chunks) == specified(b"".join(chunks))


@UNHURRIED
@given(streams())
def test_events_are_the_same_byte_by_byte(text: bytes) -> None:
    assert parsed([text[i : i + 1] for i in range(len(text))]) == specified(text)


@UNHURRIED
@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_read_as_specified(text: bytes) -> None:
    assert parsed([text]) == specified(text)


@UNHURRIED
@given(cut())
def test_text_taken_back_comes_again_through_feed(chunks: list[bytes]) -> None:
    """As the client does it when a picture's scanner joins in."""
    parser = EventParser()
    events: list[Event] = []
    for chunk in chunks:
        events += parser.feed(parser.taken() + chunk)
    assert [*events, *parser.end()] == specified(b"".join(chunks))


def test_an_event_is_handed_out_as_soon_as_it_is_complete() -> None:
    parser = EventParser()
    assert list(parser.feed(b"data: one\n")) == []
    assert list(parser.feed(b"\ndata: tw")) == [("message", b"one")]
    assert list(parser.feed(b"o\n\n")) == [("message", b"two")]
    assert list(parser.end()) == []


def test_an_event_that_never_ends_is_given_up_at_8_megabytes() -> None:
    parser = EventParser()
    chunk = b"x" * 2**20
    for _ in range(8):
        assert list(parser.feed(chunk)) == []
    with pytest.raises(UpstreamFailed, match="8 MB"):
        list(parser.feed(chunk))

"""Bad bodies, forms and headers: refused before any provider is called, free, recorded and never echoed."""

import json
import socket
from typing import Any

import httpx
import pytest

from tests.e2e.doors import (
    BODY_MEGABYTES,
    CHATS,
    DOORS,
    EDITS,
    EMBEDDINGS,
    FLUX,
    GENERATIONS,
    MESSAGES,
    PICTURE,
    ROUTER_IMAGES,
    Door,
    assert_refused,
    name_of,
    refusal,
)
from tests.e2e.running import RunningGateway

NO_JSON = [
    (b"", "not JSON"),
    (b"model=x&prompt=y", "not JSON"),
    (b'{"model": "x"', "not JSON"),
    (b'{"model": NaN}', "not JSON"),
    (b'\xef\xbb\xbf{"model": "x"}', "not JSON"),
    (b'{"model": "\xff"}', "not JSON"),
    (b'{"model": "x", "user": "\xc3("}', "not JSON"),
    (b'{"model": "a\x00b"}', "not JSON"),
    (b'{"model": "\\ud800"}', "not JSON"),
    (b'{"model": ' + b"[" * 100_000, "not JSON"),
    (b'{"model": ' + b'{"a":' * 100_000, "not JSON"),
    (b"[]", "must be a JSON object"),
    (b"null", "must be a JSON object"),
    (b'"text"', "must be a JSON object"),
    (b"5", "must be a JSON object"),
]


@pytest.mark.parametrize("door", DOORS, ids=name_of)
@pytest.mark.parametrize(("body", "says"), NO_JSON, ids=lambda value: repr(value)[:30])
def test_a_body_that_is_no_json_object_is_refused(
    gateway: RunningGateway, client: httpx.Client, door: Door, body: bytes, says: str
) -> None:
    assert_refused(gateway, client.post(door.path, content=body), 400, says)


def part(name: str, value: bytes, further: bytes = b"") -> bytes:
    return b'--B\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name.encode(), further, value)


GOOD_PARTS = part("model", FLUX.encode()) + part("prompt", b"p") + part("image", PICTURE, b'; filename="a.png"')
END = b"--B--\r\n"
FORM = "multipart/form-data; boundary=B"
BAD_FORMS: dict[str, tuple[str, bytes, int, str]] = {
    "no boundary": ("multipart/form-data", GOOD_PARTS + END, 400, "names no boundary"),
    "an empty boundary": ("multipart/form-data; boundary=", GOOD_PARTS + END, 400, "names no boundary"),
    "a boundary of 300 characters": (f"multipart/form-data; boundary={'B' * 300}", GOOD_PARTS + END, 400, "boundary"),
    "another boundary": ("multipart/form-data; boundary=C", GOOD_PARTS + END, 400, "cannot be read"),
    "nothing": (FORM, b"", 400, "breaks off"),
    "no end": (FORM, GOOD_PARTS, 400, "breaks off"),
    "no end of a file": (FORM, GOOD_PARTS[:-100], 400, "breaks off"),
    "no end of a header": (FORM, b"--B\r\ncontent-dispo", 400, "breaks off"),
    "no form at all": (FORM, b'{"model": "x"}', 400, "cannot be read"),
    "10,000 fields": (FORM, b"".join(part(f"f{i}", b"") for i in range(10_000)) + END, 400, "more than 200 fields"),
    "a huge field": (FORM, part("prompt", b"x" * (2**20 + 1)) + END, 413, "`prompt` is longer than 1 MB"),
    "a huge header": (FORM, b"--B\r\nx: " + b"y" * 100_000 + b"\r\n\r\n\r\n" + END, 400, "cannot be read"),
    "a thousand headers": (FORM, b"--B\r\n" + b"x: y\r\n" * 1000 + b"\r\n\r\n" + END, 400, "cannot be read"),
    "another file": (FORM, part("audio", PICTURE, b'; filename="a"') + END, 400, "`audio` is not a file"),
    "a picture as text": (FORM, part("model", FLUX.encode()) + part("image", b"x") + END, 400, "`image` is missing"),
    "n that is no number": (FORM, GOOD_PARTS + part("n", b"two") + END, 400, "`n` must be a whole number"),
    "n of two signs": (FORM, GOOD_PARTS + part("n", b"--5") + END, 400, "`n` must be a whole number"),
    "n of 5,000 digits": (FORM, GOOD_PARTS + part("n", b"9" * 5000) + END, 400, "`n` must be a whole number"),
    "n of 0": (FORM, GOOD_PARTS + part("n", b"0") + END, 400, "`n` must be from 1 to 10"),
    "a huge seed": (FORM, GOOD_PARTS + part("seed", b"9" * 25) + END, 400, "`seed`"),
    "stream that is no truth": (FORM, GOOD_PARTS + part("stream", b"maybe") + END, 400, "`stream` must be true"),
    "provider that is no JSON": (FORM, GOOD_PARTS + part("provider", b"bfl") + END, 400, "`provider`"),
    "an unknown model": (
        FORM,
        part("image", PICTURE, b'; filename="a"') + part("model", b"x/y") + END,
        400,
        "`prompt`",
    ),
}


@pytest.mark.parametrize(("content_type", "body", "status", "says"), BAD_FORMS.values(), ids=BAD_FORMS)
def test_what_is_wrong_with_a_form_is_told(
    gateway: RunningGateway, client: httpx.Client, content_type: str, body: bytes, status: int, says: str
) -> None:
    response = client.post(EDITS.path, content=body, headers={"content-type": content_type})
    assert_refused(gateway, response, status, says)


@pytest.mark.parametrize(
    "content_type", ["Multipart/Form-Data; boundary=B", "multipart/form-data; charset=x; boundary=B"]
)
def test_a_form_is_known_by_its_type_however_that_is_written(
    gateway: RunningGateway, client: httpx.Client, content_type: str
) -> None:
    body = GOOD_PARTS + part("n", b"0") + END
    response = client.post(EDITS.path, content=body, headers={"content-type": content_type})
    assert_refused(gateway, response, 400, "`n` must be from 1 to 10", "n")


class RawConnection:
    """A client that sends bytes as it likes, and looks for an answer in between."""

    def __init__(self, gateway: RunningGateway) -> None:
        host, _, port = gateway.url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=20)
        self._gateway = gateway
        self.sent = 0

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)
        self.sent += len(data)

    def head(self, path: str, *headers: str) -> None:
        lines = (f"POST {path} HTTP/1.1", "host: x", f"authorization: Bearer {self._gateway.key}", *headers)
        self._socket.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1"))

    def answered(self) -> bool:
        self._socket.setblocking(False)
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False
        finally:
            self._socket.settimeout(20)

    def response(self, path: str) -> httpx.Response:
        """The answer, which has a content length."""
        text = b""
        while b"\r\n\r\n" not in text:
            text += self._more()
        head, _, body = text.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        while len(body) < int(headers["content-length"]):
            body += self._more()
        request = httpx.Request("POST", f"http://x{path}")
        return httpx.Response(int(status.split()[1]), headers=headers, content=body, request=request)

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        assert data, "the gateway closed the connection"
        return data


HUNDRED_MEGABYTES = 100 * 2**20
PIECE = b"x" * 2**20


@pytest.mark.parametrize("door", [CHATS[0], GENERATIONS, EDITS, EMBEDDINGS[0], ROUTER_IMAGES], ids=name_of)
def test_a_body_of_100_megabytes_is_refused_before_it_is_sent(gateway: RunningGateway, door: Door) -> None:
    with RawConnection(gateway) as connection:
        connection.head(door.path, "content-type: application/json", f"content-length: {HUNDRED_MEGABYTES}")
        response = connection.response(door.path)
        assert connection.sent == 0
        assert_refused(gateway, response, 413, f"larger than the {BODY_MEGABYTES} MB")


@pytest.mark.parametrize(
    ("door", "content_type"),
    [(CHATS[0], "application/json"), (GENERATIONS, "application/json"), (EDITS, FORM), (ROUTER_IMAGES, "text/json")],
    ids=name_of,
)
def test_a_body_without_a_length_is_refused_while_it_is_sent(
    gateway: RunningGateway, door: Door, content_type: str
) -> None:
    with RawConnection(gateway) as connection:
        connection.head(door.path, f"content-type: {content_type}", "transfer-encoding: chunked")
        opening = part("prompt", b"")[:-2] if content_type == FORM else b'{"prompt": "'
        connection.send(b"%x\r\n%s\r\n" % (len(opening), opening))
        while not connection.answered():
            assert connection.sent < HUNDRED_MEGABYTES, "100 MB were taken without an answer"
            connection.send(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
        assert_refused(gateway, connection.response(door.path), 413, "")


@pytest.mark.parametrize("door", [CHATS[0], GENERATIONS, EDITS], ids=name_of)
def test_a_body_a_little_too_large_is_read_to_its_end_so_that_its_sender_reads_why(
    gateway: RunningGateway, client: httpx.Client, door: Door
) -> None:
    response = client.post(door.path, content=b" " * (BODY_MEGABYTES * 2**20 + 1))
    assert_refused(gateway, response, 413, f"larger than the {BODY_MEGABYTES} MB")


@pytest.mark.parametrize("door", [CHATS[0], GENERATIONS, EDITS, ROUTER_IMAGES], ids=name_of)
def test_a_body_that_breaks_off_is_recorded(gateway: RunningGateway, door: Door) -> None:
    before = len(gateway.rows("select id from requests"))
    with RawConnection(gateway) as connection:
        connection.head(door.path, "content-type: application/json", "content-length: 1000")
        connection.send(b'{"model": "x')
    rows: list[dict[str, Any]] = []
    while len(rows) <= before:
        rows = gateway.rows("select * from requests order by created_at, id")
    assert (rows[-1]["status"], rows[-1]["error_code"], rows[-1]["cost_pico"]) == (400, "incomplete_body", 0)


@pytest.mark.parametrize("value", [b"a b", b"a\tb", b"a;b", b"<b>", b"a" * 129, b"a" * 20_000, b"{}"])
@pytest.mark.parametrize("name", ["request-id", "trace-id"])
@pytest.mark.parametrize("door", [CHATS[0], ROUTER_IMAGES], ids=name_of)
def test_an_id_of_strange_characters_is_refused_and_not_echoed(
    client: httpx.Client, door: Door, name: str, value: bytes
) -> None:
    response = client.post(door.path, json=door.good, headers={f"x-penstock-{name}": value})
    message, told = refusal(response)
    assert response.status_code == 400
    assert f"The {name} header takes up to 128 letters" in message
    assert told["param"] == name
    assert all(value not in sent for _, sent in response.headers.raw)
    assert response.headers["x-penstock-request-id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b=c", b"a\x00b", b"a\x01b", b"a\nb"])
def test_a_header_is_not_injected_by_an_id(gateway: RunningGateway, value: bytes) -> None:
    with RawConnection(gateway) as connection:
        body = json.dumps({"model": "no/such-model", **MESSAGES}).encode()
        headers = f"x-penstock-request-id: {value.decode('latin-1')}"
        connection.head("/v1/chat/completions", headers, f"content-length: {len(body)}")
        connection.send(body)
        response = connection.response("/v1/chat/completions")
    assert response.status_code in (400, 404)
    assert "set-cookie" not in response.headers


ODD_METADATA = [
    "[" * 4000,
    "{" * 4000,
    '{"a": 1e999}',
    '{"a": "\\ud800"}',
    "\xff\xfe",
    "x" * 5000,
    "null",
    "5",
    '["a"]',
]


@pytest.mark.parametrize("value", ODD_METADATA, ids=lambda value: repr(value)[:20])
def test_metadata_that_is_no_json_object_changes_nothing(
    gateway: RunningGateway, client: httpx.Client, value: str
) -> None:
    headers = {"x-penstock-metadata": value.encode("latin-1")}
    response = client.post("/v1/chat/completions", json={"model": "no/such-model", **MESSAGES}, headers=headers)
    assert_refused(gateway, response, 404, "no model")
    assert gateway.request(response.headers["x-request-id"])["metadata"] is None


def test_thousands_of_unknown_fields_make_no_long_header(gateway: RunningGateway, client: httpx.Client) -> None:
    unknown = {f"field-{number}": 1 for number in range(5000)} | {"x" * 5000: 1, "a\r\nset-cookie: b=c": 1, "ü": 1}
    fields = {"model": "sandbox/image", "prompt": "a", "size": "64x64", **unknown}
    response = client.post("/v1/images/generations", json=fields)
    assert response.status_code == 200
    assert response.headers["x-penstock-ignored"].startswith("field-0, field-1, ")
    assert all(len(value) < 2000 for _, value in response.headers.raw)
    assert "set-cookie" not in response.headers
    assert len(gateway.request(response.headers["x-request-id"])["ignored"]) < 10_000

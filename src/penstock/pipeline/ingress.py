"""Bodies in. Pictures in them are stored while they arrive; what is left is small and is decoded at once.

A JSON body's base64 strings become placeholders (`core.pieces`), a form's files become pictures. Every fault is told
before anything is paid for, with the field it is about.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import pybase64
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from penstock.assets.incoming import Incoming as IncomingPicture
from penstock.assets.links import allows
from penstock.assets.scan import PictureScanner
from penstock.core.errors import BadRequest, PenstockError, TooLarge
from penstock.core.picture import Picture
from penstock.core.pieces import digest_in
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.keep import download, picture_limit
from penstock.pipeline.request import Incoming
from penstock.upstream.fetch import FetchFailed, FetchRefused

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_SCANNED_FROM = 64 * 1024
"""Bodies shorter than this are decoded as they are; pictures in them are short enough to be strings for a moment."""
_DRAINED_TIMES = 4
"""A body up to so many times too large is read to its end, for most clients only then read the answer."""
_ASSET_PATH = re.compile(r"/v1/assets/([0-9a-f]{64})\Z")
_FIELD_BYTES = 1024 * 1024
_FIELDS = 200

Fields = dict[str, msgspec.Raw]
_fields_decoder = msgspec.json.Decoder(Fields)


@dataclass(slots=True)
class Form:
    """A multipart form."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[Picture]] = field(default_factory=dict)
    """By field name, in order; `image[]` is under `image`."""


async def read_json(incoming: Incoming, gateway: Gateway) -> tuple[Fields, dict[str, Picture]]:
    """A JSON object's top-level fields, and the pictures its placeholders stand for."""
    body, pictures = await _read_text(incoming, gateway)
    incoming.pictures |= pictures
    try:
        if not body.isascii():
            body.decode()  # undecoded fields are not checked otherwise, and go on to providers
        return _fields_decoder.decode(body), incoming.pictures
    except msgspec.ValidationError as error:
        raise BadRequest("The body must be a JSON object.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}.", code="invalid_json") from error


async def _read_text(incoming: Incoming, gateway: Gateway) -> tuple[bytes, dict[str, Picture]]:
    size = incoming.headers.get("content-length", "")
    if size.isdecimal() and int(size) < _SCANNED_FROM:
        return b"".join([chunk async for chunk in body_chunks(incoming, _body_limit(gateway))]), {}
    scanner = PictureScanner(gateway.assets, picture_limit=picture_limit(gateway))
    try:
        async for chunk in body_chunks(incoming, _body_limit(gateway)):
            scanner.feed(chunk)
        return await scanner.finish()
    finally:
        scanner.abandon()


def _body_limit(gateway: Gateway) -> int:
    """Bytes of the largest body that calls may have."""
    return gateway.settings.server.max_body_megabytes * 2**20


async def body_chunks(incoming: Incoming, limit: int) -> AsyncIterator[bytes]:
    """The body, at most `limit` bytes of it, as it arrives.

    Raises TooLarge, after reading on for a while, and BadRequest where it breaks off.
    """
    declared = incoming.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit * _DRAINED_TIMES:
        raise _too_large(limit)
    received = 0
    more = True
    while more:
        message = await incoming.receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The body broke off before its end.", code="incomplete_body")
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        received += len(chunk)
        if received > limit * _DRAINED_TIMES:
            break
        if chunk and received <= limit:
            yield chunk
    if received > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {limit // 2**20} MB this gateway accepts here.")


async def read_form(incoming: Incoming, gateway: Gateway) -> Form:
    """A multipart form, its files stored as pictures while they arrive."""
    _, options = parse_options_header(incoming.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if not boundary:
        raise BadRequest("The content type names no boundary, so the form cannot be read.")
    reader = _FormReader(incoming, gateway)
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        async for chunk in body_chunks(incoming, _body_limit(gateway)):
            parser.write(chunk)
            await reader.settle()
        parser.finalize()
        if not reader.ended:
            raise BadRequest("The form breaks off before its last boundary.", code="incomplete_body")
        return reader.form
    except FormParserError as error:
        raise BadRequest(f"The form cannot be read: {error}.") from error
    finally:
        reader.abandon()


class _FormReader:
    """Callbacks of the multipart parser: text into fields, files into the asset store."""

    def __init__(self, incoming: Incoming, gateway: Gateway) -> None:
        self.form = Form()
        self.ended = False
        self._incoming = incoming
        self._gateway = gateway
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._text: bytearray | None = None
        self._file: IncomingPicture | None = None
        self._finished: list[tuple[str, IncomingPicture]] = []
        self._parts = 0

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_content,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    async def settle(self) -> None:
        """Measure the files that are complete."""
        for name, file in self._finished:
            try:
                picture = await file.finish()
            except PenstockError as error:
                error.param = error.param or name
                raise
            self.form.files.setdefault(name, []).append(picture)
            self._incoming.pictures[picture.digest] = picture
        self._finished.clear()

    def abandon(self) -> None:
        for file in (self._file, *(file for _, file in self._finished)):
            if file is not None:
                file.abandon()

    def _part_begin(self) -> None:
        self._headers = {}
        self._parts += 1
        if self._parts > _FIELDS:
            raise BadRequest(f"The form has more than {_FIELDS} fields.")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_content(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace").removesuffix("[]")
        self._text = self._file = None
        if b"filename" in options:
            self._file = self._gateway.assets.receive(picture_limit(self._gateway))
        else:
            self._text = bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
        elif self._text is not None:
            self._text += data[start:end]
            if len(self._text) > _FIELD_BYTES:
                raise TooLarge(f"The field `{self._name[:60]}` is longer than 1 MB.", param=self._name[:60])

    def _part_end(self) -> None:
        if self._file is not None:
            self._finished.append((self._name, self._file))
        elif self._text is not None:
            self.form.fields[self._name] = self._text.decode("utf-8", "replace")
        self._file = self._text = None

    def _end(self) -> None:
        self.ended = True


async def picture_from(value: object, param: str, sent: dict[str, Picture], gateway: Gateway) -> Picture:
    """The picture a field names: a data URL, stored already if it was long, or an https address, fetched now.

    What is stored here is added to `sent`. Raises BadRequest naming `param`.
    """
    if not isinstance(value, str) or not value:
        raise BadRequest("A picture is given as a data URL or an https address.", param=param, code="invalid_image")
    digest = digest_in(value)
    if digest is not None and digest in sent:
        return sent[digest]
    try:
        if value.startswith("data:"):
            picture = await _from_data_url(value, gateway)
        else:
            picture = await _of_ours(value, gateway) or await download(value, gateway)
        sent[picture.digest] = picture
        return picture
    except FetchRefused as error:
        raise BadRequest(
            f"The picture's address is refused: {error}", param=param, code="image_address_refused"
        ) from error
    except FetchFailed as error:
        raise BadRequest(
            f"The picture could not be fetched: {error}", param=param, code="image_download_failed"
        ) from error
    except PenstockError as error:
        error.param = error.param or param
        raise


async def _of_ours(address: str, gateway: Gateway) -> Picture | None:
    """The picture at an address this gateway has signed, read from the store and not over the network."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    match = _ASSET_PATH.search(parts.path)
    if match is None or not allows(gateway.link_secret, match[1], parts.query, gateway.clock.now()):
        return None
    row = await gateway.ledger.asset(match[1])
    if row is None:
        return None
    return Picture(row.digest, row.media_type, row.width, row.height, row.bytes)


async def _from_data_url(value: str, gateway: Gateway) -> Picture:
    head, _, text = value.partition(",")
    if not head.endswith(";base64"):
        raise BadRequest("A picture's data URL must be base64: `data:image/png;base64,...`.", code="invalid_image")
    try:
        data = pybase64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadRequest("The picture's base64 is broken.", code="invalid_image") from error
    return await gateway.assets.store(data, picture_limit(gateway))

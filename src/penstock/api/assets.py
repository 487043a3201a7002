"""Pictures by address: signed and valid for a while for anybody, or with a key that made or sent the picture.

Small versions are had at the same addresses, and whoever made or sent a picture can delete it there.
"""

import re
from functools import partial
from urllib.parse import parse_qs

from penstock.assets.links import allows
from penstock.assets.store import THUMBNAIL_SIDES
from penstock.assets.thumbnails import MEDIA_TYPE
from penstock.core.errors import BadRequest, Forbidden, NotFound, PenstockError, Unauthorized
from penstock.core.picture import Picture
from penstock.core.pieces import Bare
from penstock.core.principal import Principal, Scope
from penstock.pipeline.auth import authenticate
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.store.picture import forget_picture


class RangeNotSatisfiable(PenstockError):
    status = 416
    type = "invalid_request_error"
    code = "range_not_satisfiable"


async def asset(gateway: Gateway, incoming: Incoming, digest: str) -> Reply:
    """`GET /v1/assets/{digest}`, with ETag and byte ranges; with `width` a small version of it, with ETag."""
    await _admit(gateway, incoming, digest)
    side = _side(incoming)
    row = await gateway.ledger.asset(digest)
    if row is None or not await gateway.assets.exists(digest):
        raise _not_found()
    picture = Picture(digest, row.media_type, row.width, row.height, row.bytes)
    if side is not None:
        return await _small(gateway, incoming, picture, side)
    headers = {**_headers(digest, row.media_type, _file_name(incoming)), "accept-ranges": "bytes"}
    if headers["etag"] in incoming.headers.get("if-none-match", ""):
        return Reply(status=304, media_type=row.media_type, headers=headers)
    wanted = incoming.headers.get("range")
    if wanted is None or incoming.headers.get("if-range", headers["etag"]) != headers["etag"]:
        return Reply(media_type=row.media_type, headers=headers, pieces=(Bare(picture),))
    return await _part(gateway, picture, wanted, headers)


async def delete(gateway: Gateway, incoming: Incoming, digest: str) -> Reply:
    """`DELETE /v1/assets/{digest}`."""
    assert incoming.principal is not None
    await delete_picture(gateway, incoming.principal, digest)
    return Reply(status=204)


async def delete_picture(gateway: Gateway, principal: Principal, digest: str) -> None:
    """Delete a picture for whoever made or sent it, and for administrators. Raises NotFound and PictureShared."""
    key_id = None if principal.may(Scope.ADMIN) else principal.key_id
    await gateway.books.change(partial(forget_picture, digest=digest, key_id=key_id))
    await gateway.assets.delete(digest)


def _not_found() -> NotFound:
    return NotFound("There is no such picture here, or it has been deleted.", code="asset_not_found")


def _headers(name: str, media_type: str, saved_as: str | None = None) -> dict[str, str]:
    """Of a file that never changes and that no browser is to run; `saved_as` is for one to be saved, not shown."""
    usual = f"{name[:16]}{name[64:]}.{media_type.removeprefix('image/')}"
    return {
        "etag": f'"{name}"',
        "cache-control": "private, max-age=31536000, immutable",
        "content-disposition": f'{"attachment" if saved_as else "inline"}; filename="{saved_as or usual}"',
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
    }


def _side(incoming: Incoming) -> int | None:
    """The longest side of the small version that is asked for; None: the picture itself. Raises BadRequest."""
    given = parse_qs(incoming.query, keep_blank_values=True).get("width")
    if given is None:
        return None
    sides = {str(side): side for side in THUMBNAIL_SIDES}
    if len(given) > 1 or given[0] not in sides:
        raise BadRequest(f"`width` must be {' or '.join(sides)}, or be left out for the picture itself.", param="width")
    return sides[given[0]]


def _file_name(incoming: Incoming) -> str | None:
    """What the picture is to be saved as; None: it is to be shown. Raises BadRequest."""
    given = parse_qs(incoming.query, keep_blank_values=True).get("download")
    if given is None:
        return None
    if re.fullmatch(r"[\w-][\w.-]{0,149}", given[0], re.ASCII) is None:
        raise BadRequest("`download` must be a file's name of letters, digits, `.`, `_` and `-`.", param="download")
    return given[0]


async def _small(gateway: Gateway, incoming: Incoming, picture: Picture, side: int) -> Reply:
    headers = _headers(f"{picture.digest}-{side}", MEDIA_TYPE)
    if headers["etag"] in incoming.headers.get("if-none-match", ""):
        return Reply(status=304, media_type=MEDIA_TYPE, headers=headers)
    return Reply(media_type=MEDIA_TYPE, headers=headers, pieces=(await gateway.thumbnails.load(picture, side),))


async def _admit(gateway: Gateway, incoming: Incoming, digest: str) -> None:
    """Raises Forbidden or Unauthorized where neither the signature nor the key allows this picture."""
    if "signature=" in incoming.query:
        if allows(gateway.link_secret, digest, incoming.query, gateway.clock.now()):
            return
        raise Forbidden("This address has expired or was changed.", code="invalid_signature")
    principal = await authenticate(incoming, Scope.READ, gateway.keys)
    if principal is None:
        raise Unauthorized("This needs a key or a signed address.")
    if not principal.may(Scope.ADMIN) and not await gateway.ledger.linked_to_key(digest, principal.key_id):
        raise _not_found()


async def _part(gateway: Gateway, picture: Picture, wanted: str, headers: dict[str, str]) -> Reply:
    """A single byte range (RFC 9110, section 14); several at once are answered with the whole, as is allowed."""
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", wanted.strip())
    if match is None or match[0] == "bytes=-":
        return Reply(media_type=picture.media_type, headers=headers, pieces=(Bare(picture),))
    if match[1]:
        start = int(match[1])
        end = min(picture.bytes, int(match[2]) + 1) if match[2] else picture.bytes
    else:
        start, end = max(0, picture.bytes - int(match[2])), picture.bytes
    if start >= end:
        raise RangeNotSatisfiable(
            f"The picture has {picture.bytes} bytes.", headers={"content-range": f"bytes */{picture.bytes}"}
        )
    data = b"".join([chunk async for chunk in gateway.assets.read(picture.digest, start, end)])
    headers = {**headers, "content-range": f"bytes {start}-{end - 1}/{picture.bytes}"}
    return Reply(status=206, media_type=picture.media_type, headers=headers, pieces=(data,))

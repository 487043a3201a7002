"""Pictures by address: signed and valid for a while for anybody, or with a key that made or sent the picture."""

import re

from penstock.assets.links import allows
from penstock.core.errors import Forbidden, NotFound, PenstockError, Unauthorized
from penstock.core.picture import Picture
from penstock.core.pieces import Bare
from penstock.core.principal import Scope
from penstock.pipeline.auth import authenticate
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply


class RangeNotSatisfiable(PenstockError):
    status = 416
    type = "invalid_request_error"
    code = "range_not_satisfiable"


async def asset(gateway: Gateway, incoming: Incoming, digest: str) -> Reply:
    """`GET /v1/assets/{digest}`, with ETag and byte ranges."""
    await _admit(gateway, incoming, digest)
    row = await gateway.ledger.asset(digest)
    if row is None or not await gateway.assets.exists(digest):
        raise NotFound("There is no such picture here, or it has been deleted.", code="asset_not_found")
    headers = {
        "etag": f'"{digest}"',
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=31536000, immutable",
        "content-disposition": f'inline; filename="{digest[:16]}.{row.media_type.removeprefix("image/")}"',
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
    }
    if f'"{digest}"' in incoming.headers.get("if-none-match", ""):
        return Reply(status=304, media_type=row.media_type, headers=headers)
    picture = Picture(digest, row.media_type, row.width, row.height, row.bytes)
    wanted = incoming.headers.get("range")
    if wanted is None or incoming.headers.get("if-range", f'"{digest}"') != f'"{digest}"':
        return Reply(media_type=row.media_type, headers=headers, pieces=(Bare(picture),))
    return await _part(gateway, picture, wanted, headers)


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
        raise NotFound("There is no such picture here, or it has been deleted.", code="asset_not_found")


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

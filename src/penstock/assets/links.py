"""Addresses that show one picture to whoever holds them, until they expire."""

import hmac
import re
from hashlib import sha256
from urllib.parse import parse_qs


def sign(secret: bytes, digest: str, expires: int) -> str:
    """The query string that opens a picture until `expires` (Unix seconds): `expires=...&signature=...`."""
    return f"expires={expires}&signature={_signature(secret, digest, expires)}"


def valid(secret: bytes, digest: str, expires: int, signature: str, now: float) -> bool:
    """Whether a signature is ours for that picture and time, and the time has not come. Takes the same time for any."""
    ours = hmac.compare_digest(_signature(secret, digest, expires).encode(), signature.encode("utf-8", "replace"))
    return ours and now < expires


def allows(secret: bytes, digest: str, query: str, now: float) -> bool:
    """Whether an address's query, as `sign` wrote it, allows reading that picture now."""
    fields = parse_qs(query)
    expires, signature = fields.get("expires", [""])[0], fields.get("signature", [""])[0]
    return re.fullmatch(r"[0-9]{1,15}", expires) is not None and valid(secret, digest, int(expires), signature, now)


def _signature(secret: bytes, digest: str, expires: int) -> str:
    return hmac.new(secret, f"asset:{digest}:{expires}".encode(), sha256).hexdigest()

"""Addresses that show one picture to whoever holds them, until they expire."""

import hmac
from hashlib import sha256


def sign(secret: bytes, digest: str, expires: int) -> str:
    """The query string that opens a picture until `expires` (Unix seconds): `expires=...&signature=...`."""
    return f"expires={expires}&signature={_signature(secret, digest, expires)}"


def valid(secret: bytes, digest: str, expires: int, signature: str, now: float) -> bool:
    """Whether a signature is ours for that picture and time, and the time has not come. Takes the same time for any."""
    ours = hmac.compare_digest(_signature(secret, digest, expires).encode(), signature.encode("utf-8", "replace"))
    return ours and now < expires


def _signature(secret: bytes, digest: str, expires: int) -> str:
    return hmac.new(secret, f"asset:{digest}:{expires}".encode(), sha256).hexdigest()

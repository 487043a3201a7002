"""Who is signed in to the pages: a cookie that stands for a key, and the token that its forms must bring back.

The cookie is sent by the browser whoever wrote the page, so whatever changes something wants the token too: it is made
from the cookie, which no other site can read (https://owasp.org/www-community/attacks/csrf).
"""

import hmac
import os
from hashlib import sha256

from penstock.pipeline.request import Incoming

COOKIE = "penstock_session"
CSRF_HEADER = "x-penstock-csrf"
CSRF_FIELD = "csrf"
SAFE_METHODS = frozenset(("GET", "HEAD"))

_MASK_BYTES = 16


def session_of(incoming: Incoming) -> str:
    """The session's secret that the request's cookie holds; empty where there is none."""
    return cookie(incoming, COOKIE)


def cookie(incoming: Incoming, name: str) -> str:
    """The value of a cookie; empty where it was not sent."""
    for part in incoming.headers.get("cookie", "").split(";"):
        given, _, value = part.strip().partition("=")
        if given == name:
            return value
    return ""


def csrf_token(session: str) -> str:
    """A token for the forms of one page; each looks different, so that compressed pages tell nothing of it."""
    mask = os.urandom(_MASK_BYTES)
    return (mask + _xor(_csrf(session), mask)).hex()


def is_csrf_token(session: str, given: str) -> bool:
    """Whether a page of this session was given that token."""
    try:
        data = bytes.fromhex(given[: 4 * _MASK_BYTES])
    except ValueError:
        return False
    mask, masked = data[:_MASK_BYTES], data[_MASK_BYTES:]
    return len(masked) == _MASK_BYTES and hmac.compare_digest(_xor(masked, mask), _csrf(session))


def _csrf(session: str) -> bytes:
    return hmac.new(session.encode("utf-8", "replace"), b"csrf", sha256).digest()[:_MASK_BYTES]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))

"""Names for requests, attempts and keys: a prefix and 26 characters that sort by time."""

import os

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
"""Two characters for each ten bits: half the steps of one at a time."""
_PLACES = range(120, -10, -10)


def new(prefix: str, unix_seconds: float) -> str:
    """`req_01jd...`: a ULID in lower case (48 bits of milliseconds, 80 of chance)."""
    number = (int(unix_seconds * 1000) << 80) | int.from_bytes(os.urandom(10))
    return f"{prefix}_{''.join([_PAIRS[number >> place & 1023] for place in _PLACES])}"

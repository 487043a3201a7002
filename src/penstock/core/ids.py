"""Names for requests, attempts and keys: a prefix and 26 characters that sort by time."""

import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new(prefix: str, unix_seconds: float) -> str:
    """`req_01jd...`: a ULID in lower case (48 bits of milliseconds, 80 of chance)."""
    number = (int(unix_seconds * 1000) << 80) | secrets.randbits(80)
    digits = []
    for _ in range(26):
        digits.append(_ALPHABET[number & 31])
        number >>= 5
    return f"{prefix}_{''.join(reversed(digits))}"

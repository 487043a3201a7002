"""Signed addresses."""

from urllib.parse import parse_qs

import pytest

from penstock.assets.links import sign, valid

SECRET = b"secret"
DIGEST = "ab" * 32


def signature(query: str) -> str:
    return parse_qs(query)["signature"][0]


def test_a_signed_address_is_valid_until_it_expires() -> None:
    query = sign(SECRET, DIGEST, 1000)
    assert query.startswith("expires=1000&signature=")
    assert valid(SECRET, DIGEST, 1000, signature(query), now=999.9)
    assert not valid(SECRET, DIGEST, 1000, signature(query), now=1000)


@pytest.mark.parametrize(
    ("secret", "digest", "expires"), [(b"other", DIGEST, 1000), (SECRET, "cd" * 32, 1000), (SECRET, DIGEST, 1001)]
)
def test_a_signature_holds_for_one_secret_picture_and_time(secret: bytes, digest: str, expires: int) -> None:
    assert not valid(secret, digest, expires, signature(sign(SECRET, DIGEST, 1000)), now=0)


@pytest.mark.parametrize("forged", ["", "0" * 64, "ü" * 64, "\ud800", "A" * 100_000])
def test_a_forged_signature_is_refused(forged: str) -> None:
    assert not valid(SECRET, DIGEST, 1000, forged, now=0)

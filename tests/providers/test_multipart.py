"""Forms with pictures, read back by the parser the gateway's own front door uses and by Python's."""

import email
import email.policy
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from penstock.core.call import ImageCall, Operation, Size
from penstock.core.picture import Picture
from penstock.core.pieces import Bare, Pieces, length
from penstock.core.target import Account, Offer, Provider
from penstock.providers import multipart
from penstock.providers.openai_compatible import OpenAICompatible

PROVIDER = Provider(slug="p", name="P", adapter="openai_compatible", base_url="https://api.example/v1")
ACCOUNT = Account(provider=PROVIDER)
OFFER = Offer(model="m", provider="p", upstream="up", operations=frozenset({Operation.IMAGE_EDIT}))

Part = tuple[str, str | None, str | None, bytes]


def picture(name: str, media_type: str = "image/png") -> Picture:
    return Picture(hashlib.sha256(name.encode()).hexdigest(), media_type, 8, 8, len(name))


def sent(pieces: Pieces, contents: dict[str, bytes]) -> bytes:
    """The body as it goes over the wire."""
    return b"".join(contents[piece.picture.digest] if isinstance(piece, Bare) else piece for piece in pieces)


def parts(content_type: str, body: bytes) -> list[Part]:
    """Name, file name, content type and content of each part, as Python's own parser reads them."""
    message = email.message_from_bytes(
        f"content-type: {content_type}\r\n\r\n".encode() + body, policy=email.policy.HTTP
    )
    found: list[Part] = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        kind = part.get_content_type() if "content-type" in part else None
        found.append((name, part.get_filename(), kind, part.get_payload(decode=True)))
    return found


def edit(call: ImageCall, quirks: dict[str, str] | None = None, **offer: object) -> list[Part]:
    account = replace(ACCOUNT, provider=replace(PROVIDER, quirks=quirks or {}))
    request = OpenAICompatible().request(call, replace(OFFER, **offer), account)
    assert request.url == "https://api.example/v1/images/edits"
    contents = {
        picture.digest: b"x" * picture.bytes for picture in [*call.references, *([call.mask] if call.mask else [])]
    }
    body = sent(request.body, contents)
    assert len(body) == length(request.body)
    return parts(request.headers["content-type"], body)


def test_one_picture_is_called_image_and_several_are_called_image_with_brackets() -> None:
    red, blue = picture("red"), picture("blue", "image/jpeg")
    assert edit(ImageCall(model="m", prompt="p", references=(red,)))[2:] == [
        ("image", "image-1.png", "image/png", b"xxx")
    ]
    assert edit(ImageCall(model="m", prompt="p", references=(red, blue)))[2:] == [
        ("image[]", "image-1.png", "image/png", b"xxx"),
        ("image[]", "image-2.jpeg", "image/jpeg", b"xxxx"),
    ]


@pytest.mark.parametrize(("quirks", "field"), [({}, "mask"), ({"mask_field": "mask_image"}, "mask_image")])
def test_the_mask_follows_the_pictures(quirks: dict[str, str], field: str) -> None:
    call = ImageCall(model="m", prompt="p", references=(picture("red"),), mask=picture("mask"))
    assert edit(call, quirks)[3] == (field, "mask.png", "image/png", b"xxxx")


def test_scalars_are_text_and_lists_are_json() -> None:
    call = ImageCall(
        model="m",
        prompt="p",
        n=2,
        size=Size(1024, 1536),
        references=(picture("red"),),
        options={"input_fidelity": "high", "flag": True, "scale": 1.5, "list": [1, "a"]},
    )
    fields = {name: content for name, _, _, content in edit(call, parameters=frozenset(call.options))[:-1]}
    assert fields == {
        "model": b"up",
        "prompt": b"p",
        "n": b"2",
        "size": b"1024x1536",
        "input_fidelity": b"high",
        "flag": b"true",
        "scale": b"1.5",
        "list": b'[1,"a"]',
    }


HOSTILE = 'a"; filename="x"\r\n--boundary--\r\nContent-Disposition: form-data; name="model"\r\n\r\nevil'


def test_a_value_with_quotes_and_line_ends_stays_one_value() -> None:
    found = edit(ImageCall(model="m", prompt=HOSTILE, references=(picture("red"),)))
    assert [name for name, *_ in found] == ["model", "prompt", "image"]
    assert found[1] == ("prompt", None, None, HOSTILE.encode())


def test_a_name_with_quotes_and_line_ends_stays_one_name() -> None:
    body = sent(multipart.encode([(HOSTILE, "v")], [], "b"), {})
    found = parts(multipart.content_type("b"), body)
    assert len(found) == 1
    assert found[0][0] == HOSTILE.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


@given(some.lists(some.tuples(some.text(min_size=1), some.text()), max_size=4))
def test_the_number_of_parts_is_the_number_of_fields(fields: list[tuple[str, str]]) -> None:
    boundary = multipart.new_boundary()
    body = b"".join(piece for piece in multipart.encode(fields, [], boundary) if isinstance(piece, bytes))
    assert body.count(f"--{boundary}\r\n".encode()) == len(fields)
    heads = [section.partition(b"\r\n\r\n")[0] for section in body.split(f"--{boundary}\r\n".encode())[1:]]
    assert all(head.count(b"\r\n") == 0 and head.count(b'"') == 2 for head in heads)


def test_two_boundaries_are_never_the_same() -> None:
    assert multipart.new_boundary() != multipart.new_boundary()

"""Small versions of pictures, and pictures deleted, at the addresses they have, whatever made them."""

import base64
import io
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from penstock.core.principal import Scope
from tests.e2e.doors import data_url, encoded, refusal
from tests.e2e.running import RunningGateway

A_SECOND = 1 / 86_400
SIZE = {"size": "1024x512"}
WORDS = {"model": "sandbox/image", "prompt": "a lighthouse"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("pictures"), {}) as running:
        yield running


def client_with(gateway: RunningGateway, key: str | None) -> httpx.Client:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=gateway.url, headers=headers, timeout=30, trust_env=False)


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """With a key of its own, so that what it makes is nobody else's."""
    with client_with(gateway, gateway.new_key()) as opened:
        yield opened


@pytest.fixture
def anybody(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with client_with(gateway, None) as opened:
        yield opened


@pytest.fixture
def admin(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with client_with(gateway, gateway.admin_key) as opened:
        yield opened


def post(client: httpx.Client, path: str, fields: dict[str, Any]) -> httpx.Response:
    response = client.post(path, json=fields)
    assert response.status_code == 200, response.text
    return response


def generated(client: httpx.Client, **fields: Any) -> httpx.Response:
    return post(client, "/v1/images/generations", {**WORDS, **SIZE, "response_format": "url", **fields})


def edited(client: httpx.Client, **fields: Any) -> httpx.Response:
    sent = {"images": [{"image_url": data_url(encoded(64, 64))}]}
    return post(client, "/v1/images/edits", {**WORDS, **SIZE, **sent, "response_format": "url", **fields})


def chatted(client: httpx.Client, **fields: Any) -> httpx.Response:
    asked = {"model": "sandbox/image", "messages": [{"role": "user", "content": "a lighthouse"}]}
    return post(client, "/v1/chat/completions", {**asked, "modalities": ["image", "text"], **fields})


def by_openrouter(client: httpx.Client, **fields: Any) -> httpx.Response:
    return post(client, "/api/v1/images", {**WORDS, **SIZE, **fields})


MAKERS: dict[str, Callable[..., httpx.Response]] = {
    "generation": generated,
    "edit": edited,
    "chat": chatted,
    "openrouter": by_openrouter,
}


def digest_of(gateway: RunningGateway, made: httpx.Response) -> str:
    """Of the first picture that an answer's request made."""
    rows = "select digest from asset_links where request_id = ? and role = 'output' order by position"
    return str(gateway.rows(rows, made.headers["x-request-id"])[0]["digest"])


def files_of(gateway: RunningGateway, digest: str) -> list[str]:
    """The folders of the store in which there is something of a picture."""
    found = (gateway.data / "assets").glob(f"*/{digest[:2]}/{digest[2:]}*")
    return sorted(path.relative_to(gateway.data / "assets").parts[0] for path in found)


def opened(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/webp"
    assert int(response.headers["content-length"]) == len(response.content)
    image = Image.open(io.BytesIO(response.content))
    assert image.format == "WEBP"
    image.load()
    return image


def sent(gateway: RunningGateway, client: httpx.Client, data: bytes, kind: str) -> str:
    """The digest of a picture that was sent to be edited."""
    address = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    made = edited(client, images=[{"image_url": address}])
    rows = "select digest from asset_links where request_id = ? and role = 'reference'"
    return str(gateway.rows(rows, made.headers["x-request-id"])[0]["digest"])


# Small versions.


@pytest.mark.parametrize("side", [320, 960])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_whatever_made_a_picture_it_has_small_versions(
    gateway: RunningGateway, client: httpx.Client, make: Callable[..., httpx.Response], side: int
) -> None:
    digest = digest_of(gateway, make(client, seed=side))
    whole = Image.open(io.BytesIO(client.get(f"/v1/assets/{digest}").content))
    small = client.get(f"/v1/assets/{digest}", params={"width": side})
    assert opened(small).size == tuple(max(1, round(length * side / max(whole.size))) for length in whole.size)
    assert client.get(f"/v1/assets/{digest}", params={"width": side}).content == small.content


def jpeg_on_its_side() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return data_of(Image.effect_noise((800, 400), 60).convert("RGB"), "JPEG", exif=exif)


def data_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


SENT: dict[str, tuple[str, bytes, tuple[int, int], str]] = {
    "png": ("png", data_of(Image.effect_noise((800, 400), 60), "PNG"), (320, 160), "RGB"),
    "jpeg turned by EXIF": ("jpeg", jpeg_on_its_side(), (160, 320), "RGB"),
    "webp with alpha": ("webp", data_of(Image.new("RGBA", (800, 400), (9, 9, 9, 99)), "WEBP"), (320, 160), "RGBA"),
    "gif": ("gif", data_of(Image.effect_noise((800, 400), 60), "GIF"), (320, 160), "RGB"),
}


@pytest.mark.parametrize(("kind", "data", "size", "mode"), SENT.values(), ids=SENT)
def test_whatever_format_was_sent_it_has_small_versions(
    gateway: RunningGateway, client: httpx.Client, kind: str, data: bytes, size: tuple[int, int], mode: str
) -> None:
    digest = sent(gateway, client, data, kind)
    image = opened(client.get(f"/v1/assets/{digest}", params={"width": 320}))
    assert (image.size, image.mode) == (size, mode)


def test_a_small_version_may_be_cached_for_ever(gateway: RunningGateway, client: httpx.Client) -> None:
    address = httpx.URL(generated(client).json()["data"][0]["url"])
    digest = address.path.rpartition("/")[2]
    small = client.get(f"/v1/assets/{digest}?width=320")
    assert small.headers["etag"] == f'"{digest}-320"'
    assert "immutable" in small.headers["cache-control"] and "private" in small.headers["cache-control"]
    assert small.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in small.headers["content-security-policy"]
    assert small.headers["content-disposition"] == f'inline; filename="{digest[:16]}-320.webp"'
    again = client.get(f"/v1/assets/{digest}?width=320", headers={"if-none-match": small.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(f"/v1/assets/{digest}?width=960", headers={"if-none-match": small.headers["etag"]})
    assert other.status_code == 200
    head = client.head(f"/v1/assets/{digest}?width=320")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == small.headers["content-length"]


def test_a_picture_is_saved_under_the_name_that_is_asked_for(client: httpx.Client, anybody: httpx.Client) -> None:
    address = generated(client).json()["data"][0]["url"]
    digest = httpx.URL(address).path.rpartition("/")[2]
    for opened_by, at in (
        (anybody, f"{address}&download=boat-1.png"),
        (client, f"/v1/assets/{digest}?download=boat-1.png"),
    ):
        saved = opened_by.get(at)
        assert (saved.status_code, saved.headers["content-disposition"]) == (200, 'attachment; filename="boat-1.png"')
    for name in ("", ".hidden", "a/b.png", 'a".png', "a\nb", "ä.png", "x" * 151):
        refused = client.get(f"/v1/assets/{digest}", params={"download": name})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "download"), name


def test_a_signed_address_opens_the_small_versions_too_and_no_other_picture(
    client: httpx.Client, anybody: httpx.Client
) -> None:
    one, other = (httpx.URL(generated(client, seed=seed).json()["data"][0]["url"]) for seed in (1, 2))
    assert opened(anybody.get(f"{one}&width=320")).size == (320, 160)
    assert opened(anybody.get(one.copy_set_param("width", "960"))).size == (960, 480)
    for refused in (other.copy_with(query=one.query), one.copy_set_param("expires", "1")):
        response = anybody.get(f"{refused}&width=320")
        assert (response.status_code, refusal(response)[1]["code"]) == (403, "invalid_signature")


def test_whoever_may_not_see_a_picture_sees_no_small_version(
    gateway: RunningGateway, client: httpx.Client, anybody: httpx.Client, admin: httpx.Client
) -> None:
    path = f"/v1/assets/{digest_of(gateway, generated(client, seed=77))}?width=320"
    with client_with(gateway, gateway.new_key()) as stranger:
        assert [each.get(path).status_code for each in (client, admin, stranger, anybody)] == [200, 200, 404, 401]


@pytest.mark.parametrize("width", ["", "0", "321", "-320", "320.0", "0320", "x", "9" * 5000, "320&width=960"])
def test_a_width_that_is_none_is_refused_in_a_sentence(
    gateway: RunningGateway, client: httpx.Client, width: str
) -> None:
    digest = digest_of(gateway, generated(client))
    response = client.get(f"/v1/assets/{digest}?width={width}")
    message, told = refusal(response)
    assert (response.status_code, told["param"]) == (400, "width")
    assert message == "`width` must be 320 or 960, or be left out for the picture itself."


def test_a_picture_that_cannot_be_decoded_has_none_and_the_gateway_goes_on(
    gateway: RunningGateway, client: httpx.Client
) -> None:
    digest = digest_of(gateway, generated(client, seed=5))
    path = gateway.data / "assets" / "sha256" / digest[:2] / digest[2:]
    path.write_bytes(path.read_bytes()[:200].ljust(path.stat().st_size, b"\0"))
    response = client.get(f"/v1/assets/{digest}?width=320")
    message, told = refusal(response)
    assert (response.status_code, told["code"]) == (422, "thumbnail_unavailable")
    assert "cannot be decoded" in message
    assert files_of(gateway, digest) == ["sha256"]
    assert opened(client.get(f"/v1/assets/{digest_of(gateway, generated(client, seed=6))}?width=320"))


# Deleting.


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_whoever_made_a_picture_can_delete_it(
    gateway: RunningGateway, client: httpx.Client, make: Callable[..., httpx.Response]
) -> None:
    made = make(client, seed=random.randrange(2**31))
    digest = digest_of(gateway, made)
    path = f"/v1/assets/{digest}"
    assert client.get(f"{path}?width=320").status_code == 200
    assert files_of(gateway, digest) == ["sha256", "thumbnails"]
    row = gateway.request(made.headers["x-request-id"])
    response = client.delete(path)
    assert (response.status_code, response.content) == (204, b"")
    assert "content-length" not in response.headers and "content-type" not in response.headers
    assert response.headers["x-request-id"].startswith("req_")
    assert files_of(gateway, digest) == []
    for address in (path, f"{path}?width=320"):
        assert refusal(client.get(address))[1]["code"] == "asset_not_found"
    assert refusal(client.delete(path))[1]["code"] == "asset_not_found"
    assert gateway.request(made.headers["x-request-id"]) == row
    links = gateway.rows("select role from asset_links where digest = ?", digest)
    assert links == [{"role": "output"}], "what it was made by stays known"


def test_a_signed_address_of_a_deleted_picture_opens_nothing(client: httpx.Client, anybody: httpx.Client) -> None:
    address = httpx.URL(generated(client, seed=11).json()["data"][0]["url"])
    assert anybody.get(address).status_code == 200
    assert anybody.delete(address).status_code == 401, "it is for looking only"
    assert client.delete(address.path).status_code == 204
    assert anybody.get(address).status_code == 404


def test_what_was_sent_can_be_deleted_too(gateway: RunningGateway, client: httpx.Client) -> None:
    digest = sent(gateway, client, encoded(70, 70), "png")
    assert client.delete(f"/v1/assets/{digest}").status_code == 204
    assert files_of(gateway, digest) == []


def test_a_picture_of_several_keys_is_deleted_by_an_administrator_only(
    gateway: RunningGateway, client: httpx.Client, admin: httpx.Client
) -> None:
    path = f"/v1/assets/{digest_of(gateway, generated(client, seed=21))}"
    with client_with(gateway, gateway.new_key()) as second:
        assert refusal(second.delete(path))[1]["code"] == "asset_not_found", "whether it exists is not told"
        generated(second, seed=21)
        for each in (client, second):
            response = each.delete(path)
            assert (response.status_code, refusal(response)[1]["code"]) == (409, "picture_shared")
            assert each.get(path).status_code == 200
        assert admin.delete(path).status_code == 204
        assert [each.get(path).status_code for each in (client, second, admin)] == [404] * 3


def test_a_picture_made_again_after_its_deletion_is_there_again(gateway: RunningGateway, client: httpx.Client) -> None:
    path = f"/v1/assets/{digest_of(gateway, generated(client, seed=31))}"
    assert client.get(f"{path}?width=320").status_code == 200
    assert client.delete(path).status_code == 204
    generated(client, seed=31)
    assert opened(client.get(f"{path}?width=320")).size == (320, 160)


@pytest.mark.parametrize("digest", ["0" * 64, "x", "A" * 64, "%00"])
def test_what_is_not_there_cannot_be_deleted(
    client: httpx.Client, admin: httpx.Client, gateway: RunningGateway, digest: str
) -> None:
    for each in (client, admin):
        response = each.delete(f"/v1/assets/{digest}")
        assert (response.status_code, refusal(response)[1]["code"]) == (404, "asset_not_found"), response.url


def test_a_key_without_the_scope_deletes_nothing(gateway: RunningGateway, client: httpx.Client) -> None:
    path = f"/v1/assets/{digest_of(gateway, generated(client, seed=41))}"
    with client_with(gateway, gateway.new_key(Scope.READ)) as reader:
        assert reader.delete(path).status_code == 403
    assert client.get(path).status_code == 200


# Retention.


def test_small_versions_go_when_the_time_of_their_picture_is_over(tmp_path: Path) -> None:
    settings = {"assets": {"retention_days": A_SECOND}}
    with RunningGateway(tmp_path, settings) as gateway, client_with(gateway, gateway.key) as client:
        digest = digest_of(gateway, generated(client))
        assert client.get(f"/v1/assets/{digest}?width=320").status_code == 200
        assert files_of(gateway, digest) == ["sha256", "thumbnails"]
    time.sleep(1.1)
    with RunningGateway(tmp_path, settings) as gateway:
        deadline = time.monotonic() + 5
        while files_of(gateway, digest) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert files_of(gateway, digest) == []

"""A picture is edited again by the address it was answered with, on a gateway that fetches nothing private."""

from pathlib import Path

import httpx

from tests.e2e.running import RunningGateway


def test_an_address_of_ours_is_a_reference_without_being_fetched(tmp_path: Path) -> None:
    with RunningGateway(tmp_path) as gateway:
        client = httpx.Client(base_url=gateway.url, headers={"authorization": f"Bearer {gateway.key}"})
        with client:
            fields = {"model": "sandbox/image", "prompt": "a boat", "size": "64x64", "response_format": "url"}
            address = client.post("/v1/images/generations", json=fields).json()["data"][0]["url"]
            edit = {"model": "sandbox/image", "prompt": "at night", "images": [{"image_url": address}]}
            assert client.post("/v1/images/edits", json=edit).status_code == 200
            assert gateway.last_request()["reference_pixels"] == 64 * 64
            changed = {**edit, "images": [{"image_url": address[:-1] + ("0" if address[-1] != "0" else "1")}]}
            refused = client.post("/v1/images/edits", json=changed)
            assert refused.status_code == 400
            assert refused.json()["error"]["code"] == "image_address_refused"

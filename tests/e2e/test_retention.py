"""Pictures are kept as long as the settings say, and not longer."""

import time
from pathlib import Path

import httpx

from tests.e2e.running import RunningGateway

A_SECOND = 1 / 86_400


def make_a_picture(gateway: RunningGateway) -> str:
    """Its address."""
    fields = {"model": "sandbox/image", "prompt": "a boat", "size": "64x64", "response_format": "url"}
    headers = {"authorization": f"Bearer {gateway.key}"}
    answer = httpx.post(f"{gateway.url}/v1/images/generations", json=fields, headers=headers).json()
    return str(answer["data"][0]["url"])


def test_a_picture_is_gone_when_its_time_is_over_and_its_row_in_the_ledger_stays(tmp_path: Path) -> None:
    settings = {"assets": {"retention_days": A_SECOND}}
    with RunningGateway(tmp_path, settings) as gateway:
        path = make_a_picture(gateway).removeprefix(gateway.url)
        assert httpx.get(gateway.url + path).status_code == 200
        assert gateway.pictures() == 1
    time.sleep(1.1)
    with RunningGateway(tmp_path, settings) as gateway:
        deadline = time.monotonic() + 5
        while gateway.pictures() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert gateway.pictures() == 0
        assert httpx.get(gateway.url + path).status_code == 404
        assert gateway.last_request()["images_delivered"] == 1


def test_without_a_retention_pictures_stay(tmp_path: Path) -> None:
    with RunningGateway(tmp_path) as gateway:
        make_a_picture(gateway)
        assert gateway.rows("select expires_at from assets") == [{"expires_at": None}]

"""`penstock serve` as people run it: a process, its greeting, its keys, its end."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.commands.conftest import Penstock
from tests.commands.served import Served, environment, script

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("served") / "data") as running:
        yield running


def asked(served: Served, key: str) -> int:
    return httpx.get(f"{served.url}/v1/models", headers={"authorization": f"Bearer {key}"}, timeout=30).status_code


def test_a_first_start_prints_the_address_and_the_administrators_key(served: Served) -> None:
    assert f" at {served.url} " in served.greeting
    assert "Administrator key, shown this once:" in served.greeting
    assert asked(served, served.key) == 200


def test_its_line_of_curl_makes_a_picture_of_the_size_it_says(served: Served, tmp_path: Path) -> None:
    draw(served, tmp_path, served.key)
    assert '"size": "1024x768"' in served.curl


def draw(served: Served, folder: Path, key: str) -> None:
    """Run the line of curl as it was printed, in a shell that knows the key."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", served.curl],
        cwd=folder,
        env={**environment(served.data), "PENSTOCK_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with Image.open(folder / "lighthouse.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (1024, 768))


def test_keys_made_and_revoked_beside_it_count_within_a_second(served: Served, penstock: Penstock) -> None:
    data = ("--data", str(served.data))
    made = penstock("keys", "create", "--name", "beside", "--json", *data).json
    assert asked(served, made["key"]) == 200
    penstock("keys", "revoke", made["id"], *data)
    time.sleep(1.1)
    assert asked(served, made["key"]) == 401
    listed = penstock("keys", "list", "--all", "--json", *data).json
    assert [key["name"] for key in listed] == ["administrator", "beside"]


def test_pictures_can_be_asked_of_it_from_the_command_line(served: Served, penstock: Penstock, tmp_path: Path) -> None:
    out = tmp_path / "made.png"
    gateway = ("--url", f"{served.url}/v1", "--key", served.key)
    made = penstock("generate", "a mill", "-o", str(out), "--size", "256x192", *gateway, "--json").json
    assert made["files"] == [str(out)] and made["provider"] == "sandbox" and made["errors"] == []
    with Image.open(out) as picture:
        assert (picture.format, picture.size) == ("PNG", (256, 192))


def test_a_key_it_does_not_know_is_told_by_the_command_line(served: Served, penstock: Penstock, tmp_path: Path) -> None:
    ran = penstock("generate", "a mill", "-o", str(tmp_path / "no.png"), "--url", served.url, "--key", "psk_wrong")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("penstock: This API key is not known here.")
    assert not (tmp_path / "no.png").exists()


def test_a_second_gateway_on_its_port_says_so_before_anything_else(served: Served, tmp_path: Path) -> None:
    done = script(tmp_path / "data", "serve", "--port", str(served.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"penstock: Cannot listen on 127.0.0.1 port {served.port}: Address already in use.")
    assert not (tmp_path / "data").exists()


def test_sigterm_and_ctrl_c_are_good_ends_and_the_key_is_shown_at_the_first_start_only(tmp_path: Path) -> None:
    with Served(tmp_path / "data") as first:
        assert first.end(signal.SIGTERM) == 0
    with Served(tmp_path / "data") as second:
        assert second.key == "" and "$PENSTOCK_API_KEY" in second.curl
        draw(second, tmp_path, first.key)
        assert second.end(signal.SIGINT) == 0
    assert "Traceback" not in first.greeting + second.greeting


def test_other_keys_made_before_the_first_start_do_not_keep_the_administrators_away(
    tmp_path: Path, penstock: Penstock
) -> None:
    penstock("keys", "create", "--name", "early", "--data", str(tmp_path / "data"))
    with Served(tmp_path / "data") as served:
        assert asked(served, served.key) == 200

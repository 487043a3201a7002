"""`penstock generate`: pictures from the command line, through a gateway of its own or one that runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.commands.conftest import Penstock
from tests.commands.served import script
from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator

pytestmark = pytest.mark.e2e


def size(file: Path) -> tuple[int, int]:
    with Image.open(file) as picture:
        picture.load()
        return picture.size


@pytest.fixture(scope="module")
def bfl() -> Iterator[BflSimulator]:
    with BflSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, bfl: BflSimulator) -> Iterator[RunningGateway]:
    settings = {
        "providers": {"bfl": {"base_url": bfl.url, "api_key": "bfl-test-key", "quirks": {"poll_seconds": 0.01}}},
        "network": {"allow_private_hosts": ["127.0.0.1"]},
    }
    with RunningGateway(tmp_path_factory.mktemp("gateway"), settings) as running:
        yield running


def test_without_a_gateway_it_starts_one_and_leaves_a_row_and_no_valid_key(tmp_path: Path, penstock: Penstock) -> None:
    data = tmp_path / "data"
    done = script(data, "generate", "a mill", "-o", "mill.png", "--size", "256x256")
    assert (done.returncode, done.stdout, done.stderr) == (0, "mill.png  ($0.03, sandbox)\n", "")
    assert size(tmp_path / "mill.png") == (256, 256)
    refused = script(data, "generate", "a mill", "--size", "1x1")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("penstock: image at sandbox makes pictures with sides of at least 64 pixels")
    keys = penstock("keys", "list", "--all", "--json").json
    assert [(key["name"], key["revoked_at"] is not None) for key in keys] == [("penstock generate", True)] * 2


@pytest.fixture
def at(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to write to, with the gateway's address and key in the environment."""
    monkeypatch.setenv("PENSTOCK_URL", gateway.url)
    monkeypatch.setenv("PENSTOCK_API_KEY", gateway.key)
    return tmp_path


def test_several_pictures_are_numbered(penstock: Penstock, at: Path) -> None:
    made = penstock(
        "generate", "a mill", "-o", str(at / "m.png"), "--n", "2", "--seed", "7", "--size", "64x64", "--json"
    )
    assert made.json["files"] == [str(at / "m.png"), str(at / "m-2.png")]
    assert made.json["seeds"] == [7, 8]
    assert [size(Path(file)) for file in made.json["files"]] == [(64, 64), (64, 64)]


def test_a_reference_is_edited_and_paid_for(penstock: Penstock, at: Path, gateway: RunningGateway) -> None:
    penstock("generate", "a mill", "-o", str(at / "m.png"), "--size", "320x200")
    ran = penstock(
        "generate", "in winter", "-o", str(at / "w.png"), "--ref", str(at / "m.png"), "--ref", str(at / "m.png")
    )
    assert ran.out == f"{at / 'w.png'}  ($0.06, sandbox)\n"
    assert size(at / "w.png") == (320, 200)
    assert (gateway.last_request()["operation"], gateway.last_request()["reference_count"]) == ("image_edit", 2)


def test_pictures_that_failed_are_told_beside_those_that_came(penstock: Penstock, at: Path) -> None:
    ran = penstock("generate", "a mill [sandbox:partial 1]", "-o", str(at / "m.png"), "--n", "2", "--size", "64x64")
    assert ran.out.splitlines() == [
        f"{at / 'm.png'}  ($0.03, sandbox)",
        "The sandbox failed at this picture, as the request asked of it.",
    ]
    assert not (at / "m-2.png").exists()


def test_a_file_is_called_what_it_is(penstock: Penstock, at: Path) -> None:
    ran = penstock("generate", "a mill", "-m", "flux-2-pro", "-o", str(at / "m.png"), "--size", "512x512")
    assert ran.out == f"{at / 'm.jpg'}  ($0.03, bfl)\n"
    with Image.open(at / "m.jpg") as picture:
        assert picture.format == "JPEG"


REFUSED = [
    (["--ref", "nowhere.png"], "There is no file nowhere.png."),
    (["-m", "sandbox/imag"], "There is no model `sandbox/imag`. Did you mean `sandbox/image`"),
    (["-o", "/nowhere/out.png", "--size", "64x64"], "/nowhere/out.png cannot be written: No such file or directory."),
    (["--url", "127.0.0.1:8080"], "A gateway's address is like http://127.0.0.1:8080, not '127.0.0.1:8080'."),
    (["--url", "http://127.0.0.1:9"], "The gateway at http://127.0.0.1:9 does not answer: "),
    (["--key", ""], "A running gateway needs a key: --key, or PENSTOCK_API_KEY."),
]


@pytest.mark.parametrize(
    ("arguments", "sentence"), REFUSED, ids=[arguments[0] + arguments[1] for arguments, _ in REFUSED]
)
def test_what_cannot_be_done_ends_with_1_and_a_sentence(
    penstock: Penstock, at: Path, arguments: list[str], sentence: str
) -> None:
    ran = penstock("generate", "a mill", "-o", str(at / "out.png"), *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"penstock: {sentence}")


def test_what_is_no_gateway_is_told(penstock: Penstock, at: Path, bfl: BflSimulator) -> None:
    ran = penstock("generate", "a mill", "--url", bfl.url)
    assert (ran.code, ran.err) == (1, f"penstock: What answers at {bfl.url} is not a Penstock gateway.\n")

"""`penstock routes test`: who would be asked, from the command line, at a running gateway or at one of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Penstock
from tests.commands.served import script
from tests.e2e.running import RunningGateway
from tests.simulators.openai import OpenAISimulator

pytestmark = pytest.mark.e2e

PICTURE = {"model": "own/picture", "prompt": "a mill", "size": "1024x1024"}


def sold(dollars: str, **limits: object) -> list[dict[str, object]]:
    meters = [{"unit": "image", "amount": dollars}]
    return [
        {
            "model": "own/picture",
            "upstream": "gpt-image-1",
            "operations": ["image_generation"],
            "limits": {"free_size": True, **limits},
            "price": {"source": "this test", "checked": "2026-11-27", "meters": meters},
        }
    ]


@pytest.fixture(scope="module")
def simulator() -> Iterator[OpenAISimulator]:
    with OpenAISimulator() as started:
        yield started


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, simulator: OpenAISimulator) -> Iterator[RunningGateway]:
    account = {"adapter": "openai_compatible", "base_url": simulator.base_url, "api_key": "openai-test-key"}
    settings = {
        "models": [{"slug": "own/picture", "name": "Picture", "maker": "Own", "output_modalities": ["image"]}],
        "providers": {
            "dear": {**account, "offers": sold("0.5")},
            "cheap": {**account, "offers": sold("0.25")},
            "small": {**account, "offers": sold("0.1", max_pixels=4096)},
        },
        "routing": {"strategy": {"name": "hedged", "then": "cost-optimized", "otherwise_seconds": 2}},
    }
    with RunningGateway(tmp_path_factory.mktemp("gateway"), settings) as running:
        yield running


@pytest.fixture
def request_file(tmp_path: Path, gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A request in a file, with the gateway's address and key in the environment."""
    monkeypatch.setenv("PENSTOCK_URL", gateway.url)
    monkeypatch.setenv("PENSTOCK_API_KEY", gateway.key)
    file = tmp_path / "request.json"
    file.write_text(json.dumps(PICTURE))
    return file


def test_it_tells_the_order_the_prices_and_who_cannot(
    penstock: Penstock, request_file: Path, simulator: OpenAISimulator
) -> None:
    done = penstock("routes", "test", str(request_file))
    assert done.lines[0] == "own/picture, image generation: hedged"
    assert done.lines[1].startswith("The next is asked after 2 s, because the first is not measured yet.")
    assert "1 cheap/gpt-image-1 own/picture $0.25 not measured" in done.lines
    assert "2 dear/gpt-image-1 own/picture $0.5 not measured" in done.lines
    assert "Not small/gpt-image-1: gpt-image-1 at small makes pictures of at most" in done.out
    assert simulator.calls == []


def test_a_header_counts_as_in_the_request_itself(penstock: Penstock, request_file: Path) -> None:
    config = json.dumps({"strategy": "priority", "nonsense": 1})
    found = penstock("routes", "test", str(request_file), "-H", f"x-penstock-config: {config}", "--json").json
    assert found["strategy"] == "priority"
    assert [entry["provider"] for entry in found["order"]] == ["dear", "cheap"]
    assert found["warnings"] == ["`nonsense` is not known."]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "request.json is not JSON"),
        ('{"model": "own/pictur", "prompt": "p"}', "Did you mean `own/picture`"),
        ('{"model": "own/picture", "prompt": ""}', "`prompt` is empty"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(
    penstock: Penstock, request_file: Path, text: str, says: str
) -> None:
    request_file.write_text(text)
    done = penstock("routes", "test", str(request_file))
    assert done.code == 1
    assert says in done.err


def test_without_a_gateway_it_starts_one_that_calls_nobody(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(
        json.dumps({"model": "sandbox/text", "messages": [{"role": "user", "content": "x"}]})
    )
    done = script(tmp_path / "data", "routes", "test", "request.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("sandbox/text, chat: price-weighted")

"""Models that end, and keys that may call some of them only: chats, pictures and edits through a running gateway."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from penstock.core.principal import Scope
from penstock.store.keys import NewKey, create_key
from tests.e2e.pictures import data_url, png
from tests.e2e.running import RunningGateway, now_ms

KINDS = {"text": "chat", "image": "pictures"}
MESSAGES = [{"role": "user", "content": "Hello"}]


def today() -> date:
    return datetime.now(UTC).date()


def offers() -> list[dict[str, Any]]:
    """The sandbox's offers again: of models that have ended, of models that end, and of models that do not."""
    found = []
    for ends, days in {"gone": 0, "ending": 30, "lasting": None}.items():
        for kind in ("text", "image"):
            operations = ["chat"] if kind == "text" else ["image_generation", "image_edit"]
            found.append(
                {
                    "model": f"{ends}/{kind}",
                    "upstream": f"{kind}-{ends}",
                    "operations": operations,
                    "limits": {} if kind == "text" else {"free_size": True, "max_pixels": 1048576, "max_references": 4},
                    "deprecates": None if days is None else (today() + timedelta(days)).isoformat(),
                    "note": "A test.",
                }
            )
    return found


def models() -> list[dict[str, Any]]:
    outputs = {"text": ["text"], "image": ["image"]}
    return [
        {
            "slug": f"{ends}/{kind}",
            "name": ends,
            "maker": "Test",
            "input_modalities": ["text", "image"],
            "output_modalities": made,
            "successor": f"lasting/{kind}",
        }
        for ends in ("gone", "ending", "lasting")
        for kind, made in outputs.items()
    ]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    settings = {"providers": {"sandbox": {"offers": offers()}}, "models": models()}
    with RunningGateway(tmp_path_factory.mktemp("here"), settings) as running:
        yield running


def ask(gateway: RunningGateway, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {key or gateway.key}"}
    return httpx.post(f"{gateway.url}{path}", headers=headers, json=body, timeout=30)


CALLS = {
    "a chat": ("/v1/chat/completions", "text", {"messages": MESSAGES}),
    "a picture": ("/v1/images/generations", "image", {"prompt": "a boat", "size": "64x64"}),
    "an edit": (
        "/v1/images/edits",
        "image",
        {"prompt": "a boat", "size": "64x64", "images": [{"image_url": data_url(png(64, 64))}]},
    ),
    "a stream": ("/v1/chat/completions", "text", {"messages": MESSAGES, "stream": True}),
    "a picture at OpenRouter's door": ("/api/v1/images", "image", {"prompt": "a boat", "size": "64x64"}),
}
each_call = pytest.mark.parametrize(("path", "kind", "body"), CALLS.values(), ids=CALLS)


@each_call
def test_an_answer_says_when_its_model_ends(here: RunningGateway, path: str, kind: str, body: dict[str, Any]) -> None:
    answer = ask(here, path, {**body, "model": f"ending/{kind}"})
    assert answer.status_code == 200, answer.text[:300]
    day = today() + timedelta(30)
    assert answer.headers["x-penstock-deprecation"] == f"{day}; use lasting/{kind}"
    assert answer.headers["x-agentcc-deprecation"] == answer.headers["x-penstock-deprecation"]
    sunset = datetime.strptime(answer.headers["sunset"], "%a, %d %b %Y %H:%M:%S GMT")
    assert sunset == datetime(day.year, day.month, day.day)


@each_call
def test_a_model_without_an_end_says_nothing(here: RunningGateway, path: str, kind: str, body: dict[str, Any]) -> None:
    answer = ask(here, path, {**body, "model": f"lasting/{kind}"})
    assert answer.status_code == 200, answer.text[:300]
    assert not {"sunset", "x-penstock-deprecation"} & set(answer.headers)


@each_call
def test_a_model_that_has_ended_is_not_found(here: RunningGateway, path: str, kind: str, body: dict[str, Any]) -> None:
    answer = ask(here, path, {**body, "model": f"gone/{kind}"})
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert "model_deprecated" in (error["code"], error.get("metadata", {}).get("error_code"))
    assert error["message"] == f"`gone/{kind}` ended on {today()}. Use `lasting/{kind}` instead."
    assert here.attempts(answer.headers["x-request-id"]) == []


@each_call
def test_a_key_calls_the_models_it_may(here: RunningGateway, path: str, kind: str, body: dict[str, Any]) -> None:
    key = limited(here, models=("lasting/*",))
    assert ask(here, path, {**body, "model": f"lasting/{kind}"}, key).status_code == 200
    refused = ask(here, path, {**body, "model": f"ending/{kind}"}, key)
    assert refused.status_code == 403
    error = refused.json()["error"]
    assert "model_not_allowed" in (error["code"], error.get("metadata", {}).get("error_code"))


def test_the_lists_show_what_has_not_ended_and_the_key_may_call(here: RunningGateway) -> None:
    own = {"ending/text", "ending/image", "lasting/text", "lasting/image"}
    assert own <= listed(here, here.key) and not {"gone/text", "gone/image"} & listed(here, here.key)
    assert listed(here, limited(here, models=("lasting/*",))) == {"lasting/text", "lasting/image"}
    assert listed(here, limited(here, providers=("openai",))) == set()


@pytest.mark.parametrize("path", ["/v1/models/ending/text", "/api/v1/model/ending/text"])
def test_a_single_model_is_shown_to_keys_that_may_call_it(here: RunningGateway, path: str) -> None:
    seen = {
        key: httpx.get(f"{here.url}{path}", headers={"authorization": f"Bearer {key}"}).status_code
        for key in (here.key, limited(here, models=("lasting/*",)))
    }
    assert list(seen.values()) == [200, 403]


def test_the_list_of_models_is_of_those_that_can_be_called(here: RunningGateway) -> None:
    assert {name.partition("/")[0] for name in listed(here, here.key)} == {"sandbox", "ending", "lasting"}


def limited(gateway: RunningGateway, **bounds: Any) -> str:
    new = NewKey(f"limited {now_ms()} {bounds}", (Scope.INFERENCE, Scope.READ), **bounds)
    return gateway.change(lambda c: create_key(c, new, now_ms()))[1]


def listed(gateway: RunningGateway, key: str) -> set[str]:
    """The models of the three lists, which are the same but for what they are about."""
    headers = {"authorization": f"Bearer {key}"}
    found = httpx.get(f"{gateway.url}/v1/models", headers=headers).json()["data"]
    router = httpx.get(f"{gateway.url}/api/v1/models?output_modalities=all", headers=headers).json()["data"]
    pictures = httpx.get(f"{gateway.url}/api/v1/images/models", headers=headers).json()["data"]
    names = {row["id"] for row in found}
    assert names == {row["id"] for row in router}
    assert {row["id"] for row in pictures} == {row["id"] for row in found if "image" in row["output_modalities"]}
    return names

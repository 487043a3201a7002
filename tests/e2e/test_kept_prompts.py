"""Prompts are kept only where the owner says so, and never with pictures in them."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.doors import by_images, data_url, encoded
from tests.e2e.pictures import noise
from tests.e2e.running import RunningGateway

SECRET = "the words of the prompt"
CONTENT = [
    {"type": "text", "text": SECRET},
    {"type": "image_url", "image_url": {"url": data_url(encoded(64, 64))}},
    {"type": "image_url", "image_url": {"url": data_url(noise(256, 256))}},
]
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": "sandbox/text", "messages": [{"role": "user", "content": CONTENT}]}),
    "generation": ("/v1/images/generations", {"model": "sandbox/image", "prompt": SECRET, "size": "64x64"}),
    "edit": (
        "/v1/images/edits",
        {"model": "sandbox/image", "prompt": SECRET, "size": "64x64"} | by_images(data_url(encoded(64, 64))),
    ),
    "embedding": ("/v1/embeddings", {"model": "sandbox/embedding", "input": SECRET}),
}


@pytest.mark.parametrize("kept", [False, True])
def test_prompts_are_kept_where_the_owner_says_so_and_nowhere_else(tmp_path: Path, kept: bool) -> None:
    with RunningGateway(tmp_path / "data", {"ledger": {"store_prompts": kept}}) as gateway:
        headers = {"authorization": f"Bearer {gateway.key}"}
        ids = {}
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=30, trust_env=False) as client:
            for name, (path, body) in CALLS.items():
                answer = client.post(path, json=body)
                assert answer.status_code == 200, answer.text
                ids[name] = answer.headers["x-request-id"]
        rows = {row["request_id"]: json.loads(row["body"]) for row in gateway.rows("select * from prompts")}
        database = b"".join(file.read_bytes() for file in gateway.data.glob("penstock.db*"))
    assert (SECRET.encode() in database) == kept
    assert sorted(rows) == (sorted(ids.values()) if kept else [])
    for name, id in ids.items() if kept else ():
        text = json.dumps(rows[id])
        assert SECRET in text
        assert len(text) < 1000, "no picture is in it"
        assert ("sha256:" in text) == (name == "chat"), "a large picture is named by its digest"

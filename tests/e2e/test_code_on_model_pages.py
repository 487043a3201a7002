"""The code on the pages of models that can be called without money does what it says, as a reader would run it."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from penstock.catalogue.load import load
from penstock.core.call import Operation
from penstock.web.models.code_samples import code_samples
from tests.e2e.pictures import png
from tests.e2e.running import RunningGateway

# Edited only, so that the code for edits is shown.
SETTINGS = {
    "models": [
        {
            "slug": "studio/retoucher",
            "name": "Retoucher",
            "maker": "Studio",
            "input_modalities": ["text", "image"],
            "output_modalities": ["image"],
        }
    ],
    "providers": {
        "studio": {
            "name": "Studio",
            "adapter": "sandbox",
            "offers": [
                {
                    "model": "studio/retoucher",
                    "upstream": "image",
                    "operations": ["image_edit"],
                    "limits": {"free_size": True, "max_references": 4},
                }
            ],
        }
    },
}
MODELS = ("sandbox/image", "sandbox/text", "sandbox/embedding", "studio/retoucher")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("code"), SETTINGS) as running:
        yield running


def shown(gateway: RunningGateway, model: str) -> dict[str, str]:
    """The code as it stands on the page, by its title."""
    headers = {"accept": "text/html", "authorization": f"Bearer {gateway.key}"}
    page = httpx.get(f"{gateway.url}/models/{model}", headers=headers).text
    found = re.findall(r'aria-label="([^"]+)"><code>(.*?)</code></pre>', page, re.DOTALL)
    return {title: html.unescape(text) for title, text in found}


@pytest.mark.parametrize("model", MODELS)
def test_the_code_of_a_model_runs_as_it_stands_on_its_page(gateway: RunningGateway, model: str, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(png(64, 64))
    samples = shown(gateway, model)
    assert {"curl", "Python, openai", "JavaScript, openai"} <= set(samples)
    environment = {**os.environ, "PENSTOCK_API_KEY": gateway.key}
    for title, text in samples.items():
        if title.startswith("JavaScript"):
            continue
        before = len(gateway.rows("select id from requests where status = 200"))
        command = ["bash", "-c", text] if title == "curl" else [sys.executable, "-c", text]
        ran = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, (title, ran.stderr)
        assert len(gateway.rows("select id from requests where status = 200")) == before + 1, (title, ran.stdout)
        row = gateway.last_request()
        assert row["model"] == model
        if title == "curl":
            assert "error" not in json.loads(ran.stdout)
        elif row["operation"].startswith("image"):
            assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
        else:
            assert ran.stdout.strip()


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_the_javascript_of_every_operation_can_be_read(tmp_path: Path) -> None:
    catalogue, seen = load(), set()
    for slug, model in catalogue.models.items():
        offers = catalogue.offers(slug)
        for sample in code_samples(model, offers, "http://127.0.0.1:8080"):
            call = re.search(r"client\.([\w.]+)\(", sample.text)
            if sample.language == "javascript" and call and call[1] not in seen:
                seen.add(call[1])
                script = tmp_path / f"{call[1]}.mjs"
                script.write_text(sample.text)
                subprocess.run(["node", "--check", script], check=True, timeout=60)
    assert len(seen) == len(Operation)

"""Every example in the documents does what the text around it says.

What is done with a fenced block is said by its info string, and a block without one is refused:

    bash run, python run    run in order, one page in one folder, against a running gateway; must end with 0
    text output             each line is in what the block before it printed (`...` stands for anything)
    yaml settings           read as a configuration, with its catalogue, its quirks and its routing checked
    sql                     run against the gateway's ledger, read-only
    json, toml              parsed (the catalogue's own examples are loaded by tests/catalogue)
    bash shown              only shown: it needs a terminal of its own, minutes, or a real provider's key
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from PIL import Image

from penstock.catalogue.configured import configured
from penstock.core.principal import Scope
from penstock.pipeline.routes import compiled
from penstock.providers import check_quirks
from penstock.settings import load
from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator

BLOCKS = [block for page in PAGES for block in blocks(page)]
HANDLED = {
    "bash run",
    "bash shown",
    "python run",
    "text output",
    "yaml settings",
    "sql",
    "json",
    "toml",
}
RUNNING = ("bash run", "python run", "text output", "sql")
ADDRESS = "http://127.0.0.1:8080"


def test_every_block_says_what_is_done_with_it() -> None:
    assert BLOCKS
    assert [f"{block}: {block.info!r}" for block in BLOCKS if block.info not in HANDLED] == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.info == "yaml settings"], ids=str)
def test_configurations_can_be_used(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "penstock.yaml"
    file.write_text(block.text)
    environment = {name: f"a-{name}" for name in re.findall(r"\$\{(\w+)\}", block.text)}
    settings = load(file, environment, data=str(tmp_path))
    catalogue = configured(settings)
    check_quirks(catalogue.providers.values())
    compiled(settings.routing, catalogue)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.info in ("json", "toml")], ids=str)
def test_data_is_well_formed(block: Block) -> None:
    assert (json.loads if block.info == "json" else tomllib.loads)(block.text)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with the sandbox, and with a simulator where Black Forest Labs would be."""
    with BflSimulator() as bfl:
        settings = {
            "providers": {"bfl": {"base_url": bfl.url, "api_key": "bfl-test-key", "quirks": {"poll_seconds": 0.01}}},
            "network": {"allow_private_hosts": ["127.0.0.1"]},
        }
        with RunningGateway(tmp_path_factory.mktemp("documents"), settings) as running:
            yield running


PAGES_RUN = [page for page in PAGES if any(block.info in RUNNING for block in blocks(page))]


@pytest.mark.e2e
@pytest.mark.parametrize("page", PAGES_RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run_one_after_another(gateway: RunningGateway, page: Path, tmp_path: Path) -> None:
    clear_ledger(gateway)
    (tmp_path / "data").symlink_to(gateway.data)
    environment = environment_of_a_reader(gateway)
    printed = ""
    for block in blocks(page):
        text = block.text.replace(ADDRESS, gateway.url)
        if block.info == "bash run":
            printed = run(block, ["bash", "-euo", "pipefail", "-c", text], tmp_path, environment)
        elif block.info == "python run":
            printed = run(block, [sys.executable, "-W", "error", "-c", text], tmp_path, environment)
        elif block.info == "text output":
            compare(block, printed)
        elif block.info == "sql":
            look(text, gateway)
    for file in tmp_path.glob("*.png"):
        with Image.open(file) as picture:
            assert picture.format == "PNG", file.name
            picture.load()


def clear_ledger(gateway: RunningGateway) -> None:
    """So that a page shows only its own requests."""
    with sqlite3.connect(gateway.data / "penstock.db") as connection:
        for table in ("asset_links", "attempts", "requests"):
            connection.execute(f"delete from {table}")
    connection.close()


def environment_of_a_reader(gateway: RunningGateway) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    key = gateway.new_key(Scope.ADMIN)
    return {**kept, "PATH": programs, "PENSTOCK_DATA": str(gateway.data), "PENSTOCK_API_KEY": key}


def run(block: Block, command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=dict(environment), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{block} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def compare(block: Block, printed: str) -> None:
    """Columns may be wider apart than the page shows them."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    for expected in block.text.splitlines():
        parts = (re.escape(part) for part in " ".join(expected.split()).split("..."))
        pattern = re.compile(".*".join(parts))
        assert any(pattern.fullmatch(line) for line in lines), f"{block}: {expected!r} is not in:\n{printed}"


def look(statement: str, gateway: RunningGateway) -> None:
    connection = sqlite3.connect(f"file:{gateway.data / 'penstock.db'}?mode=ro", uri=True)
    connection.execute(statement).fetchall()
    connection.close()


def test_what_the_examples_need_is_on_this_machine() -> None:
    assert shutil.which("bash") and shutil.which("curl")

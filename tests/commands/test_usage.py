"""`penstock usage`, `reconcile` and `export`, and a budget from the command line that a running gateway keeps."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyarrow import parquet

from tests.commands.conftest import Penstock
from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator

pytestmark = pytest.mark.e2e

FLUX = "black-forest-labs/flux.2-pro"
PICO = 10**12


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with BflSimulator() as bfl:
        settings = {
            "providers": {"bfl": {"base_url": bfl.url, "api_key": "bfl-test-key", "quirks": {"poll_seconds": 0.01}}},
            "network": {"allow_private_hosts": ["127.0.0.1"]},
        }
        with RunningGateway(tmp_path_factory.mktemp("gateway"), settings) as running:
            yield running


@pytest.fixture(autouse=True)
def on_its_data(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work on the data directory of the gateway that runs."""
    monkeypatch.setenv("PENSTOCK_DATA", str(gateway.data))


def asked(gateway: RunningGateway, key: str, model: str = "sandbox/image", size: str = "256x256") -> httpx.Response:
    """What the gateway answers to a request for one picture."""
    body = {"model": model, "prompt": "a mill", "size": size}
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{gateway.url}/v1/images/generations", json=body, headers=headers, timeout=30)


def sums(gateway: RunningGateway, key: str) -> dict[str, tuple[int, Decimal]]:
    """Requests of a key and their cost by model, from the ledger itself."""
    found = gateway.rows(
        "select model, count(*) as requests, sum(cost_pico) as pico from requests where key_id = ? group by model", key
    )
    return {row["model"]: (row["requests"], Decimal(row["pico"] or 0) / PICO) for row in found}


def told(rows: list[dict[str, Any]]) -> dict[str, tuple[int, Decimal]]:
    return {row["model"]: (row["requests"], Decimal(row["cost_usd"])) for row in rows}


def test_a_budget_of_ten_cents_pays_for_three_pictures_and_usage_tells_what_the_ledger_says(
    gateway: RunningGateway, penstock: Penstock
) -> None:
    made = penstock("keys", "create", "--name", "trial", "--budget", "0.10", "--json").json
    answers = [asked(gateway, made["key"], model) for model in ("sandbox/image", FLUX, FLUX, FLUX)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["error"]["code"] == "budget_exceeded"

    usage = penstock("usage", "--by", "model", "--since", "7d", "--where", f"key={made['id']}", "--json").json
    assert told(usage["rows"]) == sums(gateway, made["id"])
    assert usage["by"] == ["model"] and usage["since"] < usage["until"]
    assert (usage["total"]["requests"], usage["total"]["failed"], usage["total"]["images"]) == (4, 1, 3)
    assert usage["total"]["cost_usd"] == usage["total"]["charged_usd"] == Decimal("0.09")

    (listed,) = [key for key in penstock("keys", "list", "--json").json if key["id"] == made["id"]]
    (budget,) = listed["budgets"]
    assert (budget["spent_usd"], budget["reserved_usd"], budget["left_usd"]) == (Decimal("0.09"), 0, Decimal("0.01"))
    assert any(" 0.10 total 0.09 0.01 valid " in line for line in penstock("keys", "list").lines)


def test_what_is_changed_beside_a_running_gateway_counts_at_once(gateway: RunningGateway, penstock: Penstock) -> None:
    made = penstock("keys", "create", "--name", "changing", "--budget", "0.01", "--json").json
    assert asked(gateway, made["key"]).status_code == 429
    penstock("budgets", "change", made["budget"]["id"], "--amount", "1")
    assert asked(gateway, made["key"]).status_code == 200
    penstock("credits", "add", "--for", f"key:{made['id']}", "--amount", "0.01")
    assert asked(gateway, made["key"]).json()["error"]["code"] == "insufficient_credits"
    penstock("budgets", "end", penstock("credits", "list", "--for", "key:changing", "--json").json[0]["budget_id"])
    penstock("keys", "change", made["id"], "--models", "openai/*")
    assert asked(gateway, made["key"]).status_code == 403
    penstock("keys", "change", made["id"], "--models", "")
    assert asked(gateway, made["key"]).status_code == 200
    penstock("keys", "change", made["id"], "--addresses", "203.0.113.1")
    assert asked(gateway, made["key"]).status_code == 403
    rotated = penstock("keys", "rotate", made["id"], "--overlap", "1h", "--json").json
    assert [asked(gateway, key).status_code for key in (made["key"], rotated["key"])] == [403, 403]
    penstock("keys", "revoke", made["id"])
    assert asked(gateway, rotated["key"]).status_code == 401


def test_the_table_has_a_total_and_no_columns_of_nothing(gateway: RunningGateway, penstock: Penstock) -> None:
    made = penstock("keys", "create", "--name", "table [1]", "--json").json
    asked(gateway, made["key"], size="1024x1024")
    asked(gateway, made["key"], size="1024x1024")
    ran = penstock("usage", "--by", "key,model", "--where", f"key={made['id']}")
    assert ran.lines[0] == "Key Model Requests Images Megapixels Cost $ Mean ms"
    assert ran.lines[1].startswith("table [1] sandbox/image 2 2 2 0.06 ")
    assert ran.lines[2].startswith("Total - 2 2 2 0.06 ")


def test_only_what_is_asked_for_is_told(gateway: RunningGateway, penstock: Penstock) -> None:
    asked(gateway, gateway.key)
    assert penstock("usage", "--since", "2020-01-01", "--until", "2020-02-01").out == "Nothing here yet.\n"
    rows = penstock("usage", "--by", "", "--where", "provider=sandbox", "--json").json["rows"]
    (in_ledger,) = gateway.rows("select count(*) as n from requests where provider = 'sandbox'")
    assert [row["requests"] for row in rows] == [in_ledger["n"]]


def test_a_provider_that_charges_as_the_catalogue_says_is_reconciled(
    gateway: RunningGateway, penstock: Penstock
) -> None:
    asked(gateway, gateway.key, FLUX)
    answer = penstock("reconcile", "--since", "7d", "--json").json
    (line,) = [row for row in answer["rows"] if row["model"] == FLUX]
    assert line["compared"] > 0 and (line["differing"], line["difference_usd"]) == (0, 0)
    table = penstock("reconcile").lines
    assert table[0].startswith("Provider Model Requests Compared Differing Stated $")
    assert table[-1].startswith("Total ")


def test_a_price_that_is_out_of_date_is_shown(gateway: RunningGateway, penstock: Penstock) -> None:
    asked(gateway, gateway.key, FLUX)
    gateway.change(
        lambda c: c.exec_driver_sql("update requests set cost_computed_pico = cost_pico / 2 where model = ?", (FLUX,))
    )
    answer = penstock("reconcile", "--json").json
    assert answer["total"]["differing"] == len(answer["examples"]) > 0
    assert answer["total"]["difference_usd"] == answer["total"]["stated_usd"] / 2


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_every_request_is_exported(gateway: RunningGateway, penstock: Penstock, tmp_path: Path, format: str) -> None:
    asked(gateway, gateway.key)
    out = tmp_path / f"ledger.{format}"
    out.write_text("what was there before")
    ran = penstock("export", "--format", format, "--out", str(out))
    ids = [row["id"] for row in gateway.rows("select id from requests order by created_at, id")]
    assert ran.out == f"{out}  ({len(ids)} requests)\n"
    if format == "csv":
        with out.open(newline="") as file:
            exported = [row["id"] for row in csv.DictReader(file)]
    else:
        exported = parquet.read_table(out).column("id").to_pylist()
    assert exported == ids
    assert sorted(tmp_path.iterdir()) == [out]


def test_an_export_of_nothing_has_a_head(penstock: Penstock, tmp_path: Path) -> None:
    out = tmp_path / "ledger.csv"
    ran = penstock("export", "-o", str(out), "--until", "2020-01-01", "--since", "2019-01-01", "--json")
    assert ran.json == {"file": str(out), "format": "csv", "requests": 0}
    assert out.read_text().startswith("id,created_at,")


REFUSED = [
    (["usage", "--by", "modle"], "Usage is not told by 'modle'. Did you mean `model`?"),
    (["usage", "--where", "model"], "`--where` is written like model=openai/gpt-image-1, not 'model'."),
    (["usage", "--where", "key=nobody"], "No key has the id, name or hint 'nobody'."),
    (["usage", "--since", "yesterday"], "`since` must be like 90m, 12h, 7d or 4w, or a day or an instant like "),
    (["export", "--out", "/nowhere/ledger.csv"], "/nowhere/ledger.csv"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_what_cannot_be_told_ends_with_1_and_a_sentence(
    penstock: Penstock, arguments: list[str], sentence: str
) -> None:
    ran = penstock(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"penstock: {sentence}") and ran.err.count("\n") == 1

"""Who used how much, through the front door: sums, requests, differences, files and counters of real calls."""

import csv
import io
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pyarrow
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pyarrow import parquet

from penstock.api.export import COLUMNS, FORMATS
from penstock.api.ledger_documents import NAMED, LedgerRequest
from penstock.store.rows import RequestRow
from tests.e2e.running import RunningGateway

PICTURE = {"model": "sandbox/image", "prompt": "a lighthouse", "size": "1024x1024"}
TEXT = {"model": "sandbox/text", "messages": [{"role": "user", "content": "good morning"}]}
FORMULA = '=HYPERLINK("http://example.com")'


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with three pictures, a chat and a refusal in its ledger."""
    settings = {"ledger": {"store_prompts": True}}
    with (
        RunningGateway(tmp_path_factory.mktemp("used"), settings) as gateway,
        httpx.Client(base_url=gateway.url, headers={"authorization": f"Bearer {gateway.key}"}, timeout=30) as client,
    ):
        for path, body, status in (
            ("/v1/images/generations", PICTURE | {"n": 2}, 200),
            ("/v1/images/generations", PICTURE, 200),
            ("/v1/chat/completions", TEXT, 200),
            ("/v1/images/generations", PICTURE | {"model": FORMULA}, 404),
        ):
            assert client.post(path, json=body).status_code == status
        yield gateway


@pytest.fixture(scope="module")
def admin(used: RunningGateway) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {used.admin_key}"}
    with httpx.Client(base_url=used.url, headers=headers, timeout=30) as client:
        yield client


def answer(client: httpx.Client, path: str, **query: str) -> Any:
    response = client.get(path, params=query)
    assert response.status_code == 200, response.text
    return response.json(parse_float=Decimal)


# Sums.


def test_usage_by_model_is_what_the_ledger_adds_up_to(used: RunningGateway, admin: httpx.Client) -> None:
    told = answer(admin, "/admin/api/usage", by="model", since="1d")
    models = {row["model"]: row for row in told["data"]}
    assert set(models) == {"sandbox/image", "sandbox/text", None}
    pictures = models["sandbox/image"]
    assert (pictures["requests"], pictures["images"], pictures["megapixels"]) == (2, 3, 3)
    (ledger,) = used.rows("select sum(cost_pico) as cost from requests where model = 'sandbox/image'")
    assert pictures["cost_usd"] * 10**12 == ledger["cost"] == 9 * 10**10
    assert models[None]["failed"] == told["total"]["failed"] == 1
    assert told["total"]["requests"] == 4
    assert told["total"]["cost_usd"] == sum(row["cost_usd"] for row in told["data"])


def test_the_answer_says_the_whole_hours_it_covers(admin: httpx.Client) -> None:
    told = answer(admin, "/admin/api/usage", since="90m", by="")
    since, until = (datetime.fromisoformat(told[name]) for name in ("since", "until"))
    now = datetime.now(UTC)
    assert (since.minute, until.minute) == (0, 0)
    assert since <= now - timedelta(minutes=89) and now - timedelta(seconds=5) <= until <= now + timedelta(hours=1)
    assert (told["by"], len(told["data"])) == ([], 1)


def test_usage_is_grouped_by_several_and_narrowed(used: RunningGateway, admin: httpx.Client) -> None:
    hint = f"{used.key[:8]}...{used.key[-4:]}"
    told = answer(admin, "/admin/api/usage", by="key,operation,day", since="2d", key=hint, model="sandbox/text")
    (row,) = told["data"]
    assert (row["key_name"], row["operation"], row["day"]) == ("test", "chat", f"{datetime.now(UTC):%Y-%m-%d}")
    assert row["tokens_in"] > 0 and "model" not in row


@pytest.mark.parametrize(
    ("query", "param", "says"),
    [
        ({"by": "modle"}, "by", "Did you mean `model`"),
        ({"since": "yesterday"}, "since", "like 90m, 12h, 7d"),
        ({"until": "2d", "since": "1d"}, "until", "ends before it begins"),
        ({"since": "-7d"}, "since", "like 90m"),
        ({"modle": "x"}, "modle", "did you mean `model`"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(
    admin: httpx.Client, query: dict[str, str], param: str, says: str
) -> None:
    response = admin.get("/admin/api/usage", params=query)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == param and says in error["message"]


@pytest.mark.parametrize("since", ["1w", "2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00+02:00"])
def test_a_range_begins_so_long_ago_or_at_an_instant(admin: httpx.Client, since: str) -> None:
    assert answer(admin, "/admin/api/usage", since=since)["total"]["requests"] == 4


# Requests.


def test_requests_are_listed_page_by_page_and_shown_whole(used: RunningGateway, admin: httpx.Client) -> None:
    first = answer(admin, "/admin/api/requests", limit="3", since="1d")
    rest = answer(admin, "/admin/api/requests", limit="3", before=first["next"])
    listed = [*first["data"], *rest["data"]]
    assert rest["next"] is None
    assert [row["id"] for row in listed] == [
        row["id"] for row in used.rows("select id from requests order by created_at desc, id desc")
    ]
    refused, picture = listed[0], listed[3]
    assert (refused["status"], refused["error_code"], refused["model_asked"]) == (404, "model_not_found", FORMULA)
    assert (picture["key_name"], picture["images_delivered"], picture["cost_usd"]) == ("test", 2, Decimal("0.06"))
    shown = answer(admin, f"/admin/api/requests/{picture['id']}")
    assert shown["request"] == picture
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["succeeded"]
    assert [(row["role"], row["position"]) for row in shown["pictures"]] == [("output", 0), ("output", 1)]
    assert shown["prompt"]["prompt"] == "a lighthouse"


def test_requests_are_found_by_status_and_model(admin: httpx.Client) -> None:
    for query, count in (({"status": "failed"}, 1), ({"status": "200"}, 3), ({"model": "sandbox/text"}, 1)):
        assert len(answer(admin, "/admin/api/requests", **query)["data"]) == count


def test_a_request_there_is_not_is_not_found(admin: httpx.Client) -> None:
    response = admin.get("/admin/api/requests/req_x")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "request_not_found")


def test_a_reconciliation_compares_what_was_stated(used: RunningGateway, admin: httpx.Client) -> None:
    told = answer(admin, "/admin/api/reconcile", since="1d")
    assert (told["total"]["requests"], told["total"]["differing"], told["examples"]) == (4, 0, [])
    assert told["total"]["uncertain_usd"] == 0


# Files.


def exported(client: httpx.Client, **query: str) -> httpx.Response:
    response = client.get("/admin/api/export", params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-length"] == str(len(response.content))
    return response


def test_a_csv_file_has_every_request_and_no_formula(used: RunningGateway, admin: httpx.Client) -> None:
    response = exported(admin, format="csv", since="1d")
    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"].startswith('attachment; filename="penstock-')
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    assert list(rows[0]) == list(COLUMNS)
    ledger = used.rows("select id, cost_pico from requests order by created_at, id")
    assert [row["id"] for row in rows] == [row["id"] for row in ledger]
    assert [row["cost_usd"] for row in rows][:2] == ["0.06", "0.03"]
    assert rows[-1]["model_asked"] == f"'{FORMULA}"
    assert (rows[-1]["model"], rows[0]["stream"], rows[0]["key_name"]) == ("", "false", "test")
    assert datetime.fromisoformat(rows[0]["created_at"]).tzinfo is not None


def test_a_parquet_file_has_real_types(used: RunningGateway, admin: httpx.Client) -> None:
    response = exported(admin, format="parquet", since="1d")
    table = parquet.read_table(io.BytesIO(response.content))
    assert table.schema.names == list(COLUMNS)
    types = {name: table.schema.field(name).type for name in COLUMNS}
    assert types["cost_usd"] == types["uncertain_usd"] == pyarrow.decimal128(38, 12)
    assert types["created_at"] == pyarrow.timestamp("ms", tz="UTC")
    assert (types["price_checked"], types["stream"]) == (pyarrow.date32(), pyarrow.bool_())
    assert (types["output_pixels"], types["metadata"]) == (pyarrow.int64(), pyarrow.string())
    costs = [row["cost_pico"] for row in used.rows("select cost_pico from requests order by created_at, id")]
    assert [value.as_py() * 10**12 for value in table["cost_usd"]] == costs
    assert table["model_asked"][-1].as_py() == FORMULA


@pytest.mark.parametrize("format", FORMATS)
def test_a_range_without_requests_is_an_empty_file(admin: httpx.Client, format: str) -> None:
    content = exported(admin, format=format, since="2020-01-01", until="2020-01-02").content
    if format == "csv":
        assert content.decode() == ",".join(COLUMNS) + "\r\n"
    else:
        assert parquet.read_table(io.BytesIO(content)).num_rows == 0


def test_the_head_of_an_export_tells_its_length(admin: httpx.Client) -> None:
    query = {"since": "1d", "until": "0m"}
    response = admin.head("/admin/api/export", params=query)
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 1000


def test_an_export_leaves_no_file_behind(used: RunningGateway, admin: httpx.Client) -> None:
    exported(admin, since="1d")
    assert list((used.data / "spool").iterdir()) == []


def test_an_export_that_cannot_be_written_says_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where a folder should be")
    with RunningGateway(tmp_path) as gateway:
        headers = {"authorization": f"Bearer {gateway.admin_key}"}
        response = httpx.get(f"{gateway.url}/admin/api/export", headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (503, "spool_unavailable")
    assert "free space" in error["message"]


def test_an_export_of_more_than_a_batch_has_every_request_once(tmp_path: Path) -> None:
    with RunningGateway(tmp_path) as gateway:
        with httpx.Client(base_url=gateway.url, headers={"authorization": f"Bearer {gateway.key}"}) as client:
            client.post("/v1/chat/completions", json=TEXT)
        multiply(gateway, 12_000)
        headers = {"authorization": f"Bearer {gateway.admin_key}"}
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=60) as client:
            rows = list(csv.DictReader(io.StringIO(exported(client, since="1d").text, newline="")))
            table = parquet.read_table(io.BytesIO(exported(client, since="1d", format="parquet").content))
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids)) == 12_001
    assert table["id"].to_pylist() == ids


def multiply(gateway: RunningGateway, count: int) -> None:
    """Copies of the only request, many of them of the same millisecond."""
    names = [row["name"] for row in gateway.rows("select name from pragma_table_info('requests')")]
    copied = ", ".join(
        "'req_' || n" if name == "id" else "created_at + n / 700" if name == "created_at" else name for name in names
    )
    numbers = f"with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {count})"
    with sqlite3.connect(gateway.data / "penstock.db", timeout=20) as connection:
        connection.execute(
            f"insert into requests ({', '.join(names)}) {numbers} select {copied} from requests, numbers"
        )
    connection.close()


def test_every_field_of_a_row_is_shown() -> None:
    shown = {field.name.replace("_pico", "_usd") for field in fields(RequestRow)} | set(NAMED)
    assert set(LedgerRequest.__struct_fields__) == shown


# Counters.


def test_prometheus_reads_what_was_used(used: RunningGateway, admin: httpx.Client) -> None:
    response = admin.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {
        (sample.name, *(sample.labels.get(name) for name in ("model", "status"))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    assert found["penstock_requests_total", "sandbox/image", "200"] == 2
    assert found["penstock_requests_total", "unknown", "404"] == 1
    assert found["penstock_images_total", "sandbox/image", None] == 3
    assert found["penstock_cost_usd_total", "sandbox/image", None] == pytest.approx(0.09)
    assert found["penstock_reservations", None, None] == 0
    assert FORMULA not in response.text


def test_counters_and_sums_are_no_callers_business(used: RunningGateway) -> None:
    for path in ("/metrics", "/admin/api/usage", "/admin/api/requests", "/admin/api/reconcile", "/admin/api/export"):
        response = httpx.get(used.url + path, headers={"authorization": f"Bearer {used.key}"})
        assert response.status_code == 403, path


# Retention.


def test_old_requests_go_and_their_usage_stays(tmp_path: Path) -> None:
    a_second = 1 / 86_400
    with RunningGateway(tmp_path, {"ledger": {"retention_days": a_second}}) as gateway:
        answered = httpx.post(
            f"{gateway.url}/v1/images/generations", json=PICTURE, headers={"authorization": f"Bearer {gateway.key}"}
        )
        assert answered.status_code == 200 and gateway.rows("select id from requests")
    time.sleep(1.1)
    with RunningGateway(tmp_path, {"ledger": {"retention_days": a_second}}) as gateway:
        deadline = time.monotonic() + 5
        while gateway.rows("select id from requests") and time.monotonic() < deadline:
            time.sleep(0.02)
        for table in ("requests", "attempts", "asset_links"):
            assert gateway.rows(f"select * from {table}") == []
        assert gateway.pictures() == 1
        with httpx.Client(base_url=gateway.url, headers={"authorization": f"Bearer {gateway.admin_key}"}) as client:
            assert answer(client, "/admin/api/usage", since="1d")["total"]["images"] == 1

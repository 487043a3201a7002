"""The ledger: what is recorded is found again, field by field, also after the process was killed."""

import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from penstock.core.errors import PenstockError
from penstock.store.db import Database
from penstock.store.ledger import Ledger
from penstock.store.writer import Writer
from tests.store.samples import NOW, asset, attempt, full_request, link, request


async def test_a_request_is_read_as_it_was_recorded(ledger: Ledger) -> None:
    row = full_request()
    assert None not in [getattr(row, field.name) for field in fields(row)]
    await ledger.record(row, [])
    assert await ledger.request(row.id) == row


async def test_what_is_not_known_of_a_request_stays_unknown(ledger: Ledger) -> None:
    await ledger.record(request(), [])
    assert await ledger.request("req_1") == request()
    assert await ledger.request("req_2") is None


@pytest.mark.parametrize("rows", [1, 2, 3, 31, 32, 33, 100])
async def test_any_number_of_rows_of_one_table_goes_in_together(ledger: Ledger, rows: int) -> None:
    attempts = [attempt(f"att_{number}", number=number, latency_ms=number * 7) for number in range(rows)]
    await ledger.record(request(), attempts)
    assert await ledger.attempts("req_1") == attempts


@pytest.mark.parametrize(
    ("field", "kept"),
    [("error_message", 500), ("path", 200), ("model_asked", 200), ("session_id", 200), ("error_code", 100)],
)
async def test_long_text_from_outside_is_cut(ledger: Ledger, field: str, kept: int) -> None:
    await ledger.record(replace(request(), **{field: "ä" * 10_000}), [])
    assert await ledger.request("req_1") == replace(request(), **{field: "ä" * kept})


async def test_recording_a_request_twice_is_an_error_and_changes_nothing(ledger: Ledger) -> None:
    await ledger.record(request(), [attempt()])
    with pytest.raises(PenstockError) as caught:
        await ledger.record(request(status=200), [attempt(outcome="failed")])
    assert caught.value.code == "ledger_row_refused"
    assert await ledger.request("req_1") == request()
    assert await ledger.attempts("req_1") == [attempt()]


async def test_an_attempt_noted_as_pending_is_replaced_when_it_is_over(ledger: Ledger) -> None:
    pending = attempt(upstream_id="job-7", polling_url="https://api.bfl.ai/v1/get_result?id=job-7")
    await ledger.note_attempt(pending)
    assert await ledger.attempts("req_1") == [pending]
    over = replace(
        pending,
        latency_ms=900,
        status=200,
        stated_pico=3,
        error_code="x",
        outcome="succeeded",
        reason="retry",
        key_name="reserve",
    )
    assert None not in [getattr(over, field.name) for field in fields(over)]
    await ledger.record(request(), [over, attempt("att_0", number=0)])
    assert await ledger.attempts("req_1") == [attempt("att_0", number=0), over]


async def test_recent_requests_come_newest_first(ledger: Ledger) -> None:
    for id, created_at in [("req_b", NOW), ("req_a", NOW + 5), ("req_c", NOW), ("req_d", NOW - 5)]:
        await ledger.record(request(id, created_at=created_at), [])
    assert [row.id for row in await ledger.recent(3)] == ["req_a", "req_c", "req_b"]


async def test_links_tell_what_a_request_took_and_made(ledger: Ledger) -> None:
    links = [
        link("d2", position=1, seed=(1 << 64) - 1),
        link("d1", role="reference"),
        link("d1"),
    ]
    await ledger.record(request(), [], [asset("d1"), asset("d2")], links)
    assert await ledger.links("req_1") == [links[2], links[0], links[1]]


async def test_a_place_in_a_request_holds_one_picture(ledger: Ledger) -> None:
    with pytest.raises(PenstockError) as caught:
        await ledger.record(request(), [], [], [link("d1"), link("d2")])
    assert caught.value.code == "ledger_row_refused"


async def test_a_picture_is_linked_to_the_keys_whose_requests_had_it(ledger: Ledger) -> None:
    await ledger.record(request("req_1", key_id="key_a"), [], [asset()], [link()])
    await ledger.record(request("req_2", key_id="key_b"), [], [], [link(request_id="req_2", role="reference")])
    await ledger.record(request("req_3", key_id="key_c"), [], [asset("d2")], [link("d2", request_id="req_3")])
    assert [await ledger.linked_to_key("d1", key) for key in ("key_a", "key_b", "key_c", "")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("first", "again", "kept"), [(5, 9, 9), (9, 5, 9), (5, None, None), (None, 5, None), (None, None, None)]
)
async def test_the_same_picture_again_is_kept_for_the_longer_time(
    ledger: Ledger, first: int | None, again: int | None, kept: int | None
) -> None:
    await ledger.record(request("req_1"), [], [asset(expires_at=first)])
    await ledger.record(request("req_2"), [], [asset(expires_at=again, created_at=NOW + 1)])
    assert await ledger.asset("d1") == asset(expires_at=kept)


async def test_expired_pictures_come_longest_overdue_first(ledger: Ledger) -> None:
    times = {"never": None, "late": 30, "now": 20, "long_ago": 10, "soon": 21}
    await ledger.record(request(), [], [asset(digest, expires_at=time) for digest, time in times.items()])
    assert [row.digest for row in await ledger.expired_assets(20, 10)] == ["long_ago", "now"]
    assert [row.digest for row in await ledger.expired_assets(20, 1)] == ["long_ago"]


async def test_a_forgotten_picture_is_gone_and_its_links_stay(ledger: Ledger) -> None:
    await ledger.record(request(), [], [asset()], [link()])
    assert await ledger.forget_asset("d1")
    assert await ledger.asset("d1") is None
    assert await ledger.links("req_1") == [link()]
    assert not await ledger.forget_asset("d1")


async def test_a_picture_made_again_since_it_expired_is_not_forgotten(ledger: Ledger) -> None:
    await ledger.record(request("req_1"), [], [asset(expires_at=10)])
    await ledger.record(request("req_2"), [], [asset(expires_at=99)])
    assert not await ledger.forget_asset("d1", expired_by=20)
    assert await ledger.asset("d1") == asset(expires_at=99)
    assert await ledger.forget_asset("d1", expired_by=99)


async def test_every_row_acknowledged_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    path = str(tmp_path / "penstock.db")
    program = [sys.executable, "-m", "tests.store.records_until_killed", path]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        acknowledged = {process.stdout.readline().strip() for _ in range(300)}
        process.kill()
        # What it said between the last line read and its end counts as well; a line cut short does not.
        acknowledged |= {line.strip() for line in process.stdout if line.endswith("\n")}
    assert process.returncode == -signal.SIGKILL
    with Database.open(path) as database:
        writer = Writer(database)
        ledger = Ledger(database, writer)
        found = {row.id for row in await ledger.recent(1_000_000)}
        some = sorted(acknowledged)[0]
        assert await ledger.attempts(some) == [attempt(f"att_{some}", some)]
        await writer.close()
    assert len(acknowledged) >= 300
    assert acknowledged <= found

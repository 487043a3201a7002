"""A database of an earlier schema, with what is in it, opened by this program."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from penstock.store import migrate
from penstock.store.db import Database
from penstock.store.inserts import adding_up_days, adding_up_hours
from penstock.store.sums import DAY_MS, HOUR_MS, shares
from penstock.store.usage import usage
from tests.store.samples import NOW, request

ROWS = [
    ("req_1", 200, "flux", 30_000_000_000, 1),
    ("req_2", 200, "flux", 45_000_000_000, 1),
    ("req_3", 502, "flux", None, 0),
]


@contextmanager
def of_revision(path: Path, revision: str) -> Iterator[Connection]:
    """A new database as the program of then made it."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        yield connection
    engine.dispose()


def test_the_sums_of_usage_begin_with_what_the_ledger_of_the_first_schema_holds(tmp_path: Path) -> None:
    path = tmp_path / "penstock.db"
    with of_revision(path, "0001") as connection:
        connection.execute(
            text(
                "INSERT INTO keys (id, name, hash, hint, scopes, created_at) VALUES ('key_1', 'old', 'h', 'h', '[]', 0)"
            )
        )
        for id, status, model, cost, images in ROWS:
            values = {"id": id, "now": NOW, "status": status, "model": model, "cost": cost, "images": images}
            connection.execute(
                text(
                    "INSERT INTO requests (id, created_at, latency_ms, key_id, dialect, path, model, status, stream, "
                    "client_gone, images_delivered, cost_pico, cost_source, attempts, fallback_used) VALUES "
                    "(:id, :now, 10, 'key_1', 'openai', '/', :model, :status, 0, 0, :images, :cost, 'stated', 1, 0)"
                ),
                values,
            )
    with Database.open(str(path)) as database, database.look() as connection:
        for by in (["model"], ["model", "hour"]):
            (row,) = usage(connection, by, NOW - 86_400_000, NOW + 86_400_000)
            assert (row.requests, row.failed, row.images, str(row.cost)) == (3, 1, 2, "0.075")
        assert connection.execute(text("SELECT COUNT(*) FROM keys WHERE models IS NULL")).scalar() == 1


def test_sums_that_knew_no_applications_stay_and_are_added_to(tmp_path: Path) -> None:
    path = tmp_path / "penstock.db"
    alike = ("'key_1'", "'flux'", "'bfl'", "'image_generation'", "'org_1'", "'team_1'", "'user_1'")
    with of_revision(path, "0004") as connection:
        for table, length in (("usage_hours", HOUR_MS), ("usage_days", DAY_MS)):
            for start in (NOW // length * length, NOW // length * length - 2 * DAY_MS):
                numbers = "5, 1, 2, 3, 4000000, 11, 12, 30000000000, 29000000000, 7, 1, 500"
                connection.execute(text(f"INSERT INTO {table} VALUES ({start}, {', '.join(alike)}, {numbers})"))
    row = request(
        key_id="key_1",
        status=200,
        model="flux",
        provider="bfl",
        operation="image_generation",
        organisation_id="org_1",
        team_id="team_1",
        member_id="user_1",
        latency_ms=100,
        cost_pico=10_000_000_000,
        charged_pico=10_000_000_000,
    )
    with Database.open(str(path)) as database:
        with database.begin() as connection:
            for share, adding in zip(shares(row), (adding_up_hours, adding_up_days), strict=True):
                addition = adding(connection.dialect)
                addition.run(connection, [addition.bind(share)])
        with database.look() as connection:
            for by in (["app"], ["app", "model"]):
                (told,) = usage(connection, by, NOW - 5 * DAY_MS, NOW + DAY_MS)
                assert (told.group["app"], told.requests, told.failed, told.unpriced) == (None, 11, 2, 4)
                assert (told.images, told.tokens_in, told.tokens_out, told.cache_hits) == (6, 22, 24, 2)
                assert (str(told.cost), str(told.charged), told.latency_ms) == ("0.07", "0.068", 100.0)
            hours = usage(connection, ["hour", "key"], NOW - 5 * DAY_MS, NOW + DAY_MS)
            assert [told.requests for told in hours] == [5, 6]
            assert usage(connection, ["model"], NOW - DAY_MS, NOW + DAY_MS, {"app": "Poster maker"}) == []

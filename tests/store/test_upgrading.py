"""A database of the first schema, with what is in it, opened by this program."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from penstock.store import migrate
from penstock.store.db import Database
from penstock.store.usage import usage
from tests.store.samples import NOW

ROWS = [
    ("req_1", 200, "flux", 30_000_000_000, 1),
    ("req_2", 200, "flux", 45_000_000_000, 1),
    ("req_3", 502, "flux", None, 0),
]


def test_the_sums_of_usage_begin_with_what_the_ledger_of_the_first_schema_holds(tmp_path: Path) -> None:
    path = tmp_path / "penstock.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
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
    engine.dispose()
    with Database.open(str(path)) as database, database.look() as connection:
        for by in (["model"], ["model", "hour"]):
            (row,) = usage(connection, by, NOW - 86_400_000, NOW + 86_400_000)
            assert (row.requests, row.failed, row.images, str(row.cost)) == (3, 1, 2, "0.075")
        assert connection.execute(text("SELECT COUNT(*) FROM keys WHERE models IS NULL")).scalar() == 1

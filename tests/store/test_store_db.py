"""Opening the database: made where there is none, refused in a sentence where it cannot be used."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from penstock.core.errors import PenstockError, Unavailable
from penstock.store.db import Database
from penstock.store.kept import kept_secret


def test_opening_makes_the_folder_and_a_file_only_its_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "some" / "where" / "penstock.db"
    with Database.open(f"sqlite:///{path}"):
        assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_an_open_database_has_its_settings_on_every_connection(database: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 1}
    for transaction in (database.begin, database.look):
        with transaction() as connection:
            connection.execute(
                text("SELECT * FROM keys")
            )  # a connection notices another's change of mode when it reads
            found = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in wanted}
        assert found == wanted


def test_opening_an_up_to_date_database_does_not_import_alembic(tmp_path: Path) -> None:
    path = str(tmp_path / "penstock.db")
    Database.open(path).close()
    program = (
        "import sys; from penstock.store.db import Database; Database.open(sys.argv[1]).close();"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, path], check=False).returncode == 0


def test_several_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "penstock.db")
    with ThreadPoolExecutor(4) as pool:
        secrets = list(pool.map(lambda _: _secret(path), range(4)))
    assert len(set(secrets)) == 1


def _secret(path: str) -> bytes:
    with Database.open(path) as database:
        return kept_secret(database, "signing")


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "penstock.db")
    with Database.open(path) as database, database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(PenstockError, match="newer Penstock: its schema is 9999") as caught:
        Database.open(path)
    assert caught.value.code == "database_newer"


@pytest.mark.parametrize(
    "address", ["postgresql://host/name", "sqlite://", "sqlite:///:memory:", "sqlite+what://x", "://"]
)
def test_an_address_that_is_not_a_file_of_sqlite_is_refused(address: str) -> None:
    with pytest.raises(PenstockError, match=r"Write sqlite:///folder/penstock\.db") as caught:
        Database.open(address)
    assert caught.value.code == "database_address"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Not a database. " * 100)
    with pytest.raises(PenstockError, match=r"notes\.txt cannot be used: file is not a database") as caught:
        Database.open(str(path))
    assert caught.value.code == "database_unusable"
    assert path.read_text().startswith("Not a database.")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PenstockError, match=r"file/penstock\.db cannot be used"):
        Database.open(str(tmp_path / "file" / "penstock.db"))


async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(Unavailable, match="readonly database"):
        await database.read(lambda connection: connection.execute(text("DELETE FROM keys")))


def test_a_locked_database_is_unavailable_to_a_second_writer(database: Database, tmp_path: Path) -> None:
    with (
        Database.open(str(database.path), busy_timeout_ms=1) as other,
        other.begin(),
        pytest.raises(Unavailable, match="cannot be written now: database is locked") as caught,
        database.begin(),
    ):
        pass
    assert caught.value.code == "ledger_unavailable"


def test_a_kept_secret_is_made_once_and_differs_by_name(database: Database) -> None:
    first = kept_secret(database, "assets")
    assert len(first) == 32
    assert kept_secret(database, "assets") == first
    assert kept_secret(database, "webhooks") != first

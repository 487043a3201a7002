"""Brings a database up to the schema this program knows. Alembic does it, and is imported only when there is work."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from penstock.core.errors import PenstockError

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every revision in `migrations/versions`, oldest first; a test compares."""

HEAD = REVISIONS[-1]

_SCRIPTS = Path(__file__).parent / "migrations"


def version(connection: Connection) -> str | None:
    """The revision a database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def check(found: str | None) -> bool:
    """Whether a database at that revision needs `upgrade`.

    Raises PenstockError (`database_newer`) where this program does not know the revision.
    """
    if found is not None and found not in REVISIONS:
        raise PenstockError(
            f"The database was written by a newer Penstock: its schema is {found}, and this program knows schemas up "
            f"to {HEAD}. Start the newer Penstock, or point this one at another data directory.",
            code="database_newer",
        )
    return found != HEAD


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, inside the connection's transaction: all of them, or none."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

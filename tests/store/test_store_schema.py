"""The schema is said in four places: tables, migrations, row types and the reference. They say the same."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect

from penstock.store import ledger, migrate, tables
from penstock.store.db import Database
from penstock.store.keys import Key

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "ledger.md"


def definitions(connection: Connection) -> dict[str, object]:
    """Tables with their columns, and indexes. SQLite writes a column that was added later differently, so no text."""
    found: dict[str, object] = {}
    inspector = inspect(connection)
    for name in inspector.get_table_names():
        columns = [(c["name"], str(c["type"]), c["nullable"], c["primary_key"]) for c in inspector.get_columns(name)]
        indexes = sorted((str(i["name"]), i["column_names"], i["unique"]) for i in inspector.get_indexes(name))
        keys = [key["column_names"] for key in inspector.get_unique_constraints(name)]
        found[name] = (columns, indexes, keys, inspector.get_foreign_keys(name))
    found.pop("alembic_version", None)
    return found


def test_the_migrations_build_exactly_the_tables_of_the_program(database: Database) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        tables.metadata.create_all(connection)
        wanted = definitions(connection)
    engine.dispose()
    with database.look() as connection:
        assert definitions(connection) == wanted


def test_every_migration_is_known_to_the_program() -> None:
    scripts = ScriptDirectory.from_config(_config())
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(revisions)) == migrate.REVISIONS
    assert scripts.get_heads() == [migrate.HEAD]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    return config


@pytest.mark.parametrize(
    ("row", "table"),
    [
        (ledger.RequestRow, tables.requests),
        (ledger.AttemptRow, tables.attempts),
        (ledger.AssetRow, tables.assets),
        (ledger.AssetLinkRow, tables.asset_links),
    ],
)
def test_a_row_has_a_field_for_every_column(row: type, table: tables.Table) -> None:
    assert {field.name for field in fields(row)} == set(table.c.keys())


def test_a_key_has_a_field_for_every_column_but_the_hashes() -> None:
    assert {field.name for field in fields(Key)} == set(tables.keys.c.keys()) - {"hash", "previous_hash"}


def test_the_reference_lists_every_column_with_a_sentence() -> None:
    listed: dict[str, list[str]] = {}
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"## `(\w+)`", line):
            listed[heading[1]] = []
        elif column := re.fullmatch(r"\| `(\w+)` \| [^|]+ \| [A-Z`][^|]*\. \|", line):
            listed[list(listed)[-1]].append(column[1])
    assert listed == {table.name: list(table.c.keys()) for table in tables.metadata.tables.values()}

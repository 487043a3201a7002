"""Secrets of the gateway itself, made at first start and kept in the database, e.g. for signing addresses."""

import secrets as chance

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from penstock.store.db import Database
from penstock.store.tables import secrets

LENGTH = 32
"""Bytes."""


def kept_secret(database: Database, name: str) -> bytes:
    """The secret of that name, 32 bytes; made now if there is none. Blocks: meant for the start.

    Two processes that start at once get the same one. Raises Unavailable.
    """
    offered = insert(secrets).values(name=name, value=chance.token_bytes(LENGTH)).on_conflict_do_nothing()
    with database.begin() as connection:
        connection.execute(offered)
        kept: bytes = connection.execute(select(secrets.c.value).where(secrets.c.name == name)).scalar_one()
    return kept

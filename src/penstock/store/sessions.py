"""Sessions of the pages: begun with a key, ended by signing out or by time. Only the hash of its secret is kept.

All are functions of a connection, for `store.books` to run; times are Unix milliseconds. A session's holder is found by
`store.lookup`, like a key's.
"""

import secrets

from sqlalchemy import Connection, delete, insert

from penstock.store.keys import hashed
from penstock.store.tables import sessions


def begin_session(c: Connection, key_id: str, now: int, expires_at: int) -> str:
    """A session of the holder of that key; its secret, which is not kept."""
    secret = secrets.token_urlsafe(32)
    c.execute(delete(sessions).where(sessions.c.expires_at <= now))
    c.execute(insert(sessions).values(hash=hashed(secret), key_id=key_id, created_at=now, expires_at=expires_at))
    return secret


def end_session(c: Connection, secret: str) -> None:
    """Nothing happens where there is none."""
    c.execute(delete(sessions).where(sessions.c.hash == hashed(secret)))

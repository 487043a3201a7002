"""Who may administer, for whatever would leave nobody: it is refused, because nobody could undo it.

A function of a connection, like those of `keys` and `people`, which ask it. Times are Unix milliseconds.
"""

from sqlalchemy import Connection, or_, select

from penstock.core.principal import Scope
from penstock.store import tables

LAST = "last_administrator"
"""The code of the refusal."""

_OWNERS = (
    (tables.organisations, tables.keys.c.organisation_id),
    (tables.teams, tables.keys.c.team_id),
    (tables.users, tables.keys.c.user_id),
)


def any_administrator(c: Connection, now: int) -> bool:
    """Whether a key with the scope admin opens something: neither revoked, nor expired, nor of somebody archived."""
    lasting = or_(tables.keys.c.expires_at.is_(None), tables.keys.c.expires_at > now)
    query = select(tables.keys.c.scopes).select_from(tables.keys).where(tables.keys.c.revoked_at.is_(None), lasting)
    for table, column in _OWNERS:
        query = query.outerjoin(table, table.c.id == column).where(table.c.archived_at.is_(None))
    return any(Scope.ADMIN in scopes for scopes in c.execute(query).scalars())

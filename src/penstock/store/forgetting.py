"""Rows of the ledger whose retention is over: found, and deleted a few at a time, for whoever records waits meanwhile.

Sums of usage stay, and so do the rows of pictures, whose retention is their own.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Table, delete, select

from penstock.store.tables import asset_links, attempts, prompts, requests


def old_requests(c: Connection, before_ms: int, limit: int) -> Sequence[str]:
    """Ids of the oldest requests made before then (Unix milliseconds)."""
    old = select(requests.c.id).where(requests.c.created_at < before_ms).order_by(requests.c.created_at)
    return c.execute(old.limit(limit)).scalars().all()


def old_prompts(c: Connection, before_ms: int, limit: int) -> Sequence[str]:
    """Ids of the oldest requests made before then whose prompts are kept."""
    old = select(prompts.c.request_id).where(prompts.c.created_at < before_ms).order_by(prompts.c.created_at)
    return c.execute(old.limit(limit)).scalars().all()


def forget_requests(c: Connection, ids: Sequence[str]) -> None:
    """Delete requests with their attempts, their prompts, and what they took and made."""
    for table in (asset_links, attempts, prompts):  # what refers to a request goes before it
        _forget(c, table, ids)
    c.execute(delete(requests).where(requests.c.id.in_(ids)))


def forget_prompts(c: Connection, ids: Sequence[str]) -> None:
    """Delete the prompts of requests."""
    _forget(c, prompts, ids)


def _forget(c: Connection, table: Table, ids: Sequence[str]) -> None:
    c.execute(delete(table).where(table.c.request_id.in_(ids)))

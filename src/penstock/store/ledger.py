"""The ledger: one row per request and one per attempt, and the facts about the pictures they left behind.

What is recorded is committed when the call returns. Reads run beside the event loop, on reader threads.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Select, delete, select

from penstock.store import inserts
from penstock.store.db import Database
from penstock.store.rows import AssetLinkRow, AssetRow, AttemptRow, RequestRow
from penstock.store.tables import asset_links, assets, attempts, requests
from penstock.store.writer import Writer

__all__ = ["AssetLinkRow", "AssetRow", "AttemptRow", "Ledger", "RequestRow"]

R = TypeVar("R")


class Ledger:
    """Records through the writer, reads from the database. Every method may raise Unavailable."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        dialect = database.dialect
        self._requests = inserts.inserting_requests(dialect)
        self._attempts = inserts.upserting_attempts(dialect)
        self._assets = inserts.upserting_assets(dialect)
        self._links = inserts.inserting_links(dialect)

    async def record(
        self,
        request: RequestRow,
        attempts: Sequence[AttemptRow],
        assets: Sequence[AssetRow] = (),
        links: Sequence[AssetLinkRow] = (),
    ) -> None:
        """Record a request with its attempts and pictures, all or nothing; returns when it is committed.

        Attempts noted before are replaced. Raises PenstockError (`ledger_row_refused`) where the request's id is
        recorded already.
        """
        await self._writer.write(
            [
                (self._requests, request),
                *((self._attempts, row) for row in attempts),
                *((self._assets, row) for row in assets),
                *((self._links, row) for row in links),
            ]
        )

    async def note_attempt(self, row: AttemptRow) -> None:
        """Write an attempt, or replace it, before its request is recorded; returns when it is committed."""
        await self._writer.write([(self._attempts, row)])

    async def request(self, id: str) -> RequestRow | None:
        """The request of that id."""
        return await self._one(RequestRow, select(requests).where(requests.c.id == id))

    async def attempts(self, request_id: str) -> list[AttemptRow]:
        """A request's attempts, in order."""
        return await self._all(
            AttemptRow, select(attempts).where(attempts.c.request_id == request_id).order_by(attempts.c.number)
        )

    async def links(self, request_id: str) -> list[AssetLinkRow]:
        """What a request took and made: by role, in order."""
        return await self._all(
            AssetLinkRow,
            select(asset_links)
            .where(asset_links.c.request_id == request_id)
            .order_by(asset_links.c.role, asset_links.c.position),
        )

    async def recent(self, limit: int) -> list[RequestRow]:
        """The newest requests, newest first."""
        return await self._all(
            RequestRow, select(requests).order_by(requests.c.created_at.desc(), requests.c.id.desc()).limit(limit)
        )

    async def asset(self, digest: str) -> AssetRow | None:
        """The facts about a stored picture."""
        return await self._one(AssetRow, select(assets).where(assets.c.digest == digest))

    async def linked_to_key(self, digest: str, key_id: str) -> bool:
        """Whether a request made with that key took or made the picture."""
        linked = (
            select(asset_links.c.digest)
            .join(requests, requests.c.id == asset_links.c.request_id)
            .where(asset_links.c.digest == digest, requests.c.key_id == key_id)
            .limit(1)
        )
        return await self._database.read(lambda connection: connection.execute(linked).first() is not None)

    async def expired_assets(self, now_ms: int, limit: int) -> list[AssetRow]:
        """Pictures whose time has come, the longest overdue first."""
        return await self._all(
            AssetRow, select(assets).where(assets.c.expires_at <= now_ms).order_by(assets.c.expires_at).limit(limit)
        )

    async def forget_asset(self, digest: str, *, expired_by: int | None = None) -> bool:
        """Delete a picture's row; its links stay. True where a row was deleted.

        With `expired_by`, in Unix milliseconds, only if it has still expired by then: a picture that was made again
        since `expired_assets` saw it stays, and its file with it.
        """
        forgetting = delete(assets).where(assets.c.digest == digest)
        if expired_by is not None:
            forgetting = forgetting.where(assets.c.expires_at <= expired_by)
        return await self._writer.run(lambda connection: connection.execute(forgetting).rowcount > 0)

    async def _one(self, row: Callable[..., R], query: Select[*tuple[object, ...]]) -> R | None:
        found = await self._all(row, query)
        return found[0] if found else None

    async def _all(self, row: Callable[..., R], query: Select[*tuple[object, ...]]) -> list[R]:
        def read(connection: Connection) -> list[R]:
            return [row(**values) for values in connection.execute(query).mappings()]

        return await self._database.read(read)

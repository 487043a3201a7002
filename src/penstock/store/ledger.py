"""The ledger: one row per request and one per attempt, and the facts about the pictures they left behind.

What is recorded is committed when the call returns. Reads run beside the event loop, on reader threads.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Select, delete, select

from penstock.core.spending import Allowance, Budget
from penstock.store import inserts
from penstock.store.amending import Amending, Amendment
from penstock.store.db import Database
from penstock.store.inserts import Insertion, Removal
from penstock.store.reservations import (
    AllowanceUse,
    BudgetUse,
    Part,
    ReservationRow,
    Reservations,
    Reserved,
    Shortage,
    adopt,
    open_reservations,
    parts_of,
)
from penstock.store.rows import AssetLinkRow, AssetRow, AttemptRow, PromptRow, RequestRow
from penstock.store.sums import shares
from penstock.store.tables import asset_links, assets, attempts, requests
from penstock.store.writer import Writer

__all__ = ["AssetLinkRow", "AssetRow", "AttemptRow", "Ledger", "PromptRow", "RequestRow"]

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
        self._hours = inserts.adding_up_hours(dialect)
        self._days = inserts.adding_up_days(dialect)
        self._prompts = inserts.inserting_prompts(dialect)
        self._reservations = Reservations(dialect)
        self._amending = Amending(dialect)

    def expect(self, requests: int) -> None:
        """So many more requests are under way, or less: at high rates a commit waits a moment for those that are."""
        self._writer.under_way += requests

    async def reserve(
        self,
        row: ReservationRow,
        amounts: Sequence[int],
        budgets: Sequence[Budget] = (),
        allowances: Sequence[Allowance] = (),
    ) -> Reserved | Shortage:
        """Set money aside before a call; returns when that is committed. See `Reservations.reserve`."""
        if budgets or allowances:
            return await self._writer.run(
                lambda connection: self._reservations.reserve(connection, row, amounts, budgets, allowances)
            )
        await self._writer.write(self._reservations.rows(row))
        return Reserved(amount_pico=max(amounts))

    async def record(
        self,
        request: RequestRow,
        attempts: Sequence[AttemptRow],
        assets: Sequence[AssetRow] = (),
        links: Sequence[AssetLinkRow] = (),
        *,
        settlement: Sequence[BudgetUse | AllowanceUse] | None = None,
        prompt: PromptRow | None = None,
    ) -> None:
        """Record a request with its attempts and pictures, all or nothing; returns when it is committed.

        Attempts noted before are replaced. `settlement` ends the request's reservation with these changes; None where
        it has none. Raises PenstockError (`ledger_row_refused`) where the request's id is recorded already.
        """
        hour, day = shares(request)
        rows: list[tuple[Insertion | Removal, object]] = [
            (self._requests, request),
            *((self._attempts, row) for row in attempts),
            *((self._assets, row) for row in assets),
            *((self._links, row) for row in links),
            (self._hours, hour),
            (self._days, day),
        ]
        if settlement is not None:
            rows += self._reservations.settlement_rows(request.id, settlement)
        if prompt is not None:
            rows.append((self._prompts, prompt))
        await self._writer.write(rows)

    async def amend(self, amendment: Amendment) -> None:
        """Set a recorded request right; returns when that is committed. Raises NotFound where it is not there."""
        await self._writer.run(lambda connection: self._amending.amend(connection, amendment))

    async def open_reservations(self) -> list[ReservationRow]:
        """Every request that is under way, or was when its process died."""
        return await self._database.read(open_reservations)

    async def reservation_parts(self, request_id: str) -> tuple[Part, ...]:
        """What the budgets hold back for a request."""
        return await self._database.read(lambda connection: parts_of(connection, request_id))

    async def adopt(self, row: ReservationRow, owner: str, deadline: int) -> bool:
        """Take over a request whose process is gone; False where another process was quicker."""
        return await self._writer.run(lambda connection: adopt(connection, row, owner, deadline))

    async def forget_reservation(self, request_id: str) -> None:
        """Take a reservation away that holds nothing back."""
        await self._writer.write(self._reservations.settlement_rows(request_id, ()))

    async def note_attempt(self, row: AttemptRow) -> None:
        """Write an attempt, or replace it, before its request is recorded; returns when it is committed."""
        await self._writer.write([(self._attempts, row)])

    async def note_assets(self, rows: Sequence[AssetRow]) -> None:
        """Write down pictures that belong to no request; returns when it is committed."""
        if rows:
            await self._writer.write([(self._assets, row) for row in rows])

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

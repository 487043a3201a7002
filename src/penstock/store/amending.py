"""A request's row set right after it was recorded: its cost, its sums and its budgets, all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Dialect, select, update

from penstock.core.errors import NotFound
from penstock.store import inserts, tables
from penstock.store.reservations import BudgetUse
from penstock.store.rows import AssetLinkRow, AssetRow, AttemptRow, RequestRow
from penstock.store.sums import Share, shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What is known of a request now. Money is pico-dollars; None: not known."""

    request_id: str
    cost_pico: int | None
    charged_pico: int | None
    uncertain_pico: int | None
    attempts: Sequence[AttemptRow] = ()
    """All of the request's, which replace those that are there."""
    assets: Sequence[AssetRow] = ()
    links: Sequence[AssetLinkRow] = ()
    """Pictures that came late; those that are there already stay as they are."""
    budgets: Sequence[BudgetUse] = ()


class Amending:
    """Amends, with statements compiled once for a dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._attempts = inserts.upserting_attempts(dialect)
        self._assets = inserts.upserting_assets(dialect)
        self._links = inserts.inserting_links(dialect)
        self._hours = inserts.adding_up_hours(dialect)
        self._days = inserts.adding_up_days(dialect)
        self._budgets = inserts.adding_up_budgets(dialect)

    def amend(self, connection: Connection, amendment: Amendment) -> None:
        """Raises NotFound where the request is not in the ledger (any more)."""
        requests = tables.requests
        row = connection.execute(select(requests).where(requests.c.id == amendment.request_id)).mappings().first()
        if row is None:
            raise NotFound(f"There is no request {amendment.request_id} in the ledger.", code="request_not_found")
        before = RequestRow(**row)
        after = replace(
            before,
            cost_pico=amendment.cost_pico,
            charged_pico=amendment.charged_pico,
            uncertain_pico=amendment.uncertain_pico,
        )
        connection.execute(
            update(requests)
            .where(requests.c.id == before.id)
            .values(cost_pico=after.cost_pico, charged_pico=after.charged_pico, uncertain_pico=after.uncertain_pico)
        )
        hour, day = (_difference(new, old) for new, old in zip(shares(after), shares(before), strict=True))
        self._hours.run(connection, [self._hours.bind(hour)])
        self._days.run(connection, [self._days.bind(day)])
        known = select(tables.asset_links.c.role, tables.asset_links.c.position).where(
            tables.asset_links.c.request_id == before.id
        )
        there = {tuple(link) for link in connection.execute(known)}
        links = [link for link in amendment.links if (link.role, link.position) not in there]
        changes: list[tuple[inserts.Insertion, Sequence[object]]] = [
            (self._attempts, amendment.attempts),
            (self._assets, amendment.assets),
            (self._links, links),
            (self._budgets, amendment.budgets),
        ]
        for insertion, rows in changes:
            if rows:
                insertion.run(connection, [insertion.bind(each) for each in rows])


def _difference(new: Share, old: Share) -> Share:
    """What the change adds to a sum: the numbers after its key, which is the same."""
    keys = len(new) - len(tables.USAGE_SUMS)
    return (*new[:keys], *(int(a) - int(b) for a, b in zip(new[keys:], old[keys:], strict=True)))

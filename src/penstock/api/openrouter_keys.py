"""OpenRouter's endpoints about keys: what a key may still spend, and making, changing and ending keys.

Shapes follow OpenRouter's API reference, so that its clients parse them; a key's `hash` is the SHA-256 of its secret,
its limit a hard budget of its own, and a workspace an organisation.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import Connection, select

from penstock.api.admin_documents import Moment
from penstock.api.admin_spending import dollars_are
from penstock.api.answers import encode
from penstock.api.bodies import read_body, read_query
from penstock.api.times import moment, moment_or_none, now_ms, unix_ms
from penstock.core.errors import BadRequest, NotFound
from penstock.core.principal import Principal, Scope
from penstock.core.spending import Holder, Level, Period
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.store import keys, spending, tables
from penstock.store.keys import Key, NewKey
from penstock.store.people import organisation
from penstock.store.spending import BudgetState
from penstock.store.spent import Spent, spent_by_keys

Reset = Literal["daily", "weekly", "monthly"]

_RESETS: Mapping[Period, Reset | None] = {
    Period.DAY: "daily",
    Period.WEEK: "weekly",
    Period.MONTH: "monthly",
    Period.TOTAL: None,
}
_PERIODS = {reset: period for period, reset in _RESETS.items()}
_LAYERS = {Level.KEY: "key_limit", Level.USER: "member"}
"""OpenRouter's words for whom a budget is for; all others are a workspace's."""

_PAGE = 100
_UNCACHED = {"cache-control": "no-store"}

_Limit = Annotated[Decimal | None, Meta(description="US dollars of its own hard budget; null: none.")]
_LimitReset = Annotated[Reset | None, Meta(description="When that is full again, in UTC; null: never.")]


# Documents.


class _Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a key has spent, in US dollars, and what it may."""

    label: Annotated[str, Meta(description="The beginning and the end of the key.")]
    limit: _Limit
    limit_remaining: Annotated[Decimal | None, Meta(description="What is left of it in this period.")]
    limit_reset: _LimitReset
    usage: Annotated[Decimal, Meta(description="Since ever; what counted against budgets and credits.")]
    usage_daily: Annotated[Decimal, Meta(description="In this day of UTC.")]
    usage_weekly: Annotated[Decimal, Meta(description="In this week, from Monday.")]
    usage_monthly: Annotated[Decimal, Meta(description="In this month.")]
    byok_usage: int = 0
    byok_usage_daily: int = 0
    byok_usage_weekly: int = 0
    byok_usage_monthly: int = 0
    include_byok_in_limit: bool = False
    creator_user_id: Annotated[str | None, Meta(description="The user of this gateway whose key it is.")]
    expires_at: datetime | None


class RouterBudget(msgspec.Struct, frozen=True, kw_only=True):
    """A budget or credit that applies to a key."""

    scope: Annotated[str, Meta(description="key_limit, member for a user, workspace for everybody above.")]
    budget_id: str
    guardrail_id: None = None
    include_byok: bool = False
    limit_usd: Decimal
    remaining_usd: Decimal
    spend_usd: Annotated[Decimal, Meta(description="With what calls under way hold back.")]
    reset_interval: Reset | None
    resets_at: datetime | None


class RouterRateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing: OpenRouter keeps it for old clients."""

    interval: str = "10s"
    note: str = "Always -1, as at OpenRouter; `x-ratelimit-*` headers say what holds."
    requests: int = -1


class RouterFreeRequests(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing: there is no free tier here."""

    limit: int = 0
    remaining: int = 0
    used: int = 0


class RouterOwnKey(_Usage, frozen=True, kw_only=True):
    """The key that asks."""

    is_free_tier: bool = False
    is_management_key: bool
    is_provisioning_key: bool
    organization_id: str | None
    workspace_id: str | None
    budgets: Annotated[list[RouterBudget], Meta(description="All that apply, from the key upwards.")]
    effective_budget: Annotated[RouterBudget | None, Meta(description="Of the hard ones the one with least left.")]
    rate_limit: RouterRateLimit = RouterRateLimit()
    free_model_daily_requests: RouterFreeRequests = RouterFreeRequests()
    allowed_data_regions: tuple[str, ...] = ("global",)


class RouterOwnKeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The key that asks."""

    data: RouterOwnKey


class RouterKey(_Usage, frozen=True, kw_only=True):
    """A key, as an administrator sees it."""

    id: Annotated[str, Meta(description="Ours; OpenRouter has none.")]
    hash: Annotated[str, Meta(description="SHA-256 of the key, hexadecimal.")]
    name: str
    disabled: Annotated[bool, Meta(description="Revoked.")]
    created_at: datetime
    updated_at: None = None
    last_used_at: datetime | None
    workspace_id: Annotated[str, Meta(description="Its organisation; empty where it has none.")]
    external_user: None = None


class RouterKeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A key."""

    data: RouterKey


class RouterKeyList(msgspec.Struct, frozen=True, kw_only=True):
    """Keys, oldest first, at most a hundred."""

    data: list[RouterKey]


class RouterMadeKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that has been made."""

    data: RouterKey
    key: Annotated[str, Meta(description="The key itself, this once.")]


class RouterKeyGone(msgspec.Struct, frozen=True, kw_only=True):
    """A key that has been revoked."""

    deleted: Literal[True] = True


class RouterKeyQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which keys."""

    include_disabled: Annotated[bool, Meta(description="Revoked ones too.")] = False
    include_expired: bool = False
    offset: Annotated[int, Meta(ge=0, description="Keys to leave out at the beginning.")] = 0
    workspace_id: Annotated[str | None, Meta(description="Only those of this organisation, by id or name.")] = None


class RouterNewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key to be made, with the scopes `inference` and `read`."""

    name: str
    limit: _Limit = None
    limit_reset: _LimitReset = None
    expires_at: Annotated[Moment | None, Meta(description="When it stops working; null: never.")] = None
    workspace_id: Annotated[str | None, Meta(description="An organisation, by id or name.")] = None
    creator_user_id: Annotated[str | None, Meta(description="A user of it, by id or name.")] = None
    include_byok_in_limit: Annotated[bool, Meta(description="Without effect.")] = False


class RouterKeyChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of a key can be changed."""

    name: str | UnsetType = UNSET
    limit: Annotated[Decimal | UnsetType | None, Meta(description="US dollars; null ends it.")] = UNSET
    limit_reset: Reset | UnsetType | None = UNSET
    disabled: Annotated[bool, Meta(description="True revokes it, for good.")] = False
    include_byok_in_limit: Annotated[bool, Meta(description="Without effect.")] = False


# The key that asks.


async def own_key(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /api/v1/key`, and `/api/v1/auth/key` for older clients."""
    assert incoming.principal is not None
    work = partial(_own_key, principal=incoming.principal, now=now_ms(gateway))
    return Reply(headers=_UNCACHED, pieces=(encode(RouterOwnKeyAnswer(data=await gateway.books.read(work))),))


def _own_key(c: Connection, principal: Principal, now: int) -> RouterOwnKey:
    key = keys.get_key(c, principal.key_id)
    states = [spending.budget(c, budget.id, now) for budget in principal.budgets]
    hard = [state for state in states if state.budget.hard]
    tightest = min(hard, key=lambda state: state.left, default=None)
    manages = principal.may(Scope.ADMIN)
    return RouterOwnKey(
        **_usage(key, spent_by_keys(c, [key.id], now)[key.id], _limit_of(key, states)),
        is_management_key=manages,
        is_provisioning_key=manages,
        organization_id=key.organisation_id,
        workspace_id=key.organisation_id,
        budgets=[_budget(state) for state in states],
        effective_budget=None if tightest is None else _budget(tightest),
    )


def _limit_of(key: Key, states: Sequence[BudgetState]) -> BudgetState | None:
    """The key's own hard budget; of several the one with least left."""
    own = [state for state in states if state.budget.holder == Holder(Level.KEY, key.id)]
    limits = [state for state in own if state.budget.hard and state.budget.kind == "budget"]
    return min(limits, key=lambda state: state.left, default=None)


def _usage(key: Key, spent: Spent, limit: BudgetState | None) -> dict[str, Any]:
    return {
        "label": key.hint,
        "limit": limit.budget.amount if limit else None,
        "limit_remaining": limit.left if limit else None,
        "limit_reset": _RESETS[limit.budget.period] if limit else None,
        "usage": spent.total,
        "usage_daily": spent.day,
        "usage_weekly": spent.week,
        "usage_monthly": spent.month,
        "creator_user_id": key.user_id,
        "expires_at": moment_or_none(key.expires_at),
    }


def _budget(state: BudgetState) -> RouterBudget:
    it = state.budget
    return RouterBudget(
        scope=_LAYERS.get(it.holder.level, "workspace"),
        budget_id=it.id,
        limit_usd=it.amount,
        remaining_usd=state.left,
        spend_usd=state.spent + state.reserved + state.uncertain,
        reset_interval=_RESETS[it.period],
        resets_at=moment_or_none(state.resets_at),
    )


# Administration of keys.


async def list_keys(gateway: Gateway, incoming: Incoming) -> Reply:
    """`GET /api/v1/keys`."""
    query, now = read_query(incoming, RouterKeyQuery), now_ms(gateway)

    def found(c: Connection) -> list[RouterKey]:
        of = None if query.workspace_id is None else organisation(c, query.workspace_id).id
        listed = [
            key
            for key in keys.list_keys(c)
            if (query.include_disabled or key.revoked_at is None)
            and (query.include_expired or key.expires_at is None or key.expires_at > now)
            and of in (None, key.organisation_id)
        ]
        return _documents(c, listed[query.offset : query.offset + _PAGE], now)

    return Reply(pieces=(encode(RouterKeyList(data=await gateway.books.read(found))),))


async def create_key(gateway: Gateway, incoming: Incoming) -> Reply:
    """`POST /api/v1/keys`. Raises BadRequest and NotFound."""
    given, now = await read_body(incoming, RouterNewKey), now_ms(gateway)
    new = NewKey(
        given.name,
        (Scope.INFERENCE, Scope.READ),
        organisation=given.workspace_id,
        user=given.creator_user_id,
        expires_at=None if given.expires_at is None else unix_ms(given.expires_at),
    )
    if given.limit is None and given.limit_reset is not None:
        raise BadRequest("A `limit_reset` needs a `limit`.", param="limit_reset")

    def create(c: Connection) -> RouterMadeKey:
        key, secret = keys.create_key(c, new, now)
        if given.limit is not None:
            holder = Holder(Level.KEY, key.id)
            spending.create_budget(c, holder, given.limit, _PERIODS[given.limit_reset], now=now)
        return RouterMadeKey(data=_documents(c, [key], now)[0], key=secret)

    with dollars_are("limit"):
        made = await gateway.books.change(create)
    return Reply(status=201, headers=_UNCACHED, pieces=(encode(made),))


async def show_key(gateway: Gateway, incoming: Incoming, hash: str) -> Reply:
    """`GET /api/v1/keys/{hash}`. Raises NotFound."""
    now = now_ms(gateway)
    shown = await gateway.books.read(lambda c: _documents(c, [_key(c, hash)], now)[0])
    return Reply(pieces=(encode(RouterKeyAnswer(data=shown)),))


async def change_key(gateway: Gateway, incoming: Incoming, hash: str) -> Reply:
    """`PATCH /api/v1/keys/{hash}`. Raises BadRequest and NotFound."""
    given, now = await read_body(incoming, RouterKeyChange), now_ms(gateway)

    def change(c: Connection) -> RouterKey:
        key = _key(c, hash)
        if given.name is not UNSET:
            keys.change_key(c, key.id, now, name=given.name)
        if given.limit is not UNSET or given.limit_reset is not UNSET:
            _change_limit(c, key, given, now)
        if given.disabled:
            keys.revoke_key(c, key.id, now)
        return _documents(c, [keys.get_key(c, key.id)], now)[0]

    with dollars_are("limit"):
        changed = await gateway.books.change(change)
    return Reply(pieces=(encode(RouterKeyAnswer(data=changed)),))


async def revoke_key(gateway: Gateway, incoming: Incoming, hash: str) -> Reply:
    """`DELETE /api/v1/keys/{hash}`. Raises NotFound, and BadRequest for the last administrator's."""
    now = now_ms(gateway)
    await gateway.books.change(lambda c: keys.revoke_key(c, _key(c, hash).id, now))
    return Reply(pieces=(encode(RouterKeyGone()),))


def _key(c: Connection, hash: str) -> Key:
    key = keys.key_by_hash(c, hash.lower())
    if key is None:
        raise NotFound("No key has this SHA-256. `GET /api/v1/keys` lists those there are.", code="key_not_found")
    return key


def _change_limit(c: Connection, key: Key, given: RouterKeyChange, now: int) -> None:
    """A budget keeps what was spent of it where only its amount changes; with another period it begins anew."""
    holder = Holder(Level.KEY, key.id)
    before = _limit_of(key, spending.budgets(c, now, holder))
    kept_amount = before.budget.amount if before else None
    amount = kept_amount if given.limit is UNSET else given.limit
    if amount is None:
        if given.limit_reset not in (UNSET, None):
            raise BadRequest("A `limit_reset` needs a `limit`.", param="limit_reset")
        for state in spending.budgets(c, now, holder):
            if state.budget.hard and state.budget.kind == "budget":
                spending.end_budget(c, state.budget.id, now)
        return
    kept_period = before.budget.period if before else Period.TOTAL
    period = kept_period if given.limit_reset is UNSET else _PERIODS[given.limit_reset]
    if before is not None and period is before.budget.period:
        spending.change_budget(c, before.budget.id, now, amount=amount)
        return
    if before is not None:
        spending.end_budget(c, before.budget.id, now)
    spending.create_budget(c, holder, amount, period, now=now)


def _documents(c: Connection, listed: Sequence[Key], now: int) -> list[RouterKey]:
    ids = [key.id for key in listed]
    hashes = {
        row.id: row.hash
        for row in c.execute(select(tables.keys.c.id, tables.keys.c.hash).where(tables.keys.c.id.in_(ids)))
    }
    states = [state for key in listed for state in spending.budgets(c, now, Holder(Level.KEY, key.id))]
    spent = spent_by_keys(c, ids, now)
    return [
        RouterKey(
            **_usage(key, spent[key.id], _limit_of(key, states)),
            id=key.id,
            hash=hashes[key.id],
            name=key.name,
            disabled=key.revoked_at is not None,
            created_at=moment(key.created_at),
            last_used_at=moment_or_none(spent[key.id].last_used_at),
            workspace_id=key.organisation_id or "",
        )
        for key in listed
    ]

"""Every table of the database, and nothing that reads or writes one.

The migrations build the same tables step by step; a test compares the two. What each column means is in
docs/reference/ledger.md.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData()


class Bounded(TypeDecorator[str]):
    """Text from outside, cut at its column's length: an over-long value must not cost the row."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length
        """Characters."""

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value[: self.length]


class WholeNumber(TypeDecorator[int]):
    """A number of any length as decimal text: some providers' seeds do not fit into 63 bits."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


def _json() -> JSON:
    return JSON(none_as_null=True)


keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("scopes", _json(), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("organisation_id", Text),
    Column("team_id", Text),
    Column("user_id", Text),
    Column("models", _json()),
    Column("providers", _json()),
    Column("addresses", _json()),
    Column("previous_hash", Text),
    Column("previous_until", BigInteger),
    Index("keys_by_previous_hash", "previous_hash"),
)

organisations = Table(
    "organisations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("archived_at", BigInteger),
)


def _members(name: str) -> Table:
    """Parts of an organisation, whose names are their own within it."""
    return Table(
        name,
        metadata,
        Column("id", Text, primary_key=True),
        Column("organisation_id", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("archived_at", BigInteger),
        Index(f"{name}_by_name", "organisation_id", "name", unique=True),
    )


teams = _members("teams")
users = _members("users")

budgets = Table(
    "budgets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("holder_id", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("amount_pico", BigInteger, nullable=False),
    Column("hard", Boolean, nullable=False),
    Column("on_unpriced", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("budgets_by_holder", "level", "holder_id"),
)

budget_use = Table(
    "budget_use",
    metadata,
    Column("budget_id", Text, primary_key=True),
    Column("period_start", BigInteger, primary_key=True),
    Column("spent_pico", BigInteger, nullable=False),
    Column("reserved_pico", BigInteger, nullable=False),
    Column("uncertain_pico", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

credit_entries = Table(
    "credit_entries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("budget_id", Text, nullable=False),
    Column("amount_pico", BigInteger, nullable=False),
    Column("note", Bounded(500), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("credit_entries_by_budget", "budget_id"),
)

limits = Table(
    "limits",
    metadata,
    Column("id", Text, primary_key=True),
    Column("level", Text, nullable=False),
    Column("holder_id", Text, nullable=False),
    Column("unit", Text, nullable=False),
    # Millionths: megapixels and dollars have fractions.
    Column("amount_micro", BigInteger, nullable=False),
    Column("window_seconds", Integer, nullable=False),
    Column("model", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("limits_by_holder", "level", "holder_id"),
)

allowances = Table(
    "allowances",
    metadata,
    Column("id", Text, primary_key=True),
    Column("level", Text, nullable=False),
    Column("holder_id", Text, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("allowances_by_holder", "level", "holder_id"),
)

allowance_use = Table(
    "allowance_use",
    metadata,
    Column("allowance_id", Text, primary_key=True),
    Column("month_start", BigInteger, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

reservations = Table(
    "reservations",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("facts", _json(), nullable=False),
    sqlite_with_rowid=False,
)

reservation_parts = Table(
    "reservation_parts",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("budget_id", Text, primary_key=True),
    Column("period_start", BigInteger, nullable=False),
    Column("amount_pico", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

requests = Table(
    "requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("latency_ms", BigInteger, nullable=False),
    # No foreign key: a row must never be refused because of what became of the key.
    Column("key_id", Text),
    Column("dialect", Text, nullable=False),
    Column("path", Bounded(200), nullable=False),
    Column("operation", Text),
    Column("model_asked", Bounded(200)),
    Column("model", Text),
    Column("provider", Text),
    Column("upstream", Text),
    Column("status", Integer, nullable=False),
    Column("error_code", Bounded(100)),
    Column("error_message", Bounded(500)),
    Column("stream", Boolean, nullable=False),
    Column("client_gone", Boolean, nullable=False),
    Column("images_asked", Integer),
    Column("images_delivered", Integer),
    Column("output_pixels", BigInteger),
    Column("reference_count", Integer),
    Column("reference_pixels", BigInteger),
    Column("text_tokens_in", BigInteger),
    Column("cached_text_tokens_in", BigInteger),
    Column("image_tokens_in", BigInteger),
    Column("cached_image_tokens_in", BigInteger),
    Column("text_tokens_out", BigInteger),
    Column("image_tokens_out", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("cost_pico", BigInteger),
    Column("cost_source", Text, nullable=False),
    Column("cost_computed_pico", BigInteger),
    Column("price_checked", Date),
    Column("quote_low_pico", BigInteger),
    Column("quote_high_pico", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("fallback_used", Boolean, nullable=False),
    Column("routing_strategy", Text),
    Column("cache", Text),
    Column("trace_id", Bounded(200)),
    Column("session_id", Bounded(200)),
    Column("user_id", Bounded(200)),
    Column("metadata", _json()),
    Column("ignored", _json()),
    Column("organisation_id", Text),
    Column("team_id", Text),
    Column("member_id", Text),
    Column("charged_pico", BigInteger),
    Column("uncertain_pico", BigInteger),
    Column("charge_reason", Bounded(200)),
    Column("price_version", Text),
    Column("resumed", Boolean, nullable=False, server_default=text("0")),
    Column("mirror_of", Text),
    Column("app", Bounded(100)),
    Column("app_url", Bounded(200)),
    Index("requests_by_time", "created_at"),
    # The gallery's way through a ledger that is mostly text.
    Index("requests_with_pictures", "created_at", "id", sqlite_where=text("images_delivered > 0")),
    # Copies only, so that no other request pays for it.
    Index("requests_mirrored", "created_at", sqlite_where=text("mirror_of IS NOT NULL")),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    # No foreign key: an attempt is written before its request's row is.
    Column("request_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("provider", Text, nullable=False),
    Column("upstream", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("latency_ms", BigInteger),
    Column("status", Integer),
    Column("error_code", Bounded(100)),
    Column("upstream_id", Text),
    Column("polling_url", Text),
    Column("stated_pico", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("key_name", Text),
    Index("attempts_by_request", "request_id"),
)

assets = Table(
    "assets",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Index("assets_by_expiry", "expires_at"),
)

asset_links = Table(
    "asset_links",
    metadata,
    Column("request_id", Text, ForeignKey("requests.id"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    # No foreign key: what was made from what stays known when the picture itself has expired.
    Column("digest", Text, nullable=False),
    Column("seed", WholeNumber),
    Index("asset_links_by_digest", "digest"),
)


def _usage(name: str, *, start: str) -> Table:
    """Sums of the requests of one hour or day that are alike."""
    return Table(
        name,
        metadata,
        Column(start, BigInteger, primary_key=True),
        Column("key_id", Text, primary_key=True),
        Column("model", Text, primary_key=True),
        Column("provider", Text, primary_key=True),
        Column("operation", Text, primary_key=True),
        Column("organisation_id", Text, primary_key=True),
        Column("team_id", Text, primary_key=True),
        Column("member_id", Text, primary_key=True),
        Column("app", Text, primary_key=True),
        *(Column(count, BigInteger, nullable=False) for count in USAGE_SUMS),
        sqlite_with_rowid=False,
    )


USAGE_SUMS = (
    "requests",
    "failed",
    "unpriced",
    "images",
    "output_pixels",
    "tokens_in",
    "tokens_out",
    "cost_pico",
    "charged_pico",
    "uncertain_pico",
    "cache_hits",
    "latency_ms",
)
"""Columns that are added up."""

usage_hours = _usage("usage_hours", start="hour")
usage_days = _usage("usage_days", start="day")

prompts = Table(
    "prompts",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("body", _json(), nullable=False),
    Index("prompts_by_time", "created_at"),
)

health_slots = Table(
    "health_slots",
    metadata,
    Column("offer", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("size_class", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("process", Text, primary_key=True),
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("limited", Integer, nullable=False),
    Column("seconds", _json(), nullable=False),
    Column("firsts", _json(), nullable=False),
    Column("rates", _json(), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("health_slots_by_change", "changed_at"),
    sqlite_with_rowid=False,
)

health_days = Table(
    "health_days",
    metadata,
    Column("offer", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("day", BigInteger, primary_key=True),
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("limited", Integer, nullable=False),
    Column("seconds", _json(), nullable=False),
    Column("firsts", _json(), nullable=False),
    Column("rates", _json(), nullable=False),
    sqlite_with_rowid=False,
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("sessions_by_expiry", "expires_at"),
    sqlite_with_rowid=False,
)

benchmark_reviews = Table(
    "benchmark_reviews",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("key_id", Text),
    Column("model", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("benchmark", Bounded(120), nullable=False),
    Column("score", Text, nullable=False),
    Column("low", Text),
    Column("high", Text),
    Column("votes", BigInteger),
    Column("source", Bounded(500), nullable=False),
    Column("measured_on", Date, nullable=False),
    Column("note", Bounded(500), nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_at", BigInteger),
    Column("decided_by", Text),
    Index("benchmark_reviews_by_model", "model"),
)

paused_providers = Table(
    "paused_providers",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("paused_at", BigInteger, nullable=False),
    Column("paused_by", Text),
    Column("reason", Bounded(200), nullable=False),
    sqlite_with_rowid=False,
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

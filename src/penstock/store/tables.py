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
    Index("requests_by_time", "created_at"),
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

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

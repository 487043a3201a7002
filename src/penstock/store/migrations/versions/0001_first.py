"""The first schema: keys, requests, attempts, assets and their links, secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _keys()
    _requests()
    _attempts()
    _assets()
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("latency_ms", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("path", sa.String(200), nullable=False),
        sa.Column("operation", sa.Text),
        sa.Column("model_asked", sa.String(200)),
        sa.Column("model", sa.Text),
        sa.Column("provider", sa.Text),
        sa.Column("upstream", sa.Text),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("error_code", sa.String(100)),
        sa.Column("error_message", sa.String(500)),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("client_gone", sa.Boolean, nullable=False),
        sa.Column("images_asked", sa.Integer),
        sa.Column("images_delivered", sa.Integer),
        sa.Column("output_pixels", sa.BigInteger),
        sa.Column("reference_count", sa.Integer),
        sa.Column("reference_pixels", sa.BigInteger),
        sa.Column("text_tokens_in", sa.BigInteger),
        sa.Column("cached_text_tokens_in", sa.BigInteger),
        sa.Column("image_tokens_in", sa.BigInteger),
        sa.Column("cached_image_tokens_in", sa.BigInteger),
        sa.Column("text_tokens_out", sa.BigInteger),
        sa.Column("image_tokens_out", sa.BigInteger),
        sa.Column("reasoning_tokens", sa.BigInteger),
        sa.Column("cost_pico", sa.BigInteger),
        sa.Column("cost_source", sa.Text, nullable=False),
        sa.Column("cost_computed_pico", sa.BigInteger),
        sa.Column("price_checked", sa.Date),
        sa.Column("quote_low_pico", sa.BigInteger),
        sa.Column("quote_high_pico", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("fallback_used", sa.Boolean, nullable=False),
        sa.Column("routing_strategy", sa.Text),
        sa.Column("cache", sa.Text),
        sa.Column("trace_id", sa.String(200)),
        sa.Column("session_id", sa.String(200)),
        sa.Column("user_id", sa.String(200)),
        sa.Column("metadata", sa.JSON),
        sa.Column("ignored", sa.JSON),
    )
    op.create_index("requests_by_time", "requests", ["created_at"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("upstream", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("latency_ms", sa.BigInteger),
        sa.Column("status", sa.Integer),
        sa.Column("error_code", sa.String(100)),
        sa.Column("upstream_id", sa.Text),
        sa.Column("polling_url", sa.Text),
        sa.Column("stated_pico", sa.BigInteger),
        sa.Column("outcome", sa.Text, nullable=False),
    )
    op.create_index("attempts_by_request", "attempts", ["request_id"])


def _assets() -> None:
    op.create_table(
        "assets",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
    )
    op.create_index("assets_by_expiry", "assets", ["expires_at"])
    op.create_table(
        "asset_links",
        sa.Column("request_id", sa.Text, sa.ForeignKey("requests.id"), primary_key=True),
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("seed", sa.Text),
    )
    op.create_index("asset_links_by_digest", "asset_links", ["digest"])

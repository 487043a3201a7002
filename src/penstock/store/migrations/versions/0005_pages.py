"""What the pages need: apps, how offers did day by day, sessions, contributed benchmarks, paused providers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("requests", sa.Column("app", sa.String(100)))
    op.add_column("requests", sa.Column("app_url", sa.String(200)))
    op.create_index(
        "requests_with_pictures", "requests", ["created_at", "id"], sqlite_where=sa.text("images_delivered > 0")
    )
    _usage()
    _health()
    _administration()


_ALIKE = ("key_id", "model", "provider", "operation", "organisation_id", "team_id", "member_id")
_SUMS = (
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


def _usage() -> None:
    """The app becomes part of the key, for which SQLite wants a new table."""
    for table, start in (("usage_hours", "hour"), ("usage_days", "day")):
        op.rename_table(table, f"{table}_old")
        op.create_table(
            table,
            sa.Column(start, sa.BigInteger, primary_key=True),
            *(sa.Column(name, sa.Text, primary_key=True) for name in (*_ALIKE, "app")),
            *(sa.Column(name, sa.BigInteger, nullable=False) for name in _SUMS),
            sqlite_with_rowid=False,
        )
        names, sums = f"{start}, {', '.join(_ALIKE)}", ", ".join(_SUMS)
        # Every name in it is one of ours.
        op.execute(f"INSERT INTO {table} ({names}, app, {sums}) SELECT {names}, '', {sums} FROM {table}_old")  # noqa: S608
        op.drop_table(f"{table}_old")


def _health() -> None:
    op.create_table(
        "health_days",
        sa.Column("offer", sa.Text, primary_key=True),
        sa.Column("operation", sa.Text, primary_key=True),
        sa.Column("day", sa.BigInteger, primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("succeeded", "failed", "limited")),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("seconds", "firsts", "rates")),
        sqlite_with_rowid=False,
    )


def _administration() -> None:
    op.create_table(
        "sessions",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("sessions_by_expiry", "sessions", ["expires_at"])
    op.create_table(
        "benchmark_reviews",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("benchmark", sa.String(120), nullable=False),
        sa.Column("score", sa.Text, nullable=False),
        sa.Column("low", sa.Text),
        sa.Column("high", sa.Text),
        sa.Column("votes", sa.BigInteger),
        sa.Column("source", sa.String(500), nullable=False),
        sa.Column("measured_on", sa.Date, nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger),
        sa.Column("decided_by", sa.Text),
    )
    op.create_index("benchmark_reviews_by_model", "benchmark_reviews", ["model"])
    op.create_table(
        "paused_providers",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("paused_at", sa.BigInteger, nullable=False),
        sa.Column("paused_by", sa.Text),
        sa.Column("reason", sa.String(200), nullable=False),
        sqlite_with_rowid=False,
    )

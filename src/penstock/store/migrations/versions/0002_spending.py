"""Who may spend: organisations, teams, users, budgets, credits, limits, allowances, reservations, sums of usage."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _keys()
    _requests()
    _people()
    _budgets()
    _limits()
    _reservations()
    _usage()
    op.create_table(
        "prompts",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_index("prompts_by_time", "prompts", ["created_at"])


def _keys() -> None:
    for name, kind in (
        ("organisation_id", sa.Text),
        ("team_id", sa.Text),
        ("user_id", sa.Text),
        ("models", sa.JSON),
        ("providers", sa.JSON),
        ("addresses", sa.JSON),
        ("previous_hash", sa.Text),
        ("previous_until", sa.BigInteger),
    ):
        op.add_column("keys", sa.Column(name, kind))
    op.create_index("keys_by_previous_hash", "keys", ["previous_hash"])


def _requests() -> None:
    for name, kind in (
        ("organisation_id", sa.Text),
        ("team_id", sa.Text),
        ("member_id", sa.Text),
        ("charged_pico", sa.BigInteger),
        ("uncertain_pico", sa.BigInteger),
        ("charge_reason", sa.String(200)),
        ("price_version", sa.Text),
    ):
        op.add_column("requests", sa.Column(name, kind))
    op.add_column("requests", sa.Column("resumed", sa.Boolean, nullable=False, server_default=sa.text("0")))


def _people() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("archived_at", sa.BigInteger),
    )
    for table in ("teams", "users"):
        op.create_table(
            table,
            sa.Column("id", sa.Text, primary_key=True),
            sa.Column("organisation_id", sa.Text, nullable=False),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("created_at", sa.BigInteger, nullable=False),
            sa.Column("archived_at", sa.BigInteger),
        )
        op.create_index(f"{table}_by_name", table, ["organisation_id", "name"], unique=True)


def _budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("holder_id", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("amount_pico", sa.BigInteger, nullable=False),
        sa.Column("hard", sa.Boolean, nullable=False),
        sa.Column("on_unpriced", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("budgets_by_holder", "budgets", ["level", "holder_id"])
    op.create_table(
        "budget_use",
        sa.Column("budget_id", sa.Text, primary_key=True),
        sa.Column("period_start", sa.BigInteger, primary_key=True),
        sa.Column("spent_pico", sa.BigInteger, nullable=False),
        sa.Column("reserved_pico", sa.BigInteger, nullable=False),
        sa.Column("uncertain_pico", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "credit_entries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("amount_pico", sa.BigInteger, nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("credit_entries_by_budget", "credit_entries", ["budget_id"])


def _limits() -> None:
    op.create_table(
        "limits",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("holder_id", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("amount_micro", sa.BigInteger, nullable=False),
        sa.Column("window_seconds", sa.Integer, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("limits_by_holder", "limits", ["level", "holder_id"])
    op.create_table(
        "allowances",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("holder_id", sa.Text, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("allowances_by_holder", "allowances", ["level", "holder_id"])
    op.create_table(
        "allowance_use",
        sa.Column("allowance_id", sa.Text, primary_key=True),
        sa.Column("month_start", sa.BigInteger, primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("deadline", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reservation_parts",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("budget_id", sa.Text, primary_key=True),
        sa.Column("period_start", sa.BigInteger, nullable=False),
        sa.Column("amount_pico", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


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
    """The sums begin with what the ledger holds already."""
    for table, start, length in (("usage_hours", "hour", 3_600_000), ("usage_days", "day", 86_400_000)):
        op.create_table(
            table,
            sa.Column(start, sa.BigInteger, primary_key=True),
            *(sa.Column(name, sa.Text, primary_key=True) for name in _ALIKE),
            *(sa.Column(name, sa.BigInteger, nullable=False) for name in _SUMS),
            sqlite_with_rowid=False,
        )
        # Every name in it is one of ours.
        op.execute(
            _ADDED_UP.format(table=table, start=start, length=length, alike=", ".join(_ALIKE), sums=", ".join(_SUMS))
        )


_ADDED_UP = """
    INSERT INTO {table} ({start}, {alike}, {sums})
    SELECT created_at / {length} * {length}, COALESCE(key_id, ''), COALESCE(model, ''), COALESCE(provider, ''),
        COALESCE(operation, ''), '', '', '', COUNT(*), SUM(status >= 400), SUM(status < 400 AND cost_pico IS NULL),
        SUM(COALESCE(images_delivered, 0)), SUM(COALESCE(output_pixels, 0)),
        SUM(COALESCE(text_tokens_in, 0) + COALESCE(cached_text_tokens_in, 0) + COALESCE(image_tokens_in, 0)
            + COALESCE(cached_image_tokens_in, 0)),
        SUM(COALESCE(text_tokens_out, 0) + COALESCE(image_tokens_out, 0)),
        SUM(COALESCE(cost_pico, 0)), 0, 0, 0, SUM(latency_ms)
    FROM requests GROUP BY 1, 2, 3, 4, 5
"""

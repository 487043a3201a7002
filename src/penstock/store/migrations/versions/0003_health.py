"""How offers have been doing, minute by minute, as the processes of a gateway tell each other."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "health_slots",
        sa.Column("offer", sa.Text, primary_key=True),
        sa.Column("operation", sa.Text, primary_key=True),
        sa.Column("size_class", sa.Text, primary_key=True),
        sa.Column("minute", sa.BigInteger, primary_key=True),
        sa.Column("process", sa.Text, primary_key=True),
        sa.Column("succeeded", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("limited", sa.Integer, nullable=False),
        sa.Column("seconds", sa.JSON, nullable=False),
        sa.Column("firsts", sa.JSON, nullable=False),
        sa.Column("rates", sa.JSON, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("health_slots_by_change", "health_slots", ["changed_at"])

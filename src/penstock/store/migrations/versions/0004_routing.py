"""Why an attempt was made and with which key, and of which request another one is a copy."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("requests", sa.Column("mirror_of", sa.Text))
    op.create_index("requests_mirrored", "requests", ["created_at"], sqlite_where=sa.text("mirror_of IS NOT NULL"))
    op.add_column("attempts", sa.Column("reason", sa.Text))
    op.add_column("attempts", sa.Column("key_name", sa.Text))

"""The norms of every inversion of a label that was confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("label") as table:
        table.add_column(sa.Column("norms", sa.JSON()))


def downgrade() -> None:
    with op.batch_alter_table("label") as table:
        table.drop_column("norms")
